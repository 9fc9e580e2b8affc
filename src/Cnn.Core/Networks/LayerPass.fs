namespace Cnn.Networks

open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations

/// Where the draws of one pass of training come from: those of a layer depend on the seed, the layer and the example's place in its
/// batch, so that a batch in parts draws what the whole would.
[<Struct>]
type Randomness =
    {
        Seed: Seed
        /// The place in its batch of the first example at hand.
        FirstExample: int
    }

    /// That of the i-th part of a composite.
    member r.Part(i: int) : Randomness =
        {
            Seed = Seed.split i r.Seed
            FirstExample = r.FirstExample
        }

/// What a network is run for. Batch normalisation takes the statistics of the examples at hand in training, and those that it has kept
/// in inference; dropout drops in training alone.
type Mode<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    | Training of Randomness
    | Inference of LayerState<'T>

/// What flows back out of a layer.
type LayerGradient<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Input: Tensor<'T>
        Parameters: Parameters<'T>
    }

/// A layer that has run forward, and how to run it backward. The closures hold what the operation cached.
type LayerForward<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Output: Tensor<'T>
        /// What its state may learn from, in training.
        Observed: Observed<'T>
        /// The gradients for input and parameters, from the gradient for the output.
        Backward: Tensor<'T> -> LayerGradient<'T>
        /// The gradient for the parameters alone: the bottom layer of a network needs no other.
        ParameterGradient: Tensor<'T> -> Parameters<'T>
        /// Which way each kink of the layer went: the mask of a ReLU, the winners of a max-pool; else nothing.
        Branches: unit -> int[]
    }

