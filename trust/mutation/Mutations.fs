/// Finds what can be changed in a source file, in the syntax tree of the compiler itself. So comments, strings, attributes and types
/// stay as they are, and so do messages of exceptions.
module Cnn.Mutation.Mutations

open System
open System.Globalization
open FSharp.Compiler.CodeAnalysis
open FSharp.Compiler.Syntax
open FSharp.Compiler.SyntaxTrivia
open FSharp.Compiler.Text

let private operators =
    Map
        [
            "+", [ "-" ]
            "-", [ "+" ]
            "*", [ "/" ]
            "/", [ "*" ]
            "%", [ "/" ]
            "**", [ "*" ]
            ">>>", [ "<<<" ]
            "<", [ "<="; ">=" ]
            "<=", [ "<"; ">" ]
            ">", [ ">="; "<=" ]
            ">=", [ ">"; "<" ]
            "=", [ "<>" ]
            "<>", [ "=" ]
            "&&", [ "||" ]
            "||", [ "&&" ]
        ]

let private names =
    Map
        [
            "min", "max"
            "max", "min"
            "fst", "snd"
            "snd", "fst"
            "One", "Zero"
            "Zero", "One"
            "Rows", "Columns"
            "Columns", "Rows"
            "IsNone", "IsSome"
            "IsSome", "IsNone"
            "forall", "exists"
            "exists", "forall"
            "op_LessThanOrEqual", "op_LessThan"
            "op_GreaterThan", "op_GreaterThanOrEqual"
        ]

let private number (value: float) : string =
    let text = value.ToString("R", CultureInfo.InvariantCulture)

    if text.Contains '.' || text.Contains 'E' then
        text
    else
        text + ".0"

let private constants (constant: SynConst) : string list =
    match constant with
    | SynConst.Bool value -> [ if value then "false" else "true" ]
    | SynConst.Int32 0 -> [ "1" ]
    | SynConst.Int32 1 -> [ "2"; "0" ]
    | SynConst.Int32 value -> [ string (value + 1) ]
    | SynConst.Int64 value -> [ $"{value + 1L}L" ]
    | SynConst.Double 0.0 -> [ "1.0" ]
    | SynConst.Double 1.0 -> [ "2.0"; "0.0" ]
    | SynConst.Double value -> [ number (2.0 * value) ]
    | _ -> []

/// The characters of a file by line and column.
type private Characters(text: string) =
    let starts =
        [|
            yield 0
            for i in 0 .. text.Length - 1 do
                if text[i] = '\n' then
                    yield i + 1
        |]

    member _.Position(p: pos) = starts[p.Line - 1] + p.Column

    member this.Text(r: range) =
        text[this.Position r.Start .. this.Position r.End - 1]

/// In a few words, and on one line.
let private brief (text: string) =
    let words =
        String.Join(' ', text.Split([| ' '; '\n'; '\r' |], StringSplitOptions.RemoveEmptyEntries))

    if words.Length <= 60 then words else words[..56] + "..."

let private raises =
    set [ "invalidArg"; "invalidOp"; "failwith"; "raise"; "nullArg"; "nameof" ]

/// Calls of what raises, and texts with values in them.
let private isMessage (node: SyntaxNode) =
    match node with
    | SyntaxNode.SynExpr(SynExpr.InterpolatedString _) -> true
    | SyntaxNode.SynExpr(SynExpr.App(funcExpr = SynExpr.Ident name)) -> raises.Contains name.idText
    | SyntaxNode.SynExpr(SynExpr.App(funcExpr = SynExpr.App(funcExpr = SynExpr.Ident name))) ->
        raises.Contains name.idText
    | _ -> false

let private isCopied (node: SyntaxNode) =
    match node with
    | SyntaxNode.SynBinding(SynBinding(isInline = isInline; attributes = attributes)) ->
        isInline
        || attributes
           |> List.exists (fun list ->
               list.Attributes
               |> List.exists (fun a -> (List.last a.TypeName.LongIdent).idText = "Literal"))
    | _ -> false

/// Elements of a list, one a line, look like statements to the parser.
let rec private areElements (path: SyntaxVisitorPath) =
    match path with
    | SyntaxNode.SynExpr(SynExpr.Sequential _) :: rest -> areElements rest
    | SyntaxNode.SynExpr(SynExpr.ArrayOrListComputed _) :: _ -> true
    | _ -> false

let private isAssignment (e: SynExpr) =
    match e with
    | SynExpr.LongIdentSet _
    | SynExpr.DotIndexedSet _
    | SynExpr.DotSet _
    | SynExpr.Set _ -> true
    | _ -> false

/// The application of an operator to its operands, above the operator.
let private operation (path: SyntaxVisitorPath) : range voption =
    match path with
    | SyntaxNode.SynExpr(SynExpr.App(isInfix = true)) :: SyntaxNode.SynExpr(SynExpr.App(range = whole)) :: _ ->
        ValueSome whole
    | SyntaxNode.SynExpr(SynExpr.App(isInfix = false; range = whole)) :: _ -> ValueSome whole
    | _ -> ValueNone

