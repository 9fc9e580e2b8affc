/// What every part of the guide uses: checks that are counted, and arrays that one can read.
module Guide.Support

// where it is built in the repository, and where it is installed
#nowarn "211"
#I "../artifacts/bin/Cnn.Host/release"
#I ".."
#r "Cnn.Core.dll"
#r "MathNet.Numerics.dll"

open System
open System.Globalization
open Cnn.Tensors

// ---- checks ------------------------------------------------------------------------------------

let mutable private passed = 0
let mutable private failed = 0

/// Says whether something holds, and counts it.
let check (what: string) (holds: bool) : unit =
    if holds then passed <- passed + 1 else failed <- failed + 1

    printfn "  %s %s" (if holds then "[ok]   " else "[WRONG]") what

/// Ends a part: 0 for the shell if all checks passed, else 1.
let finish (part: int) : unit =
    if failed = 0 then
        printfn $"part {part}: all {passed} checks passed"
        exit 0
    else
        printfn $"part {part}: {failed} of {passed + failed} checks FAILED"
        exit 1

// ---- arrays ------------------------------------------------------------------------------------

/// One signal in one channel: [ 1; 1; length ].
let signal (values: float list) : Tensor<float> =
    Tensor.ofSeq [ 1; 1; values.Length ] values

/// One image in one channel, row by row: [ 1; 1; rows; columns ].
let image (rows: float list list) : Tensor<float> =
    Tensor.ofSeq [ 1; 1; rows.Length; rows.Head.Length ] (List.concat rows)

/// The numbers of a tensor, row-major.
let values (x: Tensor<'T>) : 'T list = List.ofArray (x.ToArray())

/// Numbers between -1 and 1, always the same for the same seed.
let random (seed: int) (shape: Shape) : Tensor<float> =
    let generator = Seed.generator (Seed.ofInt seed)
    Tensor.init shape (fun _ -> 2.0 * generator.NextDouble() - 1.0)

/// The largest distance between two tensors of one shape.
let distance (x: Tensor<float>) (y: Tensor<float>) : float =
    if x.Shape = y.Shape then
        (0.0, Seq.init x.Count id)
        ||> Seq.fold (fun most i -> max most (abs (x[i] - y[i])))
    else
        infinity

/// The same tensor, with h added to one of its numbers.
let nudge (index: int) (h: float) (x: Tensor<float>) : Tensor<float> =
    Tensor.init x.Shape (fun i -> if i = index then x[i] + h else x[i])

/// The sum of x * y: with it, dy is the gradient of the output y of anything.
let dot (x: Tensor<float>) (y: Tensor<float>) : float =
    (0.0, Seq.init x.Count id) ||> Seq.fold (fun sum i -> sum + x[i] * y[i])

/// The gradient of a loss by central differences, (L(x + h) - L(x - h)) / 2h, one number of x after the other.
let numericGradient (loss: Tensor<float> -> float) (x: Tensor<float>) : Tensor<float> =
    let h = 1e-5
    Tensor.init x.Shape (fun i -> (loss (nudge i h x) - loss (nudge i -h x)) / (2.0 * h))

/// A number with at most two places behind the point.
let text (value: float) : string =
    let rounded = Math.Round(value, 2)
    // no -0
    (rounded + 0.0).ToString("0.##", CultureInfo.InvariantCulture)

/// The last two axes as rows and columns: one grid for each channel.
let grids (x: Tensor<float>) : float[][][] =
    let columns = List.last x.Shape

    let rows =
        if x.Shape.Length < 4 then
            1
        else
            x.Shape[x.Shape.Length - 2]

    x.ToArray()
    |> Array.chunkBySize (rows * columns)
    |> Array.map (Array.chunkBySize columns)

/// Prints a tensor as rows of numbers.
let show (name: string) (x: Tensor<float>) : unit =
    let cells = grids x |> Array.map (Array.map (Array.map text))

    let width =
        cells |> Array.concat |> Array.concat |> Seq.map String.length |> Seq.max

    printfn $"{name}, {Shape.format x.Shape}:"

    for grid in cells do
        for row in grid do
            printfn "  %s" (row |> Seq.map _.PadLeft(width) |> String.concat " ")
