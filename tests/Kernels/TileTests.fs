/// Products at every width against plain loops; exact, because the numbers are small integers.
module Cnn.Tests.Kernels.TileTests

#nowarn "9"

open System
open System.Numerics
open Expecto
open Cnn.Kernels
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Kernels.KernelMemory
open Microsoft.FSharp.NativeInterop

/// Lines of rows whose numbers stand wherever a table says, as in a convolution; the columns are whole vectors.
let private product<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: ProductCase) (fromC: bool) =
    let random = Random case.Seed
    let lines = 1 + case.Seed % 3
    let size = sizeof<'T>

    for bits in widths do
        use memory = Workspace.Rent()
        let processor = Processor.OfBits<'T> bits

        let columns = processor.RoundUp case.Columns

        let whole () = float (random.Next(-4, 5))
        let reach = 2 * case.Depth
        let offsets = Array.init case.Depth (fun _ -> random.Next reach)
        let rowStep, lineStep = random.Next(0, 4), random.Next(0, 9)

        let a =
            Array.init ((lines - 1) * lineStep + (case.Rows - 1) * rowStep + reach) (fun _ -> whole ())

        // one b for all lines, or one for each
        let bLine = if case.Seed % 2 = 0 then 0 else case.Depth * columns
        let b = Array.init (lines * case.Depth * columns) (fun _ -> whole ())

        let start =
            Array.init (if fromC then lines * case.Rows * columns else columns) (fun _ -> whole ())

        let number (l: int) (r: int) (j: int) =
            let first = start[if fromC then (l * case.Rows + r) * columns + j else j]

            (first, Seq.init case.Depth id)
            ||> Seq.fold (fun sum k ->
                sum
                + a[l * lineStep + r * rowStep + offsets[k]] * b[l * bLine + k * columns + j])

        let expected =
            [|
                for l in 0 .. lines - 1 do
                    for r in 0 .. case.Rows - 1 do
                        for j in 0 .. columns - 1 -> number l r j
            |]

        let c = memory.Take<'T> expected.Length
        let initial = write<'T> memory start

        if fromC then
            for i in 0 .. expected.Length - 1 do
                NativePtr.set c i (NativePtr.get initial i)

        let product =
            {
                Lines = lines
                Rows = case.Rows
                Columns = columns
                Depth = case.Depth
                A = write<'T> memory a
                ALine = lineStep
                AStep = rowStep
                Offsets = table memory (offsets |> Array.map (fun o -> nativeint (o * size)))
                B = write<'T> memory b
                BLine = bLine
                BStep = columns
                Start = if fromC then c else initial
                StartLine = if fromC then case.Rows * columns else 0
                StartStep = if fromC then columns else 0
                C = c
                CLine = case.Rows * columns
                CStep = columns
            }

        processor.Multiply &product
        Expect.sequenceEqual (read c expected.Length) expected $"{typeof<'T>.Name}, {bits} bits"

let tests =
    testList
        "products"
        [
            property "a product started from one row agrees with its formula" (fun (case: ProductCase) ->
                product<float32> case false
                product<float> case false)
            property "a product added to its target agrees with its formula" (fun (case: ProductCase) ->
                product<float32> case true
                product<float> case true)
        ]
