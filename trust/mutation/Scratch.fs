namespace Cnn.Mutation

open System
open System.IO
open System.Text.Json

/// A copy of the repository, built, in which files may be changed: in the system's temporary folder, from which it goes when the work
/// is done, or in a folder that is named, where it stays, and is brought up to date the next time.
///
/// Tests are built without the optimisations that copy short functions of the core into them, so that they see a new core.
[<Sealed>]
type Scratch(root: string, kept: string option) =
    let folder =
        match kept with
        | Some folder -> Directory.CreateDirectory folder
        | None -> Directory.CreateTempSubdirectory "cnn-mutation-"

    let path (file: string) = Path.Combine(folder.FullName, file)

    static let isLeftOut (name: string) =
        List.contains name [ ".git"; "artifacts"; "runs"; "figures"; "paket-files"; ".vs"; ".idea" ]

    static let isAlike (a: string) (b: string) =
        File.ReadAllBytes(a).AsSpan().SequenceEqual(File.ReadAllBytes b)

    let rec copy (from: DirectoryInfo) (target: string) =
        Directory.CreateDirectory target |> ignore

        for file in from.GetFiles() do
            let copy = Path.Combine(target, file.Name)

            // what is the same keeps its time, and is not built again
            if not (File.Exists copy && isAlike file.FullName copy) then
                file.CopyTo(copy, true) |> ignore

        for inner in from.GetDirectories() do
            if not (isLeftOut inner.Name) then
                copy inner (Path.Combine(target, inner.Name))

    let dotnet (arguments: string list) =
        Commands.output folder.FullName "dotnet" arguments

    /// What the compiler is called with for a project, the sources by their full paths.
    let compilerArguments (project: string) : string[] =
        let json =
            dotnet
                [
                    "msbuild"
                    project
                    "-restore"
                    "-t:Compile"
                    "-p:Configuration=Release"
                    "-p:ProvideCommandLineArgs=true"
                    "-p:SkipCompilerExecution=true"
                    "-p:BuildProjectReferences=false"
                    // nothing is there that could be up to date
                    $"""-p:ArtifactsPath={path "asked"}/"""
                    "-getItem:FscCommandLineArgs"
                ]

        use document = JsonDocument.Parse(json[json.IndexOf '{' ..])

        [|
            for item in document.RootElement.GetProperty("Items").GetProperty("FscCommandLineArgs").EnumerateArray() do
                // what was asked about is not built, but the same is there where it was
                let argument =
                    item.GetProperty("Identity").GetString().Replace(path "asked", path "artifacts")

                if argument.StartsWith '-' then
                    argument
                else
                    Path.GetFullPath(Path.Combine(folder.FullName, Path.GetDirectoryName project, argument))
        |]

    do
        copy (DirectoryInfo root) folder.FullName

        dotnet
            [
                "build"
                "tests/Cnn.Tests.fsproj"
                "-c"
                "Release"
                "-v:quiet"
                "-p:OtherFlags=--crossoptimize-"
                "-p:UseSharedCompilation=false"
            ]
        |> ignore

    let core = compilerArguments "src/Cnn.Core.fsproj"
    let tests = compilerArguments "tests/Cnn.Tests.fsproj"

    member _.Folder = folder.FullName
    member _.Path(file: string) = path file
    member _.CoreArguments = core
    member _.TestArguments = tests

    /// Where the tests are run from.
    member _.TestFolder = path "artifacts/bin/Cnn.Tests/release"

    interface IDisposable with
        member _.Dispose() =
            if kept.IsNone then
                folder.Delete true
