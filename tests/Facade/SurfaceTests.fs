/// What another language sees of the facade: nothing of F#, nothing of the rooms behind it, and a word on everything.
module Cnn.Tests.Facade.SurfaceTests

open System
open System.Collections.Generic
open System.IO
open System.Reflection
open System.Xml.Linq
open Expecto

let private core = typeof<Cnn.Model>.Assembly

/// Those that `using Cnn;` brings.
let private facade =
    core.GetExportedTypes() |> Array.filter (fun each -> each.Namespace = "Cnn")

let private declared =
    BindingFlags.Public
    ||| BindingFlags.Instance
    ||| BindingFlags.Static
    ||| BindingFlags.DeclaredOnly

/// A type and all that it is made of: elements, and arguments of generics.
let rec private parts (each: Type) : Type list =
    if each.IsGenericParameter then
        each.GetGenericParameterConstraints() |> List.ofArray |> List.collect parts
    elif each.HasElementType then
        parts (each.GetElementType())
    else
        each :: (each.GetGenericArguments() |> List.ofArray |> List.collect parts)

let private signature (each: MemberInfo) : Type list =
    match each with
    | :? MethodInfo as it ->
        it.ReturnType :: [ for p in it.GetParameters() -> p.ParameterType ]
        @ List.ofArray (it.GetGenericArguments())
    | :? ConstructorInfo as it -> [ for p in it.GetParameters() -> p.ParameterType ]
    | :? PropertyInfo as it -> it.PropertyType :: [ for p in it.GetIndexParameters() -> p.ParameterType ]
    | :? FieldInfo as it -> [ it.FieldType ]
    | :? EventInfo as it -> [ it.EventHandlerType ]
    | :? Type as it -> [ it ]
    | other -> failtest $"{other} is of no kind that is known here"

/// Why a program in another language should not meet this type; none for most.
let private strangeness (each: Type) : string option =
    if each.Assembly = core then
        if each.Namespace = "Cnn" then
            None
        else
            Some $"{each.FullName}, of a room behind the facade"
    elif each.Assembly = typeof<list<int>>.Assembly then
        Some $"{each.FullName}, of FSharp.Core"
    elif
        each.Namespace = "System"
        && each.Name.StartsWith("Tuple", StringComparison.Ordinal)
    then
        Some $"{each.Name}, a tuple with names such as Item1"
    else
        None

let private strangers (name: string) (types: Type list) : string list =
    types
    |> List.collect parts
    |> List.choose strangeness
    |> List.map (fun why -> $"{name} mentions {why}")

/// A type as it stands in the name of a documented member.
let rec private documentName (each: Type) : string =
    if each.IsGenericParameter then
        $"`{each.GenericParameterPosition}"
    elif each.IsByRef then
        documentName (each.GetElementType()) + "@"
    elif each.IsArray then
        documentName (each.GetElementType()) + "[]"
    elif each.IsGenericType then
        let arguments = each.GetGenericArguments() |> Array.map documentName
        let bare = each.GetGenericTypeDefinition().FullName.Split('`')[0]
        bare + "{" + String.Join(",", arguments) + "}"
    else
        each.FullName

let private documentMember (owner: Type) (kind: string) (name: string) (parameters: ParameterInfo[]) : string =
    let given = parameters |> Array.map (fun p -> documentName p.ParameterType)

    let list =
        if given.Length = 0 then
            ""
        else
            "(" + String.Join(",", given) + ")"

    $"{kind}:{owner.FullName}.{name}{list}"

let private isNew (it: MethodInfo) =
    not it.IsSpecialName
    && it.GetBaseDefinition().DeclaringType = it.DeclaringType
    && not (
        it.DeclaringType.GetInterfaces()
        |> Array.exists (fun one -> (it.DeclaringType.GetInterfaceMap one).TargetMethods |> Array.contains it)
    )

/// Everything that documentation is wanted for, by its name there. A constructor is documented with its type.
let private documented (owner: Type) : string list =
    [
        $"T:{owner.FullName}"
        for it in owner.GetProperties declared do
            documentMember owner "P" it.Name (it.GetIndexParameters())
        for it in owner.GetMethods declared do
            if isNew it then
                documentMember owner "M" it.Name (it.GetParameters())
    ]

let tests =
    testList
        "Facade.Surface"
        [
            test "no public member mentions a type of F# or of the rooms behind" {
                let found =
                    [
                        for each in facade do
                            yield! strangers each.Name (each.BaseType :: List.ofArray (each.GetInterfaces()))

                            for it in each.GetMembers declared do
                                yield! strangers $"{each.Name}.{it.Name}" (signature it)
                    ]

                Expect.isGreaterThan facade.Length 15 "types looked at"
                Expect.isEmpty found (String.concat "\n" found)
            }
            test "and would be found if one did" {
                let shown (types: Type list) = List.length (strangers "it" types) = 1

                Expect.isTrue (shown [ typeof<Cnn.Tensors.Tensor<float>> ]) "a tensor"
                Expect.isTrue (shown [ typeof<IReadOnlyList<int option>[]> ]) "an option within"
                Expect.isTrue (shown [ typeof<Func<int, int list>> ]) "a list within"
                Expect.isTrue (shown [ typeof<int * int> ]) "a tuple"
                Expect.isTrue (shown [ typeof<int -> int> ]) "a function"
                Expect.isEmpty (strangers "it" [ typeof<struct (int * Cnn.Model)>; typeof<Nullable<int>> ]) "neither"
            }
            test "every public type and member is documented" {
                let file = Path.ChangeExtension(core.Location, ".xml")

                let file =
                    if File.Exists file then
                        file
                    else
                        failtest $"{file} is missing"

                let texts =
                    [
                        for it in XDocument.Load(file).Descendants(XName.Get "member") do
                            let summary = it.Element(XName.Get "summary")

                            if not (isNull summary || String.IsNullOrWhiteSpace summary.Value) then
                                it.Attribute(XName.Get "name").Value
                    ]
                    |> HashSet

                let missing =
                    [
                        for each in facade do
                            yield! documented each |> List.filter (texts.Contains >> not)
                    ]

                Expect.isGreaterThan (facade |> Array.sumBy (documented >> List.length)) 100 "things to document"
                Expect.isEmpty missing (String.concat "\n" missing)
            }
        ]
