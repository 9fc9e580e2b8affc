/// Minimal filtering against the sum of the definition, at every width; exact, because on small integers it has nothing to round.
module Cnn.Tests.Kernels.WinogradTests

#nowarn "9"

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Tests.Properties
open Cnn.Tests.Kernels.KernelMemory
open Cnn.Tests.Support
open Microsoft.FSharp.NativeInterop

let private whole (random: Random) : float = float (random.Next(-4, 5))

let private take<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (memory: Workspace)
    (count: int)
    (number: int -> float)
    : nativeptr<'T> =
    write<'T> memory (Array.init count number)

/// A convolution of a part of an image, which has exactly the cells that the output looks at. Behind them are numbers that no
/// output may see.
type private Case(seed: int, draw: Random -> float) =
    let random = Random seed
    let rows, columns = random.Next(1, 14), random.Next(1, 14)
    let channels, filters = random.Next(1, 24), random.Next(1, 36)
    let drawn count = Array.init count (fun _ -> draw random)
    let image = drawn ((rows + 2) * (columns + 2) * channels)
    let weight = drawn (9 * channels * filters)
    let bias = drawn filters

    /// [ rows; columns; filters ] by the definition.
    member _.Expected(isTurned: bool) : float[] =
        Array.init (rows * columns * filters) (fun i ->
            let filter = i % filters
            let row, column = i / filters / columns, i / filters % columns
            let mutable sum = bias[filter]

            for tap in 0..8 do
                let cell = (row + tap / 3) * (columns + 2) + column + tap % 3
                let own = if isTurned then 8 - tap else tap

                for c in 0 .. channels - 1 do
                    sum <-
                        sum
                        + image[cell * channels + c] * weight[(own * channels + c) * filters + filter]

            sum)

    /// The same by minimal filtering, with vectors of so many bits.
    member _.Actual<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (isTurned: bool, bits: int)
        : float[] =
        use memory = Workspace.Rent()
        let kernels = Processor.OfBits<'T> bits
        let inStep = kernels.RoundUp channels
        let outStep = kernels.RoundUp filters
        let pitch = (columns + 2) * inStep
        let beyond = (rows + 2) * pitch

        let x =
            take<'T> memory (beyond + pitch) (fun i ->
                if i >= beyond then nan
                elif i % inStep >= channels then 0.0
                else image[i / inStep * channels + i % inStep])

        // [ 3; 3; channels; outStep ]
        let weight =
            take<'T> memory (9 * channels * outStep) (fun i ->
                if i % outStep < filters then
                    weight[i / outStep * filters + i % outStep]
                else
                    0.0)

        let bias = take<'T> memory outStep (fun i -> if i < filters then bias[i] else 0.0)
        let y = take<'T> memory (rows * columns * outStep) (fun _ -> nan)

        let prepared =
            WinogradConvolution.prepare memory kernels inStep channels kernels outStep

        WinogradConvolution.pack prepared weight isTurned

        let scratch = memory.Take<'T>(WinogradConvolution.scratch prepared rows columns)

        WinogradConvolution.rows prepared rows columns x pitch bias y (columns * outStep) outStep scratch

        [|
            for cell in 0 .. rows * columns - 1 do
                for filter in 0 .. filters - 1 -> Double.CreateTruncating(NativePtr.get y (cell * outStep + filter))
        |]

let private agrees<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (isTurned: bool) (seed: int) =
    let case = Case(seed, whole)
    let expected = case.Expected isTurned

    for bits in widths do
        Expect.sequenceEqual (case.Actual<'T>(isTurned, bits)) expected $"{typeof<'T>.Name}, {bits} bits"

let tests =
    testList
        "winograd"
        [
            property "agrees with the sum of the definition, exactly on integers" (fun (seed: int) ->
                agrees<float32> false seed
                agrees<float> false seed)
            property "the same with the kernel turned half round" (fun (seed: int) ->
                agrees<float32> true seed
                agrees<float> true seed)
            property "loses few bits on numbers that are not whole" (fun (seed: int) ->
                let case = Case(seed, (fun random -> 2.0 * random.NextDouble() - 1.0))
                let expected = case.Expected false
                expectClose 1e-6 "float32" expected (case.Actual<float32>(false, Processor.WidestBits))
                expectClose 1e-14 "float64" expected (case.Actual<float>(false, Processor.WidestBits)))
        ]
