/// Random cases for the properties: always valid, always small, and drawn so that the awkward ones are frequent:
/// kernels larger than the image, strides beyond the kernel, windows that leave cells unread, sizes next to those of
/// vectors and tiles.
module Cnn.Tests.WindowCases

open FsCheck
open FsCheck.FSharp
open Cnn.Tensors
open Cnn.Operations

let between low high = Gen.choose (low, high)

let pairOf (gen: Gen<'A>) (gen': Gen<'B>) = Gen.map2 (fun a b -> a, b) gen gen'

/// (input, kernel, stride, padding) of one axis of a window that fits.
let private axis (mostPadding: int -> int) =
    gen {
        let! kernel = Gen.frequency [ 3, between 1 3; 1, between 4 6 ]
        let! padding = between 0 (mostPadding kernel)
        let! stride = Gen.frequency [ 2, Gen.constant 1; 2, between 2 4 ]
        // the smallest input that fits, and some more
        let! extra = between 0 9
        return max 1 (kernel - 2 * padding) + extra, kernel, stride, padding
    }

/// Mostly few, sometimes enough to fill vectors and leave a rest.
let private channels = Gen.frequency [ 4, between 1 4; 1, between 5 20 ]

/// An axis that keeps its size: what most networks use, and so what kernels like to treat apart. The kernel may be
/// much larger than the input, so that some of its cells never meet it.
let private keeping (mostPadding: int -> int) =
    gen {
        let! padding = between 0 3
        let! input = between 1 9
        let kernel = 2 * padding + 1

        if padding <= mostPadding kernel then
            return input, kernel, 1, padding
        else
            return input, 1, 1, 0
    }

let private extents mostPadding =
    gen {
        let! axis = Gen.frequency [ 2, Gen.constant axis; 1, Gen.constant keeping ]
        let! h, kh, sh, ph = axis mostPadding
        let! w, kw, sw, pw = axis mostPadding
        let! n = between 1 3
        let! c = channels
        let! o = channels

        return
            {
                Naive.N = n
                Naive.C = c
                Naive.H = h
                Naive.W = w
                Naive.O = o
                Naive.KH = kh
                Naive.KW = kw
                Naive.SH = sh
                Naive.SW = sw
                Naive.PH = ph
                Naive.PW = pw
            }
    }

/// What a convolution works on, and the seed of its numbers.
type ConvolutionCase =
    {
        Extents: Naive.Extents
        Seed: int
    }

    member case.Config: Conv2d.Config =
        let e = case.Extents

        {
            Filters = e.O
            Kernel = (e.KH, e.KW)
            Stride = (e.SH, e.SW)
            Padding = (e.PH, e.PW)
        }

    member case.InputShape: Shape = let e = case.Extents in [ e.N; e.C; e.H; e.W ]
    member case.WeightShape: Shape = let e = case.Extents in [ e.O; e.C; e.KH; e.KW ]
    member case.OutputShape: Shape = let e = case.Extents in [ e.N; e.O; e.OH; e.OW ]

/// What a pooling works on, and the seed of its numbers.
type PoolingCase =
    {
        Extents: Naive.Extents
        Seed: int
    }

    member case.Config: PoolConfig =
        let e = case.Extents

        {
            Kernel = (e.KH, e.KW)
            Stride = (e.SH, e.SW)
            Padding = (e.PH, e.PW)
        }

    member case.InputShape: Shape = let e = case.Extents in [ e.N; e.C; e.H; e.W ]
    member case.OutputShape: Shape = let e = case.Extents in [ e.N; e.C; e.OH; e.OW ]

/// A matrix product [ Rows; Depth ] [ Depth; Columns ]; Transposed says which factors are stored the other way.
type ProductCase =
    {
        Rows: int
        Depth: int
        Columns: int
        Transposed: bool * bool
        Seed: int
    }

/// Cases hold a seed in place of their numbers, so that a failure prints in a few lines.
let seed = between 0 1_000_000

let convolution: Gen<ConvolutionCase> =
    Gen.map2
        (fun extents seed ->
            {
                ConvolutionCase.Extents = extents
                Seed = seed
            })
        (extents (fun kernel -> kernel + 1))
        seed

let pooling: Gen<PoolingCase> =
    Gen.map2
        (fun extents seed ->
            {
                PoolingCase.Extents = extents
                Seed = seed
            })
        (extents (fun kernel -> kernel - 1))
        seed

let product: Gen<ProductCase> =
    gen {
        // around the widths of tiles (2 or 4 vectors of up to 16) and of the blocks of the depth
        let! rows = Gen.frequency [ 3, between 1 9; 1, between 10 40 ]
        let! columns = Gen.frequency [ 3, between 1 20; 2, between 30 70 ]

        let! depth =
            Gen.frequency [ 4, between 1 20; 1, between 120 136; 1, between 250 260; 1, between 500 530 ]

        let! transposed =
            pairOf (Gen.elements [ true; false ]) (Gen.elements [ true; false ])

        let! seed = seed

        return
            {
                Rows = rows
                Depth = depth
                Columns = columns
                Transposed = transposed
                Seed = seed
            }
    }

/// A tensor [ N; C; … ] of two, three or four axes, with at least three values in each channel.
type ChannelCase =
    {
        Shape: Shape
        Seed: int
    }

    /// Values in each channel.
    member case.Count = Shape.size case.Shape / case.Shape[1]

let channelled: Gen<ChannelCase> =
    gen {
        let! examples = between 1 5
        let! channels = channels

        let! places =
            Gen.frequency [ 1, Gen.constant 0; 1, Gen.constant 1; 2, Gen.constant 2 ]

        let! extents = Gen.listOfLength places (between 1 5)
        let! seed = seed

        let examples =
            if examples * List.fold (*) 1 extents < 3 then
                3
            else
                examples

        return
            {
                ChannelCase.Shape = examples :: channels :: extents
                Seed = seed
            }
    }
