namespace Cnn.Networks

open System.Numerics
open Cnn.Tensors
open Cnn.Operations

/// A fully connected layer; Inputs may be left to shape inference.
type DenseConfig = { Inputs: int option; Outputs: int }

/// One layer of a network, as data: what it computes, without its numbers.
type Layer =
    | Conv1d of Conv1d.Config
    | Conv2d of Conv2d.Config
    | MaxPool2d of PoolConfig
    | AvgPool2d of PoolConfig
    | Relu
    | Flatten
    | Dense of DenseConfig

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
        /// The gradients for input and parameters, from the gradient for the output.
        Backward: Tensor<'T> -> LayerGradient<'T>
        /// The gradient for the parameters alone: the bottom layer of a network needs no other.
        ParameterGradient: Tensor<'T> -> Parameters<'T>
        /// Which way each kink of the layer went: the mask of a ReLU, the winners of a max-pool; else nothing.
        Branches: unit -> int[]
    }

module Layer =

    /// The name that messages, summaries and the text form use.
    let name (layer: Layer) : string =
        match layer with
        | Conv1d _ -> "conv1d"
        | Conv2d _ -> "conv"
        | MaxPool2d _ -> "pool"
        | AvgPool2d _ -> "avgpool"
        | Relu -> "relu"
        | Flatten -> "flatten"
        | Dense _ -> "dense"

    /// The shape of one example after the layer, given the shape of one before (both without the batch axis),
    /// or why the layer does not fit.
    let outputShape (layer: Layer) (input: Shape) : Result<Shape, string> =
        let pooled (config: PoolConfig) =
            PoolConfig.window config (1 :: input)
            |> Result.map (fun window -> [ input.Head; window.Rows.Output; window.Columns.Output ])

        match layer, input with
        | Conv1d config, [ _; length ] when config.Filters >= 1 ->
            Conv1d.outputLength config length |> Result.map (fun l -> [ config.Filters; l ])
        | Conv1d config, [ _; _ ] -> Error $"{config.Filters} filters; there must be at least 1"
        | Conv1d _, other -> Error $"expects channels x length, but gets {Shape.format other}"
        | (Conv2d _ | MaxPool2d _ | AvgPool2d _), other when other.Length <> 3 ->
            Error $"expects channels x rows x columns, but gets {Shape.format other}"
        | Conv2d config, _ ->
            Conv2d.shape config (1 :: input)
            |> Result.map (fun shape -> [ shape.OutChannels; shape.Window.Rows.Output; shape.Window.Columns.Output ])
        | MaxPool2d config, _
        | AvgPool2d config, _ -> pooled config
        | Relu, _ -> Ok input
        | Flatten, _ -> Ok [ Shape.size input ]
        | Dense config, [ inputs ] ->
            match config.Inputs with
            | Some expected when expected <> inputs -> Error $"expects {expected} inputs, but gets {inputs}"
            | _ when config.Outputs < 1 -> Error $"{config.Outputs} outputs; there must be at least 1"
            | _ -> Ok [ config.Outputs ]
        | Dense _, other -> Error $"expects a flat input, but gets {Shape.format other}; put flatten before it"

    /// The shapes of weight and bias for an input of this shape (without the batch axis), if the layer has any.
    let parameterShapes (layer: Layer) (input: Shape) : (Shape * Shape) option =
        match layer with
        | Conv1d config -> Some(Conv1d.weightShape config input.Head, [ config.Filters ])
        | Conv2d config -> Some(Conv2d.weightShape config input.Head, [ config.Filters ])
        | Dense config -> Some([ input.Head; config.Outputs ], [ config.Outputs ])
        | MaxPool2d _
        | AvgPool2d _
        | Relu
        | Flatten -> None

    /// Fresh parameters for an input of this shape.
    let initialize (initializer: Initializer) (seed: Seed) (input: Shape) (layer: Layer) : Parameters<'T> =
        match parameterShapes layer input with
        | None -> Empty
        | Some(weight, bias) ->
            let fanIn, fanOut =
                match weight with
                | [ inputs; outputs ] -> inputs, outputs
                | filters :: channels :: kernel -> channels * Shape.size kernel, filters * Shape.size kernel
                | other -> invalidOp $"a weight of shape {Shape.format other}"

            Affine
                {
                    Weight = Initializer.draw initializer seed fanIn fanOut weight
                    Bias = Tensor.zeros bias
                }

    /// Multiplications that one example costs going forward.
    let multiplyAdds (layer: Layer) (input: Shape) (output: Shape) : int64 =
        match layer, parameterShapes layer input with
        | Dense _, Some(weight, _) -> int64 (Shape.size weight)
        | _, Some(weight, _) -> int64 (Shape.size weight.Tail) * int64 (Shape.size output)
        | _, None -> 0L

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
            Backward =
                fun dy ->
                    {
                        Input = inputGradient dy
                        Parameters = Empty
                    }
            ParameterGradient = fun _ -> Empty
            Branches = fun () -> [||]
        }

    /// Runs the layer on a batch.
    let forward (layer: Layer) (parameters: Parameters<'T>) (x: Tensor<'T>) : LayerForward<'T> =
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
        | MaxPool2d config, Empty ->
            let struct (y, cache) = MaxPool2d.forward config x

            { plain y (fun dy -> (MaxPool2d.backward cache dy).Input) with
                Branches = fun () -> cache.Winners.ToArray()
            }
        | AvgPool2d config, Empty ->
            let struct (y, cache) = AvgPool2d.forward config x
            plain y (fun dy -> (AvgPool2d.backward cache dy).Input)
        | Relu, Empty ->
            let struct (y, cache) = Relu.forward x

            { plain y (fun dy -> (Relu.backward cache dy).Input) with
                Branches = fun () -> y.ToArray() |> Array.map (fun value -> if 'T.IsZero value then 0 else 1)
            }
        | Flatten, Empty ->
            let struct (y, cache) = Flatten.forward x
            plain y (fun dy -> (Flatten.backward cache dy).Input)
        | _ -> invalidArg (nameof parameters) $"{name layer}: the parameters are those of another layer"
