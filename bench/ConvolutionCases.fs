/// Convolutions of our networks, each with the ReLU and the pooling behind it, and maps for a batch.
module internal Cnn.Bench.ConvolutionCases

#nowarn "9"

open Cnn.Tensors
open Cnn.Kernels

/// Images in a batch.
[<Literal>]
let Batch = 32

/// Channels, filters, side of the image, side of the kernel, padding.
let private sizes =
    dict
        [
            "1->16 3x3 on 28x28", (1, 16, 28, 3, 1)
            "16->32 3x3 on 14x14", (16, 32, 14, 3, 1)
            "64->128 3x3 on 14x14", (64, 128, 14, 3, 1)
            "1->6 5x5 on 28x28", (1, 6, 28, 5, 2)
            "6->16 5x5 on 14x14", (6, 16, 14, 5, 0)
        ]

let names: seq<string> = sizes.Keys

let private window (extent: int) (kernel: int) (stride: int) (padding: int) : Window =
    match Window.create (extent, extent) (kernel, kernel) (stride, stride) (padding, padding) with
    | Ok window -> window
    | Error reason -> invalidOp reason

let create (name: string) : FusedConvolution =
    let channels, filters, side, kernel, padding = sizes[name]
    let convolution = window side kernel 1 padding

    {
        InChannels = channels
        Filters = filters
        Window = convolution
        Relu = true
        Pool = window convolution.Rows.Output 2 2 0
    }

/// The layout that the convolution has in a network: images come with one number a cell, maps in whole vectors.
let lanes (conv: FusedConvolution) : ConvolutionLanes<float32> =
    let step =
        if conv.InChannels = 1 then
            1
        else
            let lanes = Kernel<float32>.For(conv.InChannels).Lanes
            (conv.InChannels + lanes - 1) / lanes * lanes

    FusedConvolution.lanes step conv

/// The weights, prepared for all that is measured.
let prepare (workspace: Workspace) (conv: FusedConvolution) (lanes: ConvolutionLanes<float32>) =
    let weight = Memory.take workspace 1 (conv.Filters * conv.PatchSize)
    let bias = Memory.take workspace 2 conv.Filters
    let prepared = PreparedConvolution.prepare workspace conv lanes true true
    PreparedConvolution.pack conv prepared weight bias
    prepared

let input (workspace: Workspace) (conv: FusedConvolution) (lanes: ConvolutionLanes<float32>) : FeatureMap<float32> =
    let extents = (conv.Window.Rows.Input, conv.Window.Columns.Input)

    let map =
        FeatureMap.take workspace Batch conv.InChannels lanes.InStep extents conv.Border

    Memory.fill 3 map
    map

/// Not written yet.
let output (workspace: Workspace) (conv: FusedConvolution) (lanes: ConvolutionLanes<float32>) : FeatureMap<float32> =
    let extents = (conv.Pool.Rows.Output, conv.Pool.Columns.Output)
    FeatureMap.take workspace Batch conv.Filters lanes.OutStep extents (0, 0)

let winners (workspace: Workspace) (conv: FusedConvolution) (lanes: ConvolutionLanes<float32>) =
    workspace.Take<uint32>(Batch * FusedConvolution.winnersSize conv lanes)
