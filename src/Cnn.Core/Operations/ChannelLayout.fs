namespace Cnn.Operations

open System
open System.Numerics
open Cnn.Tensors

/// A tensor [ N; C; … ] as examples x channels x places.
[<Struct>]
type internal ChannelLayout =
    {
        Examples: int
        Channels: int
        Places: int
    }

    /// Values in each channel.
    member layout.Count = layout.Examples * layout.Places

    /// The channel of the element at a row-major position.
    member layout.Channel(i: int) = i / layout.Places % layout.Channels

    /// For each channel the sum of f over the positions of its elements.
    member layout.Sums(f: int -> float) : float[] =
        let sums = Array.zeroCreate layout.Channels

        for i in 0 .. layout.Examples * layout.Channels * layout.Places - 1 do
            let c = layout.Channel i
            sums[c] <- sums[c] + f i

        sums

module internal ChannelLayout =

    let ofShape (shape: Shape) : Result<ChannelLayout, string> =
        match shape with
        | examples :: channels :: places ->
            Ok
                {
                    Examples = examples
                    Channels = channels
                    Places = Shape.size places
                }
        | other -> Error $"expects examples and channels, but gets {Shape.format other}"

/// From the precision of a tensor to double, in which sums are taken, and back.
module internal Precision =

    let wide<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (x: Tensor<'T>) (i: int) : float =
        Double.CreateTruncating x[i]

    let narrow<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (values: float[]) : Tensor<'T> =
        Tensor.init [ values.Length ] (fun i -> 'T.CreateTruncating values[i])
