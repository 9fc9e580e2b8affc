/// Pooled rows at every width.
module Cnn.Tests.Kernels.PooledRowsTests

#nowarn "9"

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Tests.Properties
open Cnn.Tests.Support
open Cnn.Tests.Kernels.KernelMemory
open Microsoft.FSharp.NativeInterop

/// One row of pooled cells, of windows of any kind: with the winners, and without.
let private pooling<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) =
    let random = Random seed
    let rows, columns = random.Next(4, 9), random.Next(4, 9)
    let square = random.Next 2 = 0
    let kernel () = if square then 2 else random.Next(1, 4)
    let kernelRows, kernelColumns = kernel (), kernel ()
    let padding = if square then 0 else random.Next(0, 2)
    let least = min kernelRows kernelColumns

    match
        Window.create
            (rows, columns)
            (kernelRows, kernelColumns)
            (random.Next(1, 4), random.Next(1, 4))
            (min padding (least - 1), min padding (least - 1))
    with
    | Error _ -> ()
    | Ok pool ->
        for bits in widths do
            use memory = Workspace.Rent()
            let processor = Processor.OfBits<'T> bits
            let lanes = processor.Lanes * random.Next(1, 3)

            let values =
                Array.init (rows * columns * lanes) (fun _ ->
                    if random.Next 40 = 0 then
                        nan
                    else
                        float (random.Next(-4, 5)))

            let band: PooledRows.Band<'T> =
                {
                    Data = write memory values
                    First = 0
                    Pitch = columns * lanes
                }

            let relu = random.Next 2 = 0
            let count = pool.Columns.Output * lanes
            let winners = memory.Take<uint32>(pool.OutputSize * lanes * pool.KernelSize)

            for row in 0 .. pool.Rows.Output - 1 do
                let pooled (winners: nativeptr<uint32>) =
                    let target = memory.Take<'T> count
                    processor.Pool(pool, relu, band, row, lanes, target, winners)
                    read target count |> Array.map BitConverter.DoubleToInt64Bits

                Expect.equal (pooled NativePtr.nullPtr) (pooled winners) $"{bits} bits, row {row}, seed {seed}"

let tests =
    testList
        "pooled rows"
        [
            property "are the same whether or not somebody wants the winners" (fun (seed: int) ->
                pooling<float32> seed
                pooling<float> seed)
        ]
