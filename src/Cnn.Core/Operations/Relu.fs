namespace Cnn.Operations

open Cnn.Tensors
open Cnn.Kernels

/// y = max(x, 0), element by element, for any shape. The derivative at 0 is taken as 0; a NaN stays a NaN.
module Relu =

    /// What backward needs: y is positive exactly where x is.
    type Cache<'T> = { Output: Tensor<'T> }

    type Gradient<'T> = { Input: Tensor<'T> }

    let forward (x: Tensor<'T>) : struct (Tensor<'T> * Cache<'T>) =
        let y = Vectorized.map (ClampNegative<'T>()) x
        struct (y, { Output = y })

    /// dx = dy where x > 0, else 0.
    let backward (cache: Cache<'T>) (dy: Tensor<'T>) : Gradient<'T> =
        Expect.shape "relu gradient" cache.Output.Shape dy

        {
            Input = Vectorized.map2 (WherePositive<'T>()) cache.Output dy
        }