/// A name, with all its arguments where it is the name of a function.
let rec private call (path: SyntaxVisitorPath) (own: range) : range voption =
    match path with
    | SyntaxNode.SynExpr(SynExpr.App(isInfix = false; funcExpr = called; range = whole)) :: rest when
        Range.equals called.Range own
        ->
        call rest whole
    | _ -> ValueSome own

/// All mutants of a file, in the order of its text.
let ofFile (checker: FSharpChecker) (file: string) (text: string) : Mutant[] =
    let characters = Characters text

    let parsed =
        checker.ParseFile(
            file,
            SourceText.ofString text,
            { FSharpParsingOptions.Default with
                SourceFiles = [| file |]
            }
        )
        |> Async.RunSynchronously

    if parsed.ParseHadErrors then
        failwith $"{file} cannot be parsed"

    let ofNode (path: SyntaxVisitorPath) (node: SyntaxNode) : Mutant list =
        let isCopiedIntoCallers = List.exists isCopied path

        let change (expression: range voption) (r: range) (replacement: string) (what: string) =
            {
                File = file
                Line = r.StartLine
                Column = r.StartColumn + 1
                Start = characters.Position r.Start
                Length = characters.Position r.End - characters.Position r.Start
                Replacement = replacement
                Change = what
                Expression =
                    if isCopiedIntoCallers then
                        ValueNone
                    else
                        expression
                        |> ValueOption.map (fun e -> characters.Position e.Start, characters.Position e.End)
                IsCopiedIntoCallers = isCopiedIntoCallers
            }

        let replace (expression: range voption) (r: range) (replacement: string) =
            change expression r replacement $"{brief (characters.Text r)} -> {brief replacement}"

        let whole (r: range) (replacement: string) (what: string) = change (ValueSome r) r replacement what

        let negate (condition: SynExpr) =
            let text = characters.Text condition.Range
            // so that further lines keep their place beside the first
            let negated =
                if text.Contains '\n' then
                    $"({text}) |> not"
                else
                    $"not ({text})"

            whole condition.Range negated $"if {brief text} -> if not"

        let drop (statement: SynExpr) =
            whole statement.Range "()" $"without {brief (characters.Text statement.Range)}"

        let shorten (last: SynExpr) =
            let text = characters.Text last.Range
            whole last.Range $"({text}) - 1" $".. {brief text} -> .. one less"

        let ofNames (own: range) (identifiers: Ident list) =
            [
                for identifier in identifiers do
                    match names.TryFind identifier.idText with
                    | Some other -> replace (call path own) identifier.idRange other
                    | None -> ()
            ]

        match node with
        | SyntaxNode.SynExpr(SynExpr.Const(constant, range)) ->
            constants constant |> List.map (replace (ValueSome range) range)
        | SyntaxNode.SynPat(SynPat.Const(constant, range)) -> constants constant |> List.map (replace ValueNone range)

        | SyntaxNode.SynExpr(SynExpr.LongIdent(longDotId = SynLongIdent(id = identifiers; trivia = trivia); range = own)) ->
            let last = List.last identifiers

            match List.tryLast trivia with
            | Some(Some(IdentTrivia.OriginalNotation _ | IdentTrivia.OriginalNotationWithParen _)) ->
                let expression = operation path

                if last.idText = "op_UnaryNegation" then
                    [ change expression last.idRange "" "unary minus -> none" ]
                else
                    operators.TryFind(characters.Text last.idRange)
                    |> Option.defaultValue []
                    |> List.map (replace expression last.idRange)
            | _ -> ofNames own identifiers

        | SyntaxNode.SynExpr(SynExpr.Ident identifier) -> ofNames identifier.idRange [ identifier ]

        | SyntaxNode.SynExpr(SynExpr.DotGet(longDotId = SynLongIdent(id = identifiers); range = own)) ->
            ofNames own identifiers

        | SyntaxNode.SynExpr(SynExpr.IfThenElse(ifExpr = condition)) -> [ negate condition ]
        | SyntaxNode.SynMatchClause(SynMatchClause(whenExpr = Some condition)) -> [ negate condition ]

        | SyntaxNode.SynExpr(SynExpr.IndexRange(expr2 = Some last)) when not last.IsIndexRange -> [ shorten last ]

        | SyntaxNode.SynExpr(SynExpr.Sequential(expr1 = first; expr2 = second)) when not (areElements (node :: path)) ->
            [
                drop first
                if isAssignment second then
                    drop second
            ]

        | SyntaxNode.SynExpr(SynExpr.ForEach(bodyExpr = body)) when isAssignment body -> [ drop body ]
        | _ -> []

    let add found path node =
        if isMessage node || List.exists isMessage path then
            found
        else
            ofNode path node @ found

    ([], parsed.ParseTree)
    ||> ParsedInput.fold add
    |> List.distinct
    |> List.sortBy (fun m -> m.Start, m.Length, m.Replacement)
    |> Array.ofList
