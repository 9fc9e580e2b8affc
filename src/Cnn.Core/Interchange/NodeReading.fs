namespace Cnn.Interchange

open Cnn.Networks

/// `let!` over results: the first Error ends the whole.
type internal ResultBuilder() =
    member _.Bind(result: Result<'A, string>, next: 'A -> Result<'B, string>) = Result.bind next result
    member _.Return(value: 'A) : Result<'A, string> = Ok value
    member _.ReturnFrom(result: Result<'A, string>) = result
    member _.Zero() : Result<unit, string> = Ok()
    member _.Combine(first: Result<unit, string>, next: unit -> Result<'A, string>) = Result.bind next first
    member _.Delay(next: unit -> Result<'A, string>) = next
    member _.Run(next: unit -> Result<'A, string>) = next ()

/// Attributes of nodes, of which nothing is trusted.
module internal NodeReading =

    let result = ResultBuilder()

    let refuseUnless (isRight: bool) (reason: string) : Result<unit, string> = if isRight then Ok() else Error reason

    /// How a sentence names a node.
    let describe (node: GraphNode) : string =
        let name =
            match node.Name, node.Outputs with
            | "", output :: _ -> $"that gives {Quotation.quote output}"
            | "", [] -> "without a name"
            | name, _ -> Quotation.quote name

        let operator = (Quotation.quote node.Operator).Trim '\''
        $"node {name} ({operator})"

    /// Refuses attributes that are not among these: what they ask for is not known here.
    let only (known: string list) (node: GraphNode) : Result<unit, string> =
        match
            node.Attributes
            |> List.tryFind (fun attribute -> not (List.contains attribute.Name known))
        with
        | Some stray -> Error $"its attribute {Quotation.quote stray.Name} is not known here"
        | None -> Ok()

    let private find (name: string) (node: GraphNode) : GraphValue option =
        node.Attributes
        |> List.tryFind (fun attribute -> attribute.Name = name)
        |> Option.map (fun attribute -> attribute.Value)

    let integer (name: string) (usual: int64) (node: GraphNode) : Result<int64, string> =
        match find name node with
        | None -> Ok usual
        | Some(Integer value) -> Ok value
        | Some _ -> Error $"its {name} is not a whole number"

    let number (name: string) (usual: float32) (node: GraphNode) : Result<float32, string> =
        match find name node with
        | None -> Ok usual
        | Some(Number value) when System.Single.IsFinite value -> Ok value
        | Some _ -> Error $"its {name} is not a finite number"

    let text (name: string) (usual: string) (node: GraphNode) : Result<string, string> =
        match find name node with
        | None -> Ok usual
        | Some(Text value) -> Ok value
        | Some _ -> Error $"its {name} is not a text"

    let integers (name: string) (node: GraphNode) : Result<int64 list option, string> =
        match find name node with
        | None -> Ok None
        | Some(Integers values) -> Ok(Some values)
        | Some _ -> Error $"its {name} is not a list of whole numbers"

    /// Refuses any other value than the one that layers here have.
    let integerIs (name: string) (only: int64) (node: GraphNode) : Result<unit, string> =
        integer name only node
        |> Result.bind (fun value -> refuseUnless (value = only) $"its {name} is {value}; here it is {only}")
