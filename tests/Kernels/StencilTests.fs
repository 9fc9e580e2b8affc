/// Convolution by stencils against the sum of the definition, at every width; exact, because the numbers are small integers.
module Cnn.Tests.Kernels.StencilTests

#nowarn "9"

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Tests.Properties
open Cnn.Tests.Kernels.KernelMemory
open Microsoft.FSharp.NativeInterop

/// Kernels with fewer and more taps than a stencil has, steps shorter and longer than the kernel, and lines of one run and of many.
let private agrees<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) =
    let random = Random seed
    // a gradient wants the kernel turned half round
    let isTurned = random.Next 2 = 1
    let channels, filters = random.Next(1, 7), random.Next(1, 36)
    let kernel = struct (random.Next(1, 5), random.Next(1, 9))
    let stride = struct (random.Next(1, 4), random.Next(1, 4))
    let output = struct (random.Next(1, 5), random.Next(1, 34))

    let axis kernel stride output : Axis =
        {
            Input = (output - 1) * stride + kernel
            Kernel = kernel
            Stride = stride
            Padding = 0
            Output = output
        }

    let struct (kernelRows, kernelColumns) = kernel
    let struct (rowStride, columnStride) = stride
    let struct (outputRows, outputColumns) = output

    let window: Window =
        {
            Rows = axis kernelRows rowStride outputRows
            Columns = axis kernelColumns columnStride outputColumns
        }

    for bits in widths do
        use memory = Workspace.Rent()
        let processor = Processor.OfBits<'T> bits
        let step = processor.RoundUp filters

        let drawn count =
            Array.init count (fun _ -> float (random.Next(-4, 5)))

        let pitch = window.Columns.Input * channels
        let image = drawn (window.Rows.Input * pitch)
        let weight = drawn (window.KernelSize * channels * step)
        let bias = drawn step

        let expected =
            Array.init (window.OutputSize * step) (fun i ->
                let filter, cell = i % step, i / step
                let row, column = cell / outputColumns, cell % outputColumns
                let mutable sum = bias[filter]

                for a in 0 .. kernelRows - 1 do
                    for b in 0 .. kernelColumns - 1 do
                        for c in 0 .. channels - 1 do
                            let x = (row * rowStride + a) * pitch + (column * columnStride + b) * channels + c
                            let tap = a * kernelColumns + b
                            let own = if isTurned then window.KernelSize - 1 - tap else tap
                            let w = (own * channels + c) * step + filter
                            sum <- sum + image[x] * weight[w]

                sum)

        let y = write<'T> memory (Array.create expected.Length nan)

        StencilConvolution.rows
            window
            channels
            processor
            step
            (write<'T> memory weight)
            isTurned
            (write<'T> memory bias)
            outputRows
            (write<'T> memory image)
            pitch
            channels
            y
            (outputColumns * step)

        Expect.sequenceEqual (read y expected.Length) expected $"{typeof<'T>.Name}, {bits} bits, {window}"

let tests =
    testList
        "stencils"
        [
            property "agree with the sum of the definition, exactly on integers" (fun (seed: int) ->
                agrees<float32> seed
                agrees<float> seed)
        ]
