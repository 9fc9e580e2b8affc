/// Loops over cells against the formulas of one number, at every width of vector, with cells and rows that lie apart.
module Cnn.Tests.Kernels.CellRowsTests

#nowarn "9"

open System
open System.Numerics
open Expecto
open Cnn.Kernels
open Cnn.Operations
open Cnn.Fusion
open Cnn.Tests.Kernels.KernelMemory
open Cnn.Tests.Properties
open Cnn.Tests.Support
open Microsoft.FSharp.NativeInterop

let private functions =
    [
        Activation.Identity
        Activation.Relu
        Activation.LeakyRelu 0.1
        Activation.LeakyRelu -0.3
        Activation.Silu
        Activation.Gelu
        Activation.Tanh
    ]

/// Rows of cells with gaps between cells and between rows; what lies in the gaps is not to be touched.
type private Case(seed: int, bits: int, lanes: int) =
    let random = Random seed
    let rowCount, cells = random.Next(1, 5), random.Next(1, 8)
    let width = lanes * random.Next(1, 4)
    let gap () = random.Next(0, 3) * lanes
    let xStep, yStep, zStep = width + gap (), width + gap (), width + gap ()

    let xPitch, yPitch, zPitch =
        cells * xStep + gap (), cells * yStep + gap (), cells * zStep + gap ()

    let normal _ =
        3.0 * (random.NextDouble() + random.NextDouble() - 1.0)

    member val X = Array.init (rowCount * xPitch) normal
    member val Y = Array.init (rowCount * yPitch) normal
    member val Z = Array.init (rowCount * zPitch) normal
    member val Scale = Array.init width normal
    member val Shift = Array.init width normal
    member val Pivot = Array.init width normal
    member _.Bits = bits
    member _.Width = width
    member _.ZPitch = zPitch
    member _.ZStep = zStep

    /// Every number: its channel, and its place in x, y and z.
    member _.Numbers =
        [
            for row in 0 .. rowCount - 1 do
                for cell in 0 .. cells - 1 do
                    for c in 0 .. width - 1 ->
                        c,
                        row * xPitch + cell * xStep + c,
                        row * yPitch + cell * yStep + c,
                        row * zPitch + cell * zStep + c
        ]

    member _.Rows<'T when 'T: unmanaged>(x: nativeptr<'T>, y: nativeptr<'T>) : CellRows<'T> =
        {
            Rows = rowCount
            Cells = cells
            Width = width
            X = x
            XPitch = xPitch
            XStep = xStep
            Y = y
            YPitch = yPitch
            YStep = yStep
        }

let private f = Activation.value<float>
let private f' = Activation.derivative<float>

