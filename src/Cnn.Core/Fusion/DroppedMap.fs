namespace Cnn.Fusion

#nowarn "9"

open System.Numerics
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

/// Dropout on feature maps, by the masks of Operations/Dropout.fs.
module internal DroppedMap =

    /// target = x / (1 - rate) where the mask keeps it, else 0: the way forward for x, and the way back for dy.
    let apply<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (rate: float)
        (randomness: Randomness)
        (x: FeatureMap<'T>)
        (target: FeatureMap<'T>)
        =
        let threshold = Dropout.threshold rate
        let scale: 'T = Dropout.scale<'T> rate

        for n in 0 .. x.Examples - 1 do
            let seed = Dropout.exampleSeed (randomness.FirstExample + n) randomness.Seed

            for row in 0 .. x.Rows - 1 do
                for column in 0 .. x.Columns - 1 do
                    let from = x.Inner n +! (row * x.RowPitch + column * x.Step)
                    let into = target.Inner n +! (row * target.RowPitch + column * target.Step)
                    // an example's elements are counted channel by channel
                    let cell = row * x.Columns + column

                    for c in 0 .. x.Channels - 1 do
                        let kept: 'T =
                            if Dropout.keeps threshold seed (c * x.Cells + cell) then
                                'T.op_Multiply (NativePtr.get from c, scale)
                            else
                                'T.Zero

                        NativePtr.set into c kept

                    for c in x.Channels .. target.Step - 1 do
                        NativePtr.set into c 'T.Zero
