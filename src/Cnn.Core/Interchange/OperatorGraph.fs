namespace Cnn.Interchange

open System
open System.Buffers.Binary
open System.Runtime.InteropServices
open Cnn.Tensors
open Cnn.Networks

/// What the numbers of a tensor are.
type ElementType =
    | Float32
    | Int32
    | Int64
    | UInt8
    /// One that no layer takes, under its name, such as "float16".
    | OtherType of name: string

/// A tensor that a graph holds: its numbers as they stand in a file, little-endian and row-major. Nothing of it is trusted before
/// `singles` or `integers` has looked.
[<CustomEquality; NoComparison>]
type GraphTensor =
    {
        Name: string
        Type: ElementType
        Extents: int64 list
        Bytes: ReadOnlyMemory<byte>
    }

    override tensor.Equals other =
        match other with
        | :? GraphTensor as that ->
            tensor.Name = that.Name
            && tensor.Type = that.Type
            && tensor.Extents = that.Extents
            && tensor.Bytes.Span.SequenceEqual that.Bytes.Span
        | _ -> false

    override tensor.GetHashCode() =
        HashCode.Combine(tensor.Name, tensor.Bytes.Length)

/// The value of an attribute of a node.
type GraphValue =
    | Integer of int64
    | Number of float32
    | Text of string
    | Integers of int64 list
    | Numbers of float32 list
    | TensorOf of GraphTensor
    /// One that no node here has, under its name, such as "graph".
    | OtherValue of name: string

type GraphAttribute = { Name: string; Value: GraphValue }

/// One operation: an operator of a set, which reads named values and gives others. An input that is left out has an empty name.
type GraphNode =
    {
        Name: string
        Operator: string
        /// The set that the operator is of; empty for that of ONNX itself.
        Domain: string
        Inputs: string list
        Outputs: string list
        Attributes: GraphAttribute list
    }

/// How long an axis of an input or output is.
type Extent =
    | Fixed of int64
    /// As long as it is when the graph is run; the name may be empty.
    | Open of name: string

/// An input or output of a graph.
type GraphPort =
    {
        Name: string
        Type: ElementType
        Extents: Extent list
    }

/// Something noted in a file beside the graph.
type GraphNote = { Key: string; Text: string }

/// A computation as a graph of operators, as ONNX has it (https://onnx.ai), without the form of its files: nodes in an order in
/// which each reads what is there already.
type OperatorGraph =
    {
        Name: string
        Documentation: string
        /// The version of the operator set of ONNX.
        Opset: int64
        Nodes: GraphNode list
        /// Constants, by name.
        Initializers: GraphTensor list
        Inputs: GraphPort list
        Outputs: GraphPort list
        Notes: GraphNote list
    }

module GraphTensor =

    /// Axes, at most.
    [<Literal>]
    let MostAxes = 8

    /// A tensor of a network under a name.
    let ofTensor (name: string) (tensor: Tensor<float32>) : GraphTensor =
        let bytes: byte[] = Array.zeroCreate (Checked.(*) tensor.Count sizeof<float32>)

        if BitConverter.IsLittleEndian then
            MemoryMarshal.AsBytes(tensor.Span).CopyTo(Span bytes)
        else
            for i in 0 .. tensor.Count - 1 do
                BinaryPrimitives.WriteSingleLittleEndian(Span(bytes, i * sizeof<float32>, sizeof<float32>), tensor[i])

        {
            Name = name
            Type = Float32
            Extents = List.map int64 tensor.Shape
            Bytes = ReadOnlyMemory bytes
        }

    let private describe (tensor: GraphTensor) = $"tensor {Quotation.quote tensor.Name}"

    let private typeName (kind: ElementType) =
        match kind with
        | Float32 -> "float32"
        | Int32 -> "int32"
        | Int64 -> "int64"
        | UInt8 -> "uint8"
        | OtherType name -> name

    /// Its shape, once the bytes that are there are known to be those of its numbers.
    let private shape (width: int) (tensor: GraphTensor) : Result<Shape, string> =
        let count =
            (1I, tensor.Extents) ||> List.fold (fun size extent -> size * bigint extent)

        if
            tensor.Extents.Length > MostAxes
            || List.exists (fun extent -> extent < 0L) tensor.Extents
        then
            Error $"{describe tensor} has no possible shape"
        elif bigint tensor.Bytes.Length <> count * bigint width then
            Error $"{describe tensor} has {tensor.Bytes.Length} bytes, which is not what its shape asks for"
        elif List.exists (fun extent -> extent > int64 Int32.MaxValue) tensor.Extents then
            Error $"{describe tensor} is larger than an array can be"
        else
            Ok(List.map int tensor.Extents)

    /// Its numbers, which must be float32.
    let singles (tensor: GraphTensor) : Result<Tensor<float32>, string> =
        match tensor.Type with
        | Float32 ->
            shape sizeof<float32> tensor
            |> Result.map (fun shape ->
                Tensor.create
                    shape
                    (Fill(fun target ->
                        let source = tensor.Bytes.Span

                        for i in 0 .. target.Length - 1 do
                            target[i] <- BinaryPrimitives.ReadSingleLittleEndian(source.Slice(sizeof<float32> * i)))))
        | other -> Error $"{describe tensor} is of {typeName other}; only float32 is read"

    /// Its numbers, which must be whole ones, at most some.
    let integers (most: int) (tensor: GraphTensor) : Result<int64 list, string> =
        let read (width: int) (number: int -> int64) =
            shape width tensor
            |> Result.bind (fun _ ->
                let count = tensor.Bytes.Length / width

                if count > most then
                    Error $"{describe tensor} has {count} numbers; there may be {most}"
                else
                    Ok(List.init count (fun i -> number (i * width))))

        match tensor.Type with
        | Int64 -> read sizeof<int64> (fun i -> BinaryPrimitives.ReadInt64LittleEndian(tensor.Bytes.Span.Slice i))
        | Int32 ->
            read sizeof<int32> (fun i -> int64 (BinaryPrimitives.ReadInt32LittleEndian(tensor.Bytes.Span.Slice i)))
        | other -> Error $"{describe tensor} is of {typeName other}, where whole numbers are expected"
