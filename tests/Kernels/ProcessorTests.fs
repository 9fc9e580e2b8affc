/// The vector kernels at every width, also those that this processor lacks (they then run in software).
module Cnn.Tests.Kernels.ProcessorTests

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Tests
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

/// 0 is the portable path.
let private widths = [ 512; 256; 128; 0 ]

/// One factor, stored as it is or transposed.
let private factor<'T> (rows: int) (columns: int) (transposed: bool) (values: 'T[]) =
    if transposed then
        Matrix<'T>(ReadOnlySpan values, columns, rows).Transposed
    else
        Matrix<'T>(ReadOnlySpan values, rows, columns)

let private stored<'T when 'T :> IBinaryFloatingPointIeee754<'T>> rows columns transposed (values: float[]) : 'T[] =
    (if transposed then
         Naive.transpose rows columns values
     else
         values)
    |> Array.map (fun value -> 'T.CreateTruncating value)

/// start + a b by the kernels of one width.
let private multiplyAdd<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (bits: int)
    (case: ProductCase)
    (a: float[])
    (b: float[])
    (start: float[])
    : 'T[] =
    let left, right = case.Transposed
    let target = start |> Array.map (fun value -> 'T.CreateTruncating value)

    Processor
        .OfBits<'T>(bits)
        .MultiplyAdd(
            factor case.Rows case.Depth left (stored<'T> case.Rows case.Depth left a),
            factor case.Depth case.Columns right (stored<'T> case.Depth case.Columns right b),
            Span target
        )

    target

let private draw numbers (case: ProductCase) =
    let part k shape : float[] =
        (numbers (case.Seed + k) shape: Tensor<float>).ToArray()

    part 0 [ case.Rows * case.Depth ], part 1 [ case.Depth * case.Columns ], part 2 [ case.Rows * case.Columns ]

let private exactProduct<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: ProductCase) =
    let a, b, start = draw integers case

    let expected =
        Array.map2 (+) start (Naive.product case.Rows case.Depth case.Columns a b)

    for bits in widths do
        let actual =
            multiplyAdd<'T> bits case a b start
            |> Array.map (fun v -> Double.CreateTruncating v)

        Expect.sequenceEqual actual expected $"{typeof<'T>.Name} with {bits} bits"

let private sameBits<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: ProductCase) =
    let a, b, start = draw normals case
    let portable = ReadOnlySpan(multiplyAdd<'T> 0 case a b start)

    for bits in widths do
        let actual = multiplyAdd<'T> bits case a b start
        Expect.isTrue (actual.AsSpan().SequenceEqual portable) $"{typeof<'T>.Name} with {bits} bits"

let private products =
    testList
        "matrix product"
        [
            property "agrees with the definition, exactly on integers" (fun (case: ProductCase) ->
                exactProduct<float32> case
                exactProduct<float> case)
            property "gives the same bits at every width" (fun (case: ProductCase) ->
                sameBits<float32> case
                sameBits<float> case)
            test "sizes that do not fit are refused" {
                let multiply (depth: int) (results: int) () =
                    Processor
                        .OfBits<float>(128)
                        .MultiplyAdd(
                            Matrix(ReadOnlySpan(Array.zeroCreate 6), 2, 3),
                            Matrix(ReadOnlySpan(Array.zeroCreate 20), depth, 4),
                            Span(Array.zeroCreate results)
                        )

                multiply 3 8 ()
                expectRefusal "2 x 3 times 4 x 4" (multiply 4 8)
                expectRefusal "does not give 9 values" (multiply 3 9)
            }
            test "a matrix cannot reach beyond its values" {
                let make rows columns () =
                    Matrix<float>(ReadOnlySpan(Array.zeroCreate 6), rows, columns).Rows

                Expect.equal (make 2 3 ()) 2 "rows of a matrix that fits"
                expectRefusal "a 3 x 3 matrix does not fit into 6 values" (make 3 3)
            }
        ]

/// Lengths around every width: empty, shorter than a vector, whole vectors, and a rest.
let private lengths = [ 0; 1; 2; 3; 4; 5; 7; 8; 9; 15; 16; 17; 31; 32; 33; 100 ]

/// The elementwise functions against the same thing in plain double arithmetic, at every width and length. The numbers
/// are integers and the factors powers of two, so that both precisions have to agree exactly.
let private elementwise<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> () =
    let number (value: float) : 'T = 'T.CreateTruncating value

    for bits in widths do
        for length in lengths do
            let processor = Processor.OfBits<'T> bits

            let x, y = integers length [ length ], integers (length + 1) [ length ]

            let left, right = (cast<'T> x).ToArray(), (cast<'T> y).ToArray()
            let target: 'T[] = Array.zeroCreate length

            let same what (expected: int -> float) =
                let actual = target |> Array.map (fun v -> Double.CreateTruncating v)

                Expect.sequenceEqual
                    actual
                    (Array.init length expected)
                    $"{what} of {length}, {bits} bits, {typeof<'T>.Name}"

            processor.Map(ClampNegative<'T>(), ReadOnlySpan left, Span target)
            same "clamp" (fun i -> max 0.0 x[i])

            processor.Map(Scale<'T>(number 0.5), ReadOnlySpan left, Span target)
            same "scale" (fun i -> 0.5 * x[i])

            processor.Map2(Add<'T>(), ReadOnlySpan left, ReadOnlySpan right, Span target)
            same "add" (fun i -> x[i] + y[i])

            processor.Map2(WherePositive<'T>(), ReadOnlySpan left, ReadOnlySpan right, Span target)
            same "where positive" (fun i -> if x[i] > 0.0 then y[i] else 0.0)

            processor.Map2(Towards<'T>(number 0.25), ReadOnlySpan left, ReadOnlySpan right, Span target)
            same "towards" (fun i -> x[i] + 0.25 * (y[i] - x[i]))

            Expect.equal
                (Elementwise.sumOfSquares (ReadOnlySpan left))
                (x.ToArray() |> Array.sumBy (fun v -> v * v))
                $"squares of {length}, {typeof<'T>.Name}"

            Expect.equal
                (Double.CreateTruncating(processor.Sum(ReadOnlySpan left)))
                (Array.sum (x.ToArray()))
                $"sum of {length}, {bits} bits, {typeof<'T>.Name}"

let private maps =
    testList
        "elementwise"
        [
            test "float32: every function at every width, exactly on integers" { elementwise<float32>() }
            test "float64: every function at every width, exactly on integers" { elementwise<float>() }
            test "the target may be a source" {
                for bits in widths do
                    let x, y = (integers 1 [ 37 ]).ToArray(), (integers 2 [ 37 ]).ToArray()
                    let expected = Array.map2 (+) x y
                    Processor.OfBits<float>(bits).Map2(Add<float>(), ReadOnlySpan x, ReadOnlySpan y, Span x)
                    Expect.sequenceEqual x expected $"{bits} bits"
            }
            test "clamping keeps a NaN, in vectors and in the rest" {
                for bits in widths do
                    let x = Array.create 19 nan
                    Processor.OfBits<float>(bits).Map(ClampNegative<float>(), ReadOnlySpan x, Span x)
                    Expect.isTrue (Array.forall Double.IsNaN x) $"{bits} bits"
            }
            test "lengths that differ are refused" {
                let processor = Processor.OfBits<float32> 256
                let values (n: int) : float32[] = Array.zeroCreate n

                expectRefusal "4 values cannot be mapped onto 5" (fun () ->
                    processor.Map(ClampNegative<float32>(), ReadOnlySpan(values 4), Span(values 5)))

                expectRefusal "6 values cannot be mapped onto 5" (fun () ->
                    processor.Map2(Add<float32>(), ReadOnlySpan(values 5), ReadOnlySpan(values 6), Span(values 5)))
            }
            test "widths are those that were asked for" {
                Expect.equal
                    [ for bits in widths -> Processor.OfBits<float32>(bits).VectorBits ]
                    [ 512; 256; 128; 32 ]
                    "float32"

                Expect.equal
                    [ for bits in widths -> Processor.OfBits<float>(bits).VectorBits ]
                    [ 512; 256; 128; 64 ]
                    "float64"

                Expect.equal Kernel<float>.Best.VectorBits (max 64 Processor.WidestBits) "the one in use"
            }
        ]

let tests = testList "processor" [ products; maps ]
