@echo off
rem cnn COMMAND ...: runs the program; builds it first when a source is newer than the last build.
setlocal
set "CNN_ROOT=%~dp0"
set "CNN_DLL=%CNN_ROOT%artifacts\bin\Cnn.Host\release\cnn.dll"
set "CNN_STAMP=%CNN_ROOT%artifacts\cnn.stamp"
set "CNN_STARTED=%CNN_STAMP%.%RANDOM%"

where dotnet >nul 2>nul
if errorlevel 1 (
  echo cnn: there is no 'dotnet' on the PATH; install the .NET 10 SDK. 1>&2
  exit /b 127
)

if not exist "%CNN_DLL%" goto build
if not exist "%CNN_STAMP%" goto build
rem folders count as well: theirs is the time at which a file was last added or removed
powershell -NoProfile -ExecutionPolicy Bypass -Command ^
  "$stamp = (Get-Item -LiteralPath $env:CNN_STAMP).LastWriteTimeUtc;" ^
  "$roots = 'src', 'data', 'recipes', 'guide' | ForEach-Object { Join-Path $env:CNN_ROOT $_ };" ^
  "$files = @(Get-ChildItem -LiteralPath $roots -Recurse) + @(Get-Item -LiteralPath $roots)" ^
  " + @(Get-ChildItem -Path ($env:CNN_ROOT + '*') -Include 'paket.*', 'Directory.Build.*');" ^
  "if ($files | Where-Object { $_.LastWriteTimeUtc -gt $stamp } | Select-Object -First 1) { exit 1 }"
if errorlevel 1 goto build
goto run

:build
echo building... 1>&2
if not exist "%CNN_ROOT%artifacts" mkdir "%CNN_ROOT%artifacts"
rem what changes while the build runs is newer than the stamp
type nul > "%CNN_STARTED%"
dotnet msbuild "%CNN_ROOT%src\Cnn.Host.csproj" -restore -p:Configuration=Release -nologo -v:quiet -clp:ErrorsOnly -tl:off 1>&2
if errorlevel 1 (
  del /q "%CNN_STARTED%"
  echo cnn: the build failed; its errors are above. 1>&2
  exit /b 70
)
move /y "%CNN_STARTED%" "%CNN_STAMP%" >nul

:run
dotnet "%CNN_DLL%" %*
exit /b %ERRORLEVEL%
