/// F# as ColorCode is to see it. Its own rules for F# take `(*)`, a multiplication, for the start of a comment, and look for the end in
/// exponential time.
module Cnn.Site.FSharp

open System.Collections.Generic
open ColorCode
open ColorCode.Common

let private words =
    [
        "abstract and as assert base begin class default delegate do done downcast downto elif else end exception extern"
        "false finally fixed for fun function global if in inherit inline interface internal lazy let match member module"
        "mutable namespace new null of open or override private public rec return static struct then to true"
        "try type upcast use val void when while with yield"
    ]
    |> String.concat " "
    |> _.Replace(' ', '|')

// what stands further to the left is found first, and of what begins at one place, what stands further up; blanks in patterns are ignored
let private rules =
    [
        @"//[^\r\n]*", ScopeName.Comment
        @"\(\*(?!\))[\s\S]*?\*\)", ScopeName.Comment
        "\\$*\"\"\"[\\s\\S]*?\"\"\"", ScopeName.String
        "\\$?\"(?:[^\"\\\\]|\\\\.)*\"", ScopeName.String
        @"'(?:[^'\\\r\n]|\\[^'\r\n]+)'", ScopeName.String
        @"\#(?:load|r|I|nowarn)\b", ScopeName.Keyword
        $@"\b(?:{words})\b(?!')", ScopeName.Keyword
        @"\b[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?[a-zA-Z]?\b", ScopeName.Number
    ]

let language: ILanguage =
    { new ILanguage with
        member _.Id = "fsharp-guide"
        member _.Name = "F#"
        member _.CssClassName = "fsharp"
        member _.FirstLinePattern = null
        member _.HasAlias _ = false

        member _.Rules =
            [|
                for pattern, scope in rules -> LanguageRule(pattern, Dictionary [ KeyValuePair(0, scope) ])
            |]
            :> IList<LanguageRule>
    }
