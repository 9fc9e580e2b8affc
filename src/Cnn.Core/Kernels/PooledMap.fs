namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop
// sizes that no memory has raise OverflowException, instead of writing past a smaller one
open Checked

/// Max-pooling by itself, on feature maps: where it does not follow a convolution. See PooledRows for the winners.
module internal PooledMap =

    /// How many numbers hold the winners of one example.
    let winnersSize<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (pool: Window)
        (kernel: Processor<'T>)
        (step: int)
        =
        pool.OutputSize * (step / kernel.Lanes) * pool.KernelSize

    /// y and the winners [ N; winnersSize ] from x. Where nobody wants the winners, they are null.
    let forward<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (pool: Window)
        (kernel: Processor<'T>)
        (x: FeatureMap<'T>)
        (y: FeatureMap<'T>)
        (winners: nativeptr<uint32>)
        =
        // of one row, where they are wanted
        let rowWinners =
            if NativePtr.isNullPtr winners then
                0
            else
                winnersSize pool kernel x.Step / pool.Rows.Output

        for n in 0 .. x.Examples - 1 do
            let band: PooledRows.Band<'T> =
                {
                    Data = x.Inner n
                    First = 0
                    Pitch = x.RowPitch
                }

            for row in 0 .. pool.Rows.Output - 1 do
                kernel.Pool(
                    pool,
                    false,
                    band,
                    row,
                    x.Step,
                    y.Inner n +! (row * y.RowPitch),
                    if NativePtr.isNullPtr winners then
                        winners
                    else
                        winners +! ((n * pool.Rows.Output + row) * rowWinners)
                )

    /// dx, which has no border, from dy and the winners.
    let backward<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (workspace: Workspace)
        (pool: Window)
        (kernel: Processor<'T>)
        (dy: FeatureMap<'T>)
        (winners: nativeptr<uint32>)
        (dx: FeatureMap<'T>)
        =
        // the sums that a convolution would take for its bias
        let unwanted = workspace.TakeZeros<'T> dx.Step
        let size = winnersSize pool kernel dx.Step

        for n in 0 .. dx.Examples - 1 do
            kernel.Unpool(pool, dy.Inner n, dy.RowPitch, winners +! (n * size), dx.Step, dx.Inner n, unwanted)
