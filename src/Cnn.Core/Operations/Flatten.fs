namespace Cnn.Operations

open Cnn.Tensors

/// y[n; k] = the k-th value of example n in row-major order: [ N; C; H; W ] becomes [ N; C H W ]. Copies nothing.
module Flatten =

    /// What backward needs of a forward pass.
    type Cache = { InputShape: Shape }

    type Gradient<'T> = { Input: Tensor<'T> }

    let forward (x: Tensor<'T>) : struct (Tensor<'T> * Cache) =
        struct (Tensor.reshape [ x.Shape.Head; Shape.size x.Shape.Tail ] x, { InputShape = x.Shape })

    /// dx = dy in the shape of x.
    let backward (cache: Cache) (dy: Tensor<'T>) : Gradient<'T> =
        {
            Input = Tensor.reshape cache.InputShape dy
        }
