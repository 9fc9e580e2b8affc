# Completion of cnn in PowerShell. In $PROFILE:  cnn completions pwsh | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName cnn -ScriptBlock {
    param($word, $typed, $cursor)
    # the program is asked under its own name, by whatever path it was called; a space at the end counts
    $program = $typed.CommandElements[0].Extent
    $rest = $typed.Extent.Text.Substring($program.Text.Length)
    $line = "cnn$rest".PadRight($cursor - $typed.Extent.StartOffset - $program.Text.Length + 3)
    # where nothing fits, PowerShell offers files by itself
    & $program.Text "[suggest:$($line.Length)]" $line 2>$null |
        Where-Object { $_ -like "$word*" } |
        ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
}