/// A layer at work, one operation after the other: what the fused kernels are measured against.
module LayerPass =

    /// A layer that learns: its gradients for input and parameters are computed apart, each only when asked for.
    let private learning
        (output: Tensor<'T>)
        (inputGradient: Tensor<'T> -> Tensor<'T>)
        (weightGradient: Tensor<'T> -> Tensor<'T>)
        (biasGradient: Tensor<'T> -> Tensor<'T>)
        : LayerForward<'T> =
        let parameterGradient dy =
            Affine
                {
                    Weight = weightGradient dy
                    Bias = biasGradient dy
                }

        {
            Output = output
            Observed = Nothing
            Backward =
                fun dy ->
                    {
                        Input = inputGradient dy
                        Parameters = parameterGradient dy
                    }
            ParameterGradient = parameterGradient
            Branches = fun () -> [||]
        }

    /// A layer without parameters.
    let private plain (output: Tensor<'T>) (inputGradient: Tensor<'T> -> Tensor<'T>) : LayerForward<'T> =
        {
            Output = output
            Observed = Nothing
            Backward =
                fun dy ->
                    {
                        Input = inputGradient dy
                        Parameters = Empty
                    }
            ParameterGradient = fun _ -> Empty
            Branches = fun () -> [||]
        }

    let private signs<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (y: Tensor<'T>) () : int[] =
        y.ToArray() |> Array.map (fun value -> 'T.Sign value)

    let private notOf (layer: Layer) =
        invalidArg "parameters" $"{Layer.name layer}: parameters, or a state, of another layer"

    /// Runs the layers backward, the last one first: the gradient of the input, and of the parameters of each.
    let private backThrough
        (trace: LayerForward<'T> list)
        (dy: Tensor<'T>)
        : struct (Tensor<'T> * Parameters<'T> list) =
        let step (layer: LayerForward<'T>) (struct (dy, above)) =
            let gradient = layer.Backward dy
            struct (gradient.Input, gradient.Parameters :: above)

        List.foldBack step trace (struct (dy, []))

    /// The mode of each part of a composite.
    let private modes (mode: Mode<'T>) (count: int) : Mode<'T> list voption =
        match mode with
        | Training randomness -> ValueSome(List.init count (fun i -> Training(randomness.Part i)))
        | Inference(States states) when states.Length = count -> ValueSome(List.map Inference states)
        | Inference _ -> ValueNone

    /// Batch normalisation by kept statistics: for each channel a scale and a shift, and so the way back.
    let private normalizedBy<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (r: BatchNorm.Running<'T>)
        (p: Affine<'T>)
        (x: Tensor<'T>)
        : LayerForward<'T> =
        let channels = p.Weight.Shape
        let zeros: Tensor<'T> = Tensor.zeros channels
        let ones: Tensor<'T> = Tensor.init channels (fun _ -> 'T.One)
        let infer = BatchNorm.infer BatchNorm.DefaultEpsilon

        let cache () : BatchNorm.Cache<'T> =
            {
                Normalized = infer ones zeros r.Mean r.Variance x
                Weight = p.Weight
                InverseDeviation =
                    infer ones zeros zeros r.Variance (Tensor.reshape (1 :: channels) ones)
                    |> Tensor.reshape channels
            }

        learning
            (infer p.Weight p.Bias r.Mean r.Variance x)
            (infer p.Weight zeros zeros r.Variance)
            (fun dy -> BatchNorm.weightGradient (cache ()) dy)
            (fun dy -> BatchNorm.biasGradient (cache ()) dy)

    /// Runs the layer on a batch. Raises ArgumentException for parameters or a state of another layer.
    let rec forward (mode: Mode<'T>) (layer: Layer) (parameters: Parameters<'T>) (x: Tensor<'T>) : LayerForward<'T> =
        match layer, parameters with
        | Conv1d config, Affine p ->
            let struct (y, cache) = Conv1d.forward config p.Weight p.Bias x

            learning
                y
                (Conv1d.inputGradient p.Weight cache)
                (Conv1d.weightGradient p.Weight cache)
                (Conv1d.biasGradient cache)
        | Conv2d config, Affine p ->
            let struct (y, cache) = Conv2d.forward config p.Weight p.Bias x

            learning
                y
                (Conv2d.inputGradient p.Weight cache)
                (Conv2d.weightGradient p.Weight cache)
                (Conv2d.biasGradient cache)
        | Dense _, Affine p ->
            let struct (y, cache) = Dense.forward p.Weight p.Bias x
            learning y (Dense.inputGradient p.Weight cache) (Dense.weightGradient p.Weight cache) Dense.biasGradient
        | BatchNorm, Affine p ->
            match mode with
            | Training _ ->
                let struct (y, cache, moments) =
                    BatchNorm.forward BatchNorm.DefaultEpsilon p.Weight p.Bias x

                { learning
                      y
                      (BatchNorm.inputGradient cache)
                      (BatchNorm.weightGradient cache)
                      (BatchNorm.biasGradient cache) with
                    Observed = Moments moments
                }
            | Inference(Running r) -> normalizedBy r p x
            | Inference _ -> notOf layer
        | MaxPool2d config, Empty ->
            let struct (y, cache) = MaxPool2d.forward config x

            { plain y (fun dy -> (MaxPool2d.backward cache dy).Input) with
                Branches = fun () -> cache.Winners.ToArray()
            }
        | AvgPool2d config, Empty ->
            let struct (y, cache) = AvgPool2d.forward config x
            plain y (fun dy -> (AvgPool2d.backward cache dy).Input)
        | GlobalAveragePool, Empty ->
            let struct (y, cache) = GlobalAveragePool.forward x
            plain y (fun dy -> (GlobalAveragePool.backward cache dy).Input)
        | Relu, Empty ->
            let struct (y, cache) = Relu.forward x

            { plain y (fun dy -> (Relu.backward cache dy).Input) with
                Branches = signs y
            }
        | Activation activation, Empty ->
            let struct (y, cache) = Activation.forward activation x

            { plain y (fun dy -> (Activation.backward cache dy).Input) with
                Branches =
                    match activation with
                    | Activation.Relu
                    | Activation.LeakyRelu _ -> signs x
                    | Activation.Identity
                    | Activation.Silu
                    | Activation.Gelu
                    | Activation.Tanh -> fun () -> [||]
            }
        | Dropout rate, Empty ->
            match mode with
            | Training randomness ->
                let struct (y, cache) =
                    Dropout.forward rate randomness.Seed randomness.FirstExample x

                plain y (fun dy -> (Dropout.backward cache dy).Input)
            | Inference _ -> plain x id
        | Flatten, Empty ->
            let struct (y, cache) = Flatten.forward x
            plain y (fun dy -> (Flatten.backward cache dy).Input)
        | Residual config, Block [ Block body; Block shortcut ] ->
            match modes mode 2 with
            | ValueSome [ bodyMode; shortcutMode ] ->
                residual (sequence bodyMode config.Body body x) (sequence shortcutMode config.Shortcut shortcut x) x
            | _ -> notOf layer
        | _ -> notOf layer

    /// Runs layers one after the other; each layer draws from its own part of the randomness.
    and sequence
        (mode: Mode<'T>)
        (layers: Layer list)
        (parameters: Parameters<'T> list)
        (x: Tensor<'T>)
        : LayerForward<'T> list =
        match modes mode layers.Length with
        | ValueSome modes when parameters.Length = layers.Length ->
            (([], x), List.zip3 modes layers parameters)
            ||> List.fold (fun (before, x) (mode, layer, p) ->
                let result = forward mode layer p x
                (result :: before, result.Output))
            |> fst
            |> List.rev
        | _ -> invalidArg (nameof parameters) "the parameters, or the state, are those of another network"

    and private residual
        (body: LayerForward<'T> list)
        (shortcut: LayerForward<'T> list)
        (x: Tensor<'T>)
        : LayerForward<'T> =
        let other =
            match List.tryLast shortcut with
            | Some last -> last.Output
            | None -> x

        let backward (dy: Tensor<'T>) : LayerGradient<'T> =
            let struct (throughBody, bodyGradient) = backThrough body dy
            let struct (throughShortcut, shortcutGradient) = backThrough shortcut dy

            {
                Input = Vectorized.map2 (Add<'T>()) throughBody throughShortcut
                Parameters = Block [ Block bodyGradient; Block shortcutGradient ]
            }

        let observed (parts: LayerForward<'T> list) =
            parts |> List.map (fun part -> part.Observed) |> Parts

        {
            Output = Vectorized.map2 (Add<'T>()) (List.last body).Output other
            Observed = Parts [ observed body; observed shortcut ]
            Backward = backward
            ParameterGradient = fun dy -> (backward dy).Parameters
            Branches = fun () -> body @ shortcut |> List.map (fun layer -> layer.Branches()) |> Array.concat
        }