let private agrees<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (tolerance: float) (seed: int) =
    for bits in widths do
        let kernel = Processor.OfBits<'T> bits
        let case = Case(seed, bits, kernel.Lanes)
        use memory = Workspace.Rent()
        let put = write<'T> memory

        let check what expected (actual: nativeptr<'T>) =
            expectClose tolerance $"{what}, {bits} bits" expected (read actual (Array.length expected))

        let constants: ChannelConstants<'T> =
            {
                Scale = put case.Scale
                Shift = put case.Shift
                Pivot = put case.Pivot
            }

        let start = Array.init case.Width float

        // x alone
        let sum, squares = put start, put start
        let expectedSum, expectedSquares = Array.copy start, Array.copy start

        for c, x, _, _ in case.Numbers do
            let d = case.X[x] - case.Pivot[c]
            expectedSum[c] <- expectedSum[c] + d
            expectedSquares[c] <- expectedSquares[c] + d * d

        let rows = case.Rows<'T>(put case.X, put case.Y)
        kernel.Moments(&rows, constants.Pivot, sum, squares)
        check "sums" expectedSum sum
        check "sums of squares" expectedSquares squares

        let added = Array.copy case.Y

        for _, x, y, _ in case.Numbers do
            added[y] <- added[y] + case.X[x]

        kernel.AddCells &rows
        check "sums of cells" added rows.Y

        // x and dz make dx
        let combined = Array.copy case.Z

        for c, x, y, z in case.Numbers do
            combined[z] <- case.Scale[c] * case.Y[y] + case.Pivot[c] * case.X[x] + case.Shift[c]

        let rows = case.Rows<'T>(put case.X, put case.Y)
        let target = put case.Z
        kernel.Combine(&rows, &constants, target, case.ZPitch, case.ZStep)
        check "combined" combined target

        for activation in functions do
            let transformed, activated, masked, gradient =
                Array.copy case.Y, Array.copy case.Y, Array.copy case.Y, Array.copy case.Z

            let total, products = Array.copy start, Array.copy start

            for c, x, y, z in case.Numbers do
                let before = case.Scale[c] * case.X[x] + case.Shift[c]
                transformed[y] <- f activation before
                activated[y] <- f activation case.X[x]
                masked[y] <- f' activation before * case.Y[y]
                gradient[z] <- f' activation case.X[x] * case.Y[y]
                total[c] <- total[c] + masked[y]
                products[c] <- products[c] + masked[y] * (case.X[x] - case.Pivot[c])

            ActivationPass.run
                activation
                { new IForActivation<'T> with
                    member _.Run f =
                        let rows = case.Rows<'T>(put case.X, put case.Y)
                        kernel.Transform(f, &rows, &constants)
                        check $"{activation} of scale x + shift" transformed rows.Y

                        let rows = case.Rows<'T>(put case.X, put case.Y)
                        kernel.Activate(f, &rows)
                        check $"{activation}" activated rows.Y

                        let rows = case.Rows<'T>(put case.X, put case.Y)
                        let target = put case.Z
                        kernel.ActivationGradient(f, &rows, target, case.ZPitch, case.ZStep)
                        check $"gradient of {activation}" gradient target

                        let rows = case.Rows<'T>(put case.X, put case.Y)
                        let sums, ownProducts = put start, put start
                        kernel.GradientSums(f, &rows, &constants, sums, ownProducts)
                        check $"gradient before {activation}" masked rows.Y
                        check $"its sums, {activation}" total sums
                        check $"its products, {activation}" products ownProducts
                }

let tests =
    testList
        "cell rows"
        [
            property "agree with the formulas in double precision" (fun (seed: int) -> agrees<float> 1e-12 seed)
            property "and in single precision" (fun (seed: int) -> agrees<float32> 3e-5 seed)
            test "no activation overflows, and a NaN stays one" {
                for bits in widths do
                    let kernel = Processor.OfBits<float32> bits
                    use memory = Workspace.Rent()
                    let numbers = [| -1e6; -90.0; -0.0; 90.0; 1e6; nan |]

                    let x =
                        Array.init (kernel.Lanes * numbers.Length) (fun i -> numbers[i / kernel.Lanes])

                    for activation in functions do
                        ActivationPass.run
                            activation
                            { new IForActivation<float32> with
                                member _.Run f =
                                    let rows: CellRows<float32> =
                                        {
                                            Rows = 1
                                            Cells = numbers.Length
                                            Width = kernel.Lanes
                                            X = write memory x
                                            XPitch = 0
                                            XStep = kernel.Lanes
                                            Y = write memory x
                                            YPitch = 0
                                            YStep = kernel.Lanes
                                        }

                                    kernel.Activate(f, &rows)

                                    let found =
                                        read rows.Y x.Length |> Array.chunkBySize kernel.Lanes |> Array.map Array.head

                                    Expect.isTrue (Double.IsNaN found[5]) $"NaN, {activation}, {bits} bits"

                                    expectClose
                                        1e-6
                                        $"{activation}, {bits} bits"
                                        (numbers |> Array.take 5 |> Array.map (Activation.value activation))
                                        (Array.take 5 found)
                            }
            }
        ]
