namespace Cnn.Operations

open System.Numerics
open Cnn.Tensors

/// Sets each element to 0 with probability rate, and scales the others so that the expectation stays:
///
///   y[n; k] = x[n; k] / (1 - rate) where the mask keeps it, else 0
///
/// (Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting", in the inverted form:
/// inference then needs nothing at all.) For any shape [ N; … ]; k counts the elements of one example in row-major order.
///
/// The mask is a function of the seed, the index of the example and k, and of nothing else: a batch cut into shards is
/// masked like the whole, whichever thread works on which shard, and backward draws the mask again instead of keeping it.
module Dropout =

    /// What backward needs of a forward pass.
    type Cache =
        {
            Rate: float
            Seed: Seed
            FirstExample: int
            Shape: Shape
        }

    type Gradient<'T> = { Input: Tensor<'T> }

    /// Of 2³² equally likely draws, how many drop an element. Raises ArgumentException for a rate outside 0 (included)
    /// to 1 (not included).
    let threshold (rate: float) : uint32 =
        // written so that a NaN does not get through
        if not (rate >= 0.0 && rate < 1.0) then
            invalidArg (nameof rate) $"dropout: the rate is {rate}; it must be at least 0 and below 1"

        uint32 (rate * 4294967296.0)

    /// What the elements that are kept are multiplied by: 1 / (1 - rate).
    let scale<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (rate: float) : 'T =
        'T.CreateTruncating(1.0 / (1.0 - rate))

    /// The seed of one example's mask. Examples are counted over the whole batch, not from the start of a shard.
    let exampleSeed (example: int) (seed: Seed) : Seed = Seed.split example seed

    /// Whether element k of an example is kept, given the seed of the example.
    let inline keeps (threshold: uint32) (exampleSeed: Seed) (k: int) : bool =
        uint32 (Seed.bits k exampleSeed >>> 32) >= threshold

    /// The mask and the scale, applied to x or to dy. What is dropped becomes 0, even a NaN.
    let private masked<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (rate: float)
        (seed: Seed)
        (firstExample: int)
        (x: Tensor<'T>)
        : Tensor<'T> =
        let threshold, scale = threshold rate, scale<'T> rate
        let size = Shape.size x.Shape.Tail

        Tensor.create
            x.Shape
            (Fill(fun y ->
                for n in 0 .. x.Shape.Head - 1 do
                    let exampleSeed = exampleSeed (firstExample + n) seed

                    for k in 0 .. size - 1 do
                        if keeps threshold exampleSeed k then
                            y[n * size + k] <- x[n * size + k] * scale))

    /// y and what backward needs, for x [ N; … ] whose examples are number firstExample and following of the batch.
    /// Raises ArgumentException for a rate below 0, or of 1 and above.
    let forward<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (rate: float)
        (seed: Seed)
        (firstExample: int)
        (x: Tensor<'T>)
        : struct (Tensor<'T> * Cache) =
        struct (masked rate seed firstExample x,
                {
                    Rate = rate
                    Seed = seed
                    FirstExample = firstExample
                    Shape = x.Shape
                })

    /// dx = dy / (1 - rate) where the mask of forward kept x, else 0.
    let backward<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (cache: Cache) (dy: Tensor<'T>) : Gradient<'T> =
        Expect.shape "dropout gradient" cache.Shape dy

        {
            Input = masked cache.Rate cache.Seed cache.FirstExample dy
        }
