/// What every part of the guide uses: checks that are counted, arrays that one can read, and pictures of them.
module Guide.Support

// where it is built in the repository, and where it is installed
#nowarn "211"
#I "../artifacts/bin/Cnn.Host/release"
#I ".."
#r "Cnn.Core.dll"
#r "MathNet.Numerics.dll"

open System
open System.Globalization
open System.IO
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

// ---- pictures ----------------------------------------------------------------------------------

let private text (value: float) : string =
    let rounded = Math.Round(value, 2)
    // no -0
    (rounded + 0.0).ToString("0.##", CultureInfo.InvariantCulture)

/// The last two axes as rows and columns: one grid for each channel.
let private grids (x: Tensor<float>) : float[][][] =
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

// blue below 0, red above, pale near it
let private colour (most: float) (value: float) : string =
    let part = if most > 0.0 then min 1.0 (abs value / most) else 0.0
    let pale = int (245.0 - 165.0 * part)

    if value < 0.0 then
        $"rgb({pale},{pale},245)"
    else
        $"rgb(245,{pale},{pale})"

/// Draws tensors beside each other, each with a caption, as NAME.svg in the folder that the variable GUIDE_PICTURES names; where there
/// is none, as when a part is run by hand, nothing is drawn.
let draw (name: string) (parts: (string * Tensor<float>) list) : unit =
    match Environment.GetEnvironmentVariable "GUIDE_PICTURES" with
    | null
    | "" -> ()
    | folder ->
        let cell, gap, caption = 40, 32, 26

        let drawn =
            [
                for title, x in parts do
                    for grid in grids x -> title, grid
            ]

        let widths =
            [ for title, grid in drawn -> max (cell * grid[0].Length) (8 * title.Length) ]

        let height =
            caption
            + cell * (drawn |> List.map (fun (_, grid) -> grid.Length) |> List.max)
            + 8

        let width = List.sum widths + gap * (widths.Length - 1) + 16
        let lines = ResizeArray<string>()

        lines.Add
            $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="system-ui, sans-serif" font-size="14">"""

        let mutable left = 8

        for (title, grid), span in List.zip drawn widths do
            let most = grid |> Array.concat |> Array.map abs |> Array.max
            lines.Add $"""<text x="{left}" y="17" fill="currentColor">{Net.WebUtility.HtmlEncode title}</text>"""

            for row in 0 .. grid.Length - 1 do
                for column in 0 .. grid[row].Length - 1 do
                    let value = grid[row][column]
                    let x, y = left + cell * column, caption + cell * row

                    lines.Add
                        $"""<rect x="{x}" y="{y}" width="{cell}" height="{cell}" fill="{colour most value}" stroke="#999"/>"""

                    lines.Add
                        $"""<text x="{x + cell / 2}" y="{y + 25}" text-anchor="middle" fill="#111">{text value}</text>"""

            left <- left + span + gap

        lines.Add "</svg>"
        File.WriteAllLines(Path.Combine(folder, name + ".svg"), lines)
