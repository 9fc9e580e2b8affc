namespace Cnn.Operations

open System
open System.Numerics
open Cnn.Tensors

/// y[n; c] = the mean of x[n; c; …] over all its places: one number for each channel, whatever the size of the image
/// (Lin, Chen and Yan 2014, "Network in network"). Summed in double precision.
/// Shapes: x [ N; C; H; W ] or [ N; C; L ], y [ N; C ].
module GlobalAveragePool =

    /// What backward needs of a forward pass.
    type Cache = { InputShape: Shape }

    type Gradient<'T> = { Input: Tensor<'T> }

    /// The shape of y, or why there is none.
    let shape (input: Shape) : Result<Shape, string> =
        match input with
        | n :: channels :: (_ :: _) -> Ok [ n; channels ]
        | other -> Error $"expects channels and at least one axis of places, but gets {Shape.format other}"

    /// y and what backward needs. Raises ArgumentException when x has no axis of places.
    let forward<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (x: Tensor<'T>) : struct (Tensor<'T> * Cache) =
        match shape x.Shape with
        | Error reason -> invalidArg (nameof x) $"global average-pool: {reason}"
        | Ok shape ->
            let places = Shape.size (List.skip 2 x.Shape)

            let mean (plane: int) : 'T =
                let mutable sum = 0.0

                for value in x.Span.Slice(plane * places, places) do
                    sum <- sum + Double.CreateTruncating value

                'T.CreateTruncating(sum / float places)

            struct (Tensor.init shape mean, { InputShape = x.Shape })

    /// dx = each dy, divided by the number of places, at every place of its channel.
    let backward<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (cache: Cache) (dy: Tensor<'T>) : Gradient<'T> =
        Expect.shape "global average-pool gradient" (List.take 2 cache.InputShape) dy
        let places = Shape.size (List.skip 2 cache.InputShape)

        {
            Input = Tensor.init cache.InputShape (fun i -> dy[i / places] / 'T.CreateTruncating places)
        }
