namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// The gradients of a fused convolution for one shard: the input's as a map, the others summed over the examples.
///
/// Two ways lead there. The sparse one goes through the entries of the gradient that are not 0; the dense one spreads the
/// gradient over the convolution's output and takes matrix products.
module internal FusedConvolutionGradients =

    /// The weight gradient as it is summed up: [ O; KH; KW InStep ] if sparse, else [ KH KW C; OutStep ].
    let private sumSize (conv: FusedConvolution) (lanes: ConvolutionLanes<'T>) =
        if lanes.Sparse then
            Checked.(*) conv.Filters (Checked.(*) conv.Window.KernelSize lanes.InStep)
        else
            Checked.(*) conv.PatchSize lanes.OutStep

    /// dx into a map that has the border of x (what falls into the border is meaningless), dweight [ O; C; KH; KW ] and dbias [ O ].
    let backward
        (workspace: Workspace)
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (gradient: FeatureMap<'T>)
        (winners: nativeptr<uint32>)
        (x: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        (dweight: nativeptr<'T>)
        (dbias: nativeptr<'T>)
        =
        let lanes = prepared.Lanes
        let sum = workspace.TakeZeros<'T>(sumSize conv lanes)
        let biasSum = workspace.TakeZeros<'T> lanes.OutStep

        let backward =
            if lanes.Sparse then
                SparseGradients.backward
            else
                DenseGradients.backward

        backward workspace conv prepared gradient winners x dx sum biasSum

        let kernelSize = conv.Window.KernelSize

        for o in 0 .. conv.Filters - 1 do
            NativePtr.set dbias o (NativePtr.get biasSum o)

            for c in 0 .. conv.InChannels - 1 do
                let target = dweight +! ((o * conv.InChannels + c) * kernelSize)

                let struct (source, step) =
                    if lanes.Sparse then
                        struct (sum +! (o * kernelSize * lanes.InStep + c), lanes.InStep)
                    else
                        struct (sum +! (c * lanes.OutStep + o), conv.InChannels * lanes.OutStep)

                for t in 0 .. kernelSize - 1 do
                    NativePtr.set target t (NativePtr.get source (t * step))
