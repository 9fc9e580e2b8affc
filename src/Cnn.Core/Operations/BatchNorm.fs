namespace Cnn.Operations

open System.Numerics
open Cnn.Tensors
open Cnn.Operations.Precision

/// Batch normalisation (Ioffe and Szegedy 2015, "Batch normalization: accelerating deep network training by reducing
/// internal covariate shift"): every channel gets mean 0 and variance 1 over the batch, then a scale and a shift of its own:
///
///   y[n; c; …] = weight[c] x̂[n; c; …] + bias[c],   x̂ = (x - mean[c]) / sqrt(variance[c] + epsilon)
///
/// Mean and (biased) variance are taken over all examples and places of the channel. All sums are in double precision.
/// Shapes: x and y [ N; C; H; W ], [ N; C; L ] or [ N; C ]; weight, bias, mean and variance [ C ].
module BatchNorm =

    /// What layers add to the variance unless told otherwise.
    [<Literal>]
    let DefaultEpsilon = 1e-5

    /// The weight of the newest batch in the running statistics unless told otherwise.
    [<Literal>]
    let DefaultMomentum = 0.1

    /// The mean and the biased variance (the sum of squared deviations divided by Count) of every channel.
    type Moments<'T> =
        {
            /// Values in each channel.
            Count: int
            Mean: Tensor<'T>
            Variance: Tensor<'T>
        }

    /// What inference normalises by: state of the layer, not a parameter.
    type Running<'T> =
        {
            Mean: Tensor<'T>
            Variance: Tensor<'T>
        }

    /// What backward needs of a forward pass: x̂, the weight, and 1 / sqrt(variance + epsilon).
    type Cache<'T> =
        {
            Normalized: Tensor<'T>
            Weight: Tensor<'T>
            InverseDeviation: Tensor<'T>
        }

    /// The gradient of a loss for each input of forward.
    type Gradient<'T> =
        {
            Input: Tensor<'T>
            Weight: Tensor<'T>
            Bias: Tensor<'T>
        }

    let private layout (x: Tensor<'T>) : ChannelLayout =
        match ChannelLayout.ofShape x.Shape with
        | Ok layout -> layout
        | Error reason -> invalidArg (nameof x) $"batch normalisation: {reason}"

    let private expectVariance (shape: string) (count: int) =
        if count < 2 then
            invalidArg
                "x"
                $"batch normalisation cannot normalise a single value a channel: it needs more examples than the batch of {shape} has"

    let private momentsInDouble (x: Tensor<'T>) : struct (float[] * float[]) =
        let layout = layout x
        let each sum = sum / float layout.Count
        let mean = layout.Sums(wide x) |> Array.map each

        let squares =
            layout.Sums(fun i -> let d = wide x i - mean[layout.Channel i] in d * d)

        struct (mean, Array.map each squares)

    /// The statistics of x, in two passes: first the means, then the squared deviations from them.
    let moments<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (x: Tensor<'T>) : Moments<'T> =
        let struct (mean, variance) = momentsInDouble x

        {
            Count = (layout x).Count
            Mean = narrow mean
            Variance = narrow variance
        }

    /// The statistics of two batches together, from those of each (Chan, Golub and LeVeque 1979, "Updating formulae and a
    /// pairwise algorithm for computing sample variances"), with n = m + k and delta the difference of the means:
    ///
    ///   mean     = mean a + delta k / n
    ///   variance = (m variance a + k variance b) / n + delta² m k / n²
    ///
    /// So shards, merged in order, have the statistics of the whole batch, but for rounding.
    let merge<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (a: Moments<'T>) (b: Moments<'T>) : Moments<'T> =
        Expect.shape "batch normalisation statistics" a.Mean.Shape b.Mean
        let total = Checked.(+) a.Count b.Count
        let first, second = float a.Count / float total, float b.Count / float total
        let delta c = wide b.Mean c - wide a.Mean c

        let combined (f: int -> float) : Tensor<'T> = narrow (Array.init a.Mean.Count f)

        {
            Count = total
            Mean = combined (fun c -> wide a.Mean c + second * delta c)
            Variance =
                combined (fun c ->
                    first * wide a.Variance c
                    + second * wide b.Variance c
                    + first * second * delta c * delta c)
        }

    /// What forward and infer have in common; x̂ and y.
    let private normalize<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (weight: Tensor<'T>)
        (bias: Tensor<'T>)
        (mean: float[])
        (inverseDeviation: float[])
        (x: Tensor<'T>)
        : struct (Tensor<'T> * Tensor<'T>) =
        let layout = layout x
        Expect.shape "batch normalisation weight" [ layout.Channels ] weight
        Expect.shape "batch normalisation bias" [ layout.Channels ] bias

        let normalized i =
            let c = layout.Channel i in (wide x i - mean[c]) * inverseDeviation[c]

        let output i =
            let c = layout.Channel i in wide weight c * normalized i + wide bias c

        struct (Tensor.init x.Shape (fun i -> 'T.CreateTruncating(normalized i)),
                Tensor.init x.Shape (fun i -> 'T.CreateTruncating(output i)))

    let private inverse (epsilon: float) (variance: float) = 1.0 / sqrt (variance + epsilon)

    /// y, what backward needs, and the statistics of x, by which it was normalised. Raises ArgumentException when the
    /// shapes do not fit, and when there is but a single value in each channel: its x̂ would be 0 whatever it is.
    let forward<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (epsilon: float)
        (weight: Tensor<'T>)
        (bias: Tensor<'T>)
        (x: Tensor<'T>)
        : struct (Tensor<'T> * Cache<'T> * Moments<'T>) =
        let layout = layout x
        expectVariance (Shape.format x.Shape) layout.Count
        let struct (mean, variance) = momentsInDouble x
        let inverseDeviation = variance |> Array.map (inverse epsilon)
        let struct (normalized, y) = normalize weight bias mean inverseDeviation x

        struct (y,
                {
                    Normalized = normalized
                    Weight = weight
                    InverseDeviation = narrow inverseDeviation
                },
                {
                    Count = layout.Count
                    Mean = narrow mean
                    Variance = narrow variance
                })

    /// y by given statistics, as in inference: each example for itself. Raises ArgumentException when the shapes do not fit.
    let infer<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (epsilon: float)
        (weight: Tensor<'T>)
        (bias: Tensor<'T>)
        (mean: Tensor<'T>)
        (variance: Tensor<'T>)
        (x: Tensor<'T>)
        : Tensor<'T> =
        let layout = layout x
        Expect.shape "batch normalisation mean" [ layout.Channels ] mean
        Expect.shape "batch normalisation variance" [ layout.Channels ] variance

        let struct (_, y) =
            normalize
                weight
                bias
                (Array.init layout.Channels (wide mean))
                (Array.init layout.Channels (fun c -> inverse epsilon (wide variance c)))
                x

        y

    let private expectGradient (cache: Cache<'T>) (dy: Tensor<'T>) =
        Expect.shape "batch normalisation gradient" cache.Normalized.Shape dy

    /// For each channel the sum of dy and the sum of dy x̂.
    let private gradientSums<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (cache: Cache<'T>)
        (dy: Tensor<'T>)
        : struct (float[] * float[]) =
        expectGradient cache dy
        let layout = layout dy
        struct (layout.Sums(wide dy), layout.Sums(fun i -> wide dy i * wide cache.Normalized i))

    /// dx = weight / sqrt(variance + epsilon) (dy - mean of dy - x̂ mean of (dy x̂)), means over the channel.
    ///
    /// It is derived as follows. Let g = weight dy be the gradient for x̂, s = 1 / sqrt(variance + epsilon), and m the
    /// number of values in the channel. Then x̂[i] = (x[i] - mean) s with
    ///
    ///   ∂mean/∂x[j] = 1/m,   ∂variance/∂x[j] = 2 (x[j] - mean) / m,   ∂s/∂variance = -s³/2,   so
    ///   ∂x̂[i]/∂x[j] = s (1 if i = j) - s/m - (x[i] - mean) s³ (x[j] - mean) / m
    ///               = s ((1 if i = j) - 1/m - x̂[i] x̂[j] / m)
    ///
    /// and dx[j] is the sum of g[i] ∂x̂[i]/∂x[j] over i. What does not change y is taken out of dy: its part along the
    /// constants, and its part along x̂.
    let inputGradient<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        let struct (sum, product) = gradientSums cache dy
        let layout = layout dy
        let count = float layout.Count

        Tensor.init dy.Shape (fun i ->
            let c = layout.Channel i
            let along = wide cache.Normalized i * product[c] / count
            let scale = wide cache.Weight c * wide cache.InverseDeviation c
            'T.CreateTruncating(scale * (wide dy i - sum[c] / count - along)))

    /// dweight[c] = the sum of dy x̂ over the channel.
    let weightGradient<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        let struct (_, product) = gradientSums cache dy
        narrow product

    /// dbias[c] = the sum of dy over the channel.
    let biasGradient<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        let struct (sum, _) = gradientSums cache dy
        narrow sum

    /// All three gradients, given the gradient dy of the loss for y.
    let backward<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (cache: Cache<'T>) (dy: Tensor<'T>) : Gradient<'T> =
        {
            Input = inputGradient cache dy
            Weight = weightGradient cache dy
            Bias = biasGradient cache dy
        }

    /// The layer's weight and bias which give at once what the layer, followed by `infer`, gives: with
    /// k[c] = weight[c] / sqrt(variance[c] + epsilon) for each output channel c of the layer,
    ///
    ///   folded weight = k[c] layer weight,   folded bias[c] = k[c] (layer bias[c] - mean[c]) + bias[c]
    ///
    /// The layer is a convolution, weight [ O; C; … ], or dense, weight [ In; Out ]. Raises ArgumentException when the
    /// shapes do not fit.
    let fold<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (epsilon: float)
        (weight: Tensor<'T>)
        (bias: Tensor<'T>)
        (mean: Tensor<'T>)
        (variance: Tensor<'T>)
        (layerWeight: Tensor<'T>)
        (layerBias: Tensor<'T>)
        : struct (Tensor<'T> * Tensor<'T>) =
        let channels = layerBias.Count

        let channel =
            match layerWeight.Shape with
            | [ _; outputs ] when outputs = channels -> fun i -> i % outputs
            | filters :: _ :: _ :: _ when filters = channels ->
                let size = Shape.size layerWeight.Shape.Tail
                fun i -> i / size
            | other ->
                invalidArg
                    (nameof layerWeight)
                    $"batch normalisation: a weight of shape {Shape.format other} does not fit a bias of {channels}"

        for what, tensor in [ "weight", weight; "bias", bias; "mean", mean; "variance", variance ] do
            Expect.shape $"batch normalisation {what}" [ channels ] tensor

        let scale =
            Array.init channels (fun c -> wide weight c * inverse epsilon (wide variance c))

        struct (Tensor.init layerWeight.Shape (fun i -> 'T.CreateTruncating(scale[channel i] * wide layerWeight i)),
                narrow (Array.init channels (fun c -> scale[c] * (wide layerBias c - wide mean c) + wide bias c)))

    /// The running statistics of a layer.
    module Running =

        /// Mean 0 and variance 1, before the first batch.
        let start<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (channels: int) : Running<'T> =
            {
                Mean = Tensor.zeros [ channels ]
                Variance = Tensor.init [ channels ] (fun _ -> 'T.One)
            }

        /// running := (1 - momentum) running + momentum batch, where the variance of the batch is the unbiased one,
        /// Count / (Count - 1) times the biased, as in PyTorch. Raises ArgumentException for a Count below 2.
        let update<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
            (momentum: float)
            (running: Running<'T>)
            (moments: Moments<'T>)
            : Running<'T> =
            Expect.shape "batch normalisation statistics" running.Mean.Shape moments.Mean
            expectVariance (Shape.format (moments.Count :: moments.Mean.Shape)) moments.Count
            let unbiased = float moments.Count / float (moments.Count - 1)

            let blend (old: Tensor<'T>) (newest: Tensor<'T>) (factor: float) : Tensor<'T> =
                Tensor.init old.Shape (fun c ->
                    'T.CreateTruncating((1.0 - momentum) * wide old c + momentum * factor * wide newest c))

            {
                Mean = blend running.Mean moments.Mean 1.0
                Variance = blend running.Variance moments.Variance unbiased
            }
