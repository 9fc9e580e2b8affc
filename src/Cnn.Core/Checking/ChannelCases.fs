namespace Cnn.Checking

open Cnn.Tensors
open Cnn.Operations

/// What keeps or averages the channels: activations with a gate, batch normalisation, dropout and global average-pooling.
module internal ChannelCases =

    let private normal = GradientCheck.normal

    /// A smooth function of tensors.
    let private smooth (output: Tensor<float>) : Probe = { Output = output; Branches = [||] }

    let private one (f: Tensor<float> -> 'R) (tensors: Tensor<float> list) : 'R = f tensors.Head

    /// The inputs are three times standard normal: gates that are open, half open and shut, slopes that are 1 and nearly 0.
    let activations (backwards: Backwards) (seed: Seed) : Subject list =
        [
            "identity", "", Activation.Identity
            "leaky-relu", ", slope 0.01", Activation.LeakyRelu 0.01
            "leaky-relu", ", slope -0.3", Activation.LeakyRelu -0.3
            "silu", "", Activation.Silu
            "gelu", "", Activation.Gelu
            "tanh", "", Activation.Tanh
        ]
        |> List.mapi (fun i (operation, case, activation) ->
            let kinked =
                match activation with
                | Activation.LeakyRelu _ -> true
                | _ -> false

            {
                Operation = operation
                Case = $"2x3x5x4{case}"
                Inputs =
                    [
                        "input", normal (Seed.split i seed) [ 2; 3; 5; 4 ] |> Tensor.map (fun v -> 3.0 * v)
                    ]
                Forward =
                    one (fun x ->
                        let struct (y, _) = Activation.forward activation x

                        {
                            Output = y
                            Branches =
                                if kinked then
                                    x.ToArray() |> Array.map (fun v -> if v > 0.0 then 1 else 0)
                                else
                                    [||]
                        })
                Backward =
                    one (fun x dy ->
                        let struct (_, cache) = Activation.forward activation x
                        [ (backwards.Activation cache dy).Input ])
            })

    /// Weights and biases are not 1 and 0, and the inputs of neighbouring channels differ in mean and deviation. The last
    /// epsilon is as large as the variance, so that a gradient that forgets it shows.
    let batchNorm (backwards: Backwards) (seed: Seed) : Subject list =
        [
            [ 6; 4 ], BatchNorm.DefaultEpsilon
            [ 3; 2; 7 ], BatchNorm.DefaultEpsilon
            [ 3; 4; 5; 2 ], BatchNorm.DefaultEpsilon
            [ 1; 3; 2; 3 ], BatchNorm.DefaultEpsilon
            [ 2; 3; 3; 4 ], 1.0
        ]
        |> List.mapi (fun i (shape, epsilon) ->
            let draw k =
                normal (seed |> Seed.split i |> Seed.split k)

            let channels = shape[1]
            let places = Shape.size (List.skip 2 shape)

            let spread (x: Tensor<float>) =
                Tensor.init shape (fun i ->
                    let c = float (i / places % channels)
                    x[i] * (1.0 + 0.5 * c) + c - 1.0)

            {
                Operation = "batch-norm"
                Case = $"{Shape.format shape}, epsilon {epsilon}"
                Inputs =
                    [
                        "input", spread (draw 0 shape)
                        "weight", draw 1 [ channels ]
                        "bias", draw 2 [ channels ]
                    ]
                Forward =
                    fun t ->
                        let struct (y, _, _) = BatchNorm.forward epsilon t[1] t[2] t[0]
                        smooth y
                Backward =
                    fun t dy ->
                        let struct (_, cache, _) = BatchNorm.forward epsilon t[1] t[2] t[0]
                        let g = backwards.BatchNorm cache dy
                        [ g.Input; g.Weight; g.Bias ]
            })

    /// The mask stays the same while the input moves, for the seed does.
    let dropout (backwards: Backwards) (seed: Seed) : Subject list =
        [ 0.5, 0; 0.2, 7; 0.0, 3 ]
        |> List.mapi (fun i (rate, firstExample) ->
            let mask = seed |> Seed.split i |> Seed.split 1

            {
                Operation = "dropout"
                Case = $"3x4x5, rate {rate}, from example {firstExample}"
                Inputs = [ "input", normal (seed |> Seed.split i |> Seed.split 0) [ 3; 4; 5 ] ]
                Forward =
                    one (fun x ->
                        let struct (y, _) = Dropout.forward rate mask firstExample x
                        smooth y)
                Backward =
                    one (fun x dy ->
                        let struct (_, cache) = Dropout.forward rate mask firstExample x
                        [ (backwards.Dropout cache dy).Input ])
            })

    let globalAveragePool (backwards: Backwards) (seed: Seed) : Subject list =
        [ [ 2; 3; 4; 5 ]; [ 3; 2; 7 ]; [ 2; 3; 1; 1 ] ]
        |> List.mapi (fun i shape ->
            {
                Operation = "global-average-pool"
                Case = Shape.format shape
                Inputs = [ "input", normal (Seed.split i seed) shape ]
                Forward =
                    one (fun x ->
                        let struct (y, _) = GlobalAveragePool.forward x
                        smooth y)
                Backward =
                    one (fun x dy ->
                        let struct (_, cache) = GlobalAveragePool.forward x
                        [ (backwards.GlobalAveragePool cache dy).Input ])
            })
