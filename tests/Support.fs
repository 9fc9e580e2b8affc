/// What many of the test files need: tensors of known numbers, and comparisons that say what differs.
module Cnn.Tests.Support

open System
open System.Numerics
open System.Runtime.InteropServices
open Expecto
open Cnn.Tensors
open Cnn.Networks

/// Numbers -4 .. 4: sums of many products of such numbers are exact even in single precision, so that
/// kernels that add in different orders have to agree to the last bit.
let integers (seed: int) (shape: Shape) : Tensor<float> =
    let random = Random seed
    Tensor.init shape (fun _ -> float (random.Next(-4, 5)))

/// Standard normal numbers.
let normals (seed: int) (shape: Shape) : Tensor<float> =
    Cnn.Checking.GradientCheck.normal (Seed.ofInt seed) shape

/// The same numbers in the precision under test.
let cast<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (x: Tensor<float>) : Tensor<'T> =
    x |> Tensor.map (fun value -> 'T.CreateTruncating value)

/// The numbers of a tensor of either precision, as doubles.
let numbers<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (x: Tensor<'T>) : float[] =
    x.ToArray() |> Array.map (fun value -> Double.CreateTruncating value)

/// The draws of a pass of training, for networks that have none or tests to which any will do.
let randomness: Randomness =
    {
        Seed = Seed.ofInt 12
        FirstExample = 0
    }

/// The mode of such a pass.
let training<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> : Mode<'T> =
    Training randomness

/// The raw bytes, which tell 0 from -0 and let a NaN equal itself.
let bits<'T when 'T: struct and 'T: (new: unit -> 'T) and 'T :> ValueType> (x: Tensor<'T>) : byte[] =
    MemoryMarshal.AsBytes(x.Span).ToArray()

/// What a model says of some images, as the core has it. [ images; classes ]
let tensor (scores: Cnn.ScoreTable<'T>) : Tensor<'T> =
    Tensor.ofSeq [ scores.Rows; scores.Columns ] (scores.ToArray())

/// The raw bytes of every tensor, in order.
let parameterBits (x: Parameters<'T>) : byte[] =
    Parameters.named x |> List.map (snd >> bits) |> Array.concat

/// What tells the numbers of every tensor apart to the last bit, in order, for either precision.
let exactly<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (x: Parameters<'T>) : int64[] =
    Parameters.named x
    |> List.map (snd >> numbers >> Array.map BitConverter.DoubleToInt64Bits)
    |> Array.concat

let dot (x: Tensor<float>) (y: Tensor<float>) : float =
    Array.fold2 (fun sum a b -> sum + a * b) 0.0 (x.ToArray()) (y.ToArray())

/// One example of one channel, from rows as they are written on paper.
let image (rows: float list list) : Tensor<float> =
    Tensor.ofSeq [ 1; 1; rows.Length; rows.Head.Length ] (List.concat rows)

let vector (values: float list) : Tensor<float> = Tensor.ofSeq [ values.Length ] values

/// Same shape, same numbers, no tolerance.
let expectSame (what: string) (expected: Tensor<float>) (actual: Tensor<float>) =
    Expect.equal actual.Shape expected.Shape $"{what}: shape"
    Expect.sequenceEqual (actual.ToArray()) (expected.ToArray()) what

let private largest (values: float[]) =
    Array.fold (fun most value -> max most (abs value)) Double.Epsilon values

/// Same numbers within `tolerance` of some size.
let expectWithin (scale: float) (tolerance: float) (what: string) (expected: float[]) (actual: float[]) =
    Expect.equal actual.Length expected.Length $"{what}: how many"

    Array.zip expected actual
    |> Array.iteri (fun i (e, a) ->
        // written so that a NaN does not pass
        if not (abs (e - a) <= tolerance * scale) then
            failtest $"{what}: entry {i} should be {e:R}, but is {a:R}")

/// Same numbers within `tolerance` of the largest of them.
let expectClose (tolerance: float) (what: string) (expected: float[]) (actual: float[]) =
    expectWithin (largest expected) tolerance what expected actual

/// Raises ArgumentException, whose message contains this.
let expectRefusal (part: string) (action: unit -> 'R) =
    Expect.throwsC (action >> ignore) (fun problem ->
        match problem with
        | :? ArgumentException -> Expect.stringContains problem.Message part "what the refusal says"
        | other -> failtest $"an ArgumentException was expected, but this came: {other}")

/// A network that has to be possible.
let network (input: Shape) (architecture: string) : Network =
    match Architecture.parse architecture |> Result.bind (Network.create input) with
    | Ok network -> network
    | Error reason -> failtest reason

/// The first of a struct pair of tensor and cache.
let outputOf (struct (y: 'Y, _: 'Cache)) : 'Y = y

let cacheOf (struct (_: 'Y, cache: 'Cache)) : 'Cache = cache
