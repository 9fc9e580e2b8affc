namespace Cnn.Checking

open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks

/// The backward passes that are checked. They are a record so that a test can put a wrong one in the place
/// of any of them and see that the check finds it.
type Backwards =
    {
        Conv1d: Tensor<float> -> Conv1d.Cache<float> -> Tensor<float> -> Conv1d.Gradient<float>
        Conv2d: Tensor<float> -> Conv2d.Cache<float> -> Tensor<float> -> Conv2d.Gradient<float>
        MaxPool2d: MaxPool2d.Cache -> Tensor<float> -> MaxPool2d.Gradient<float>
        AvgPool2d: AvgPool2d.Cache -> Tensor<float> -> AvgPool2d.Gradient<float>
        Relu: Relu.Cache<float> -> Tensor<float> -> Relu.Gradient<float>
        Flatten: Flatten.Cache -> Tensor<float> -> Flatten.Gradient<float>
        Dense: Tensor<float> -> Dense.Cache<float> -> Tensor<float> -> Dense.Gradient<float>
        SoftmaxCrossEntropy: SoftmaxCrossEntropy.Cache<float> -> float -> SoftmaxCrossEntropy.Gradient<float>
    }

module Backwards =

    /// The backward passes that training uses.
    let real: Backwards =
        {
            Conv1d = Conv1d.backward
            Conv2d = Conv2d.backward
            MaxPool2d = MaxPool2d.backward
            AvgPool2d = AvgPool2d.backward
            Relu = Relu.backward
            Flatten = Flatten.backward
            Dense = Dense.backward
            SoftmaxCrossEntropy = SoftmaxCrossEntropy.backward
        }

/// Every operation over strides, paddings, odd and non-square sizes, channels and batches; and whole networks.
module GradientCases =

    let private normal = GradientCheck.normal

    /// A smooth function of tensors.
    let private smooth (output: Tensor<float>) : Probe = { Output = output; Branches = [||] }

    let private pair (rows: int, columns: int) = $"{rows}x{columns}"

    let private two (f: 'A -> 'B -> 'C) (tensors: 'A list) (second: 'B) = f tensors.Head second

    let private conv1d (backwards: Backwards) (seed: Seed) : Subject list =
        // batch, channels, length, config
        [
            1,
            1,
            5,
            {
                Conv1d.Filters = 1
                Conv1d.Kernel = 3
                Conv1d.Stride = 1
                Conv1d.Padding = 0
            }
            2,
            3,
            9,
            {
                Conv1d.Filters = 4
                Conv1d.Kernel = 4
                Conv1d.Stride = 2
                Conv1d.Padding = 1
            }
            3,
            2,
            7,
            {
                Conv1d.Filters = 2
                Conv1d.Kernel = 2
                Conv1d.Stride = 3
                Conv1d.Padding = 2
            }
        ]
        |> List.mapi (fun i (batch, channels, length, config) ->
            let draw k =
                normal (seed |> Seed.split i |> Seed.split k)

            {
                Operation = "conv1d"
                Case =
                    $"{batch}x{channels}x{length}, kernel {config.Kernel}, stride {config.Stride}, pad {config.Padding}"
                Inputs =
                    [
                        "input", draw 0 [ batch; channels; length ]
                        "weight", draw 1 (Conv1d.weightShape config channels)
                        "bias", draw 2 [ config.Filters ]
                    ]
                Forward =
                    fun t ->
                        let struct (y, _) = Conv1d.forward config t[1] t[2] t[0]
                        smooth y
                Backward =
                    fun t dy ->
                        let struct (_, cache) = Conv1d.forward config t[1] t[2] t[0]
                        let g = backwards.Conv1d t[1] cache dy
                        [ g.Input; g.Weight; g.Bias ]
            })

    let private conv2d (backwards: Backwards) (seed: Seed) : Subject list =
        // batch, channels, (rows, columns), filters, kernel, stride, padding
        [
            2, 3, (5, 5), 4, (3, 3), (1, 1), (0, 0)
            2, 2, (7, 6), 3, (3, 2), (2, 1), (1, 0)
            1, 1, (6, 9), 2, (5, 3), (1, 2), (2, 1)
            3, 2, (4, 4), 2, (1, 1), (1, 1), (0, 0)
            1, 3, (5, 8), 2, (2, 4), (3, 2), (1, 3)
            2, 1, (5, 7), 3, (5, 7), (1, 1), (0, 0)
            2, 2, (8, 9), 2, (2, 2), (3, 3), (0, 1)
            1, 2, (3, 3), 17, (3, 3), (1, 1), (1, 1)
        ]
        |> List.mapi (fun i (batch, channels, (rows, columns), filters, kernel, stride, padding) ->
            let draw k =
                normal (seed |> Seed.split i |> Seed.split k)

            let config: Conv2d.Config =
                {
                    Filters = filters
                    Kernel = kernel
                    Stride = stride
                    Padding = padding
                }

            {
                Operation = "conv2d"
                Case =
                    $"{batch}x{channels}x{rows}x{columns}, kernel {pair kernel}, stride {pair stride}, pad {pair padding}"
                Inputs =
                    [
                        "input", draw 0 [ batch; channels; rows; columns ]
                        "weight", draw 1 (Conv2d.weightShape config channels)
                        "bias", draw 2 [ filters ]
                    ]
                Forward =
                    fun t ->
                        let struct (y, _) = Conv2d.forward config t[1] t[2] t[0]
                        smooth y
                Backward =
                    fun t dy ->
                        let struct (_, cache) = Conv2d.forward config t[1] t[2] t[0]
                        let g = backwards.Conv2d t[1] cache dy
                        [ g.Input; g.Weight; g.Bias ]
            })

    let private pools: ((int * int) * PoolConfig) list =
        [
            (4, 4), PoolConfig.square 2
            (7, 9), PoolConfig.square 3
            (6, 5),
            {
                Kernel = (3, 3)
                Stride = (2, 2)
                Padding = (1, 1)
            }
            (5, 8),
            {
                Kernel = (2, 3)
                Stride = (1, 2)
                Padding = (0, 2)
            }
        ]

    let private pooling (backwards: Backwards) (seed: Seed) : Subject list =
        pools
        |> List.mapi (fun i ((rows, columns), config) ->
            let input = [ "input", normal (Seed.split i seed) [ 2; 3; rows; columns ] ]

            let case =
                $"2x3x{rows}x{columns}, window {pair config.Kernel}, stride {pair config.Stride}, pad {pair config.Padding}"

            [
                {
                    Operation = "max-pool"
                    Case = case
                    Inputs = input
                    Forward =
                        fun t ->
                            let struct (y, cache) = MaxPool2d.forward config t.Head

                            {
                                Output = y
                                Branches = cache.Winners.ToArray()
                            }
                    Backward =
                        two (fun x dy ->
                            let struct (_, cache) = MaxPool2d.forward config x
                            [ (backwards.MaxPool2d cache dy).Input ])
                }
                {
                    Operation = "avg-pool"
                    Case = case
                    Inputs = input
                    Forward =
                        fun t ->
                            let struct (y, _) = AvgPool2d.forward config t.Head
                            smooth y
                    Backward =
                        two (fun x dy ->
                            let struct (_, cache) = AvgPool2d.forward config x
                            [ (backwards.AvgPool2d cache dy).Input ])
                }
            ])
        |> List.concat

    let private elementwise (backwards: Backwards) (seed: Seed) : Subject list =
        let input = [ "input", normal seed [ 2; 3; 5; 4 ] ]

        [
            {
                Operation = "relu"
                Case = "2x3x5x4"
                Inputs = input
                Forward =
                    fun t ->
                        let struct (y, _) = Relu.forward t.Head

                        {
                            Output = y
                            Branches = y.ToArray() |> Array.map (fun v -> if v > 0.0 then 1 else 0)
                        }
                Backward =
                    two (fun x dy ->
                        let struct (_, cache) = Relu.forward x
                        [ (backwards.Relu cache dy).Input ])
            }
            {
                Operation = "flatten"
                Case = "2x3x5x4"
                Inputs = input
                Forward =
                    fun t ->
                        let struct (y, _) = Flatten.forward t.Head
                        smooth y
                Backward =
                    two (fun x dy ->
                        let struct (_, cache) = Flatten.forward x
                        [ (backwards.Flatten cache dy).Input ])
            }
        ]

    let private dense (backwards: Backwards) (seed: Seed) : Subject list =
        [ 3, 7, 5; 1, 1, 1; 5, 16, 33 ]
        |> List.mapi (fun i (batch, inputs, outputs) ->
            let draw k =
                normal (seed |> Seed.split i |> Seed.split k)

            {
                Operation = "dense"
                Case = $"{batch}x{inputs} -> {outputs}"
                Inputs =
                    [
                        "input", draw 0 [ batch; inputs ]
                        "weight", draw 1 [ inputs; outputs ]
                        "bias", draw 2 [ outputs ]
                    ]
                Forward =
                    fun t ->
                        let struct (y, _) = Dense.forward t[1] t[2] t[0]
                        smooth y
                Backward =
                    fun t dy ->
                        let struct (_, cache) = Dense.forward t[1] t[2] t[0]
                        let g = backwards.Dense t[1] cache dy
                        [ g.Input; g.Weight; g.Bias ]
            })

    let private loss (backwards: Backwards) (seed: Seed) : Subject list =
        [ 4, 10; 1, 2; 7, 3 ]
        |> List.mapi (fun i (batch, classes) ->
            let labels = Tensor.init [ batch ] (fun n -> (3 * n + 1) % classes)

            {
                Operation = "softmax-ce"
                Case = $"{batch}x{classes}"
                Inputs = [ "logits", normal (Seed.split i seed) [ batch; classes ] ]
                Forward =
                    fun t ->
                        let struct (loss, _) = SoftmaxCrossEntropy.forward labels t.Head
                        smooth (Tensor.ofSeq [ 1 ] [ loss ])
                Backward =
                    two (fun logits dy ->
                        let struct (_, cache) = SoftmaxCrossEntropy.forward labels logits
                        [ (backwards.SoftmaxCrossEntropy cache dy[0]).Logits ])
            })

    /// The loss of a network as a function of its input and all its parameters, biases not zero.
    let private network (seed: Seed) (name: string) (batch: int) (input: Shape) (architecture: string) : Subject =
        let network =
            match Architecture.parse architecture |> Result.bind (Network.create input) with
            | Ok network -> network
            | Error reason -> invalidOp reason

        let parameters: Parameters<float> =
            Network.initialize He (Seed.split 0 seed) network
            |> Parameters.map (fun tensor ->
                match tensor.Shape with
                | [ _ ] ->
                    normal (Seed.split tensor.Count seed) tensor.Shape
                    |> Tensor.map (fun b -> 0.1 * b)
                | _ -> tensor)

        let labels = Tensor.init [ batch ] (fun n -> (3 * n + 1) % network.Classes)

        let rebuild (tensors: Tensor<float> list) =
            let table =
                List.zip (List.map fst (Parameters.named parameters)) tensors |> Map.ofList

            match network |> Network.assemble (fun name _ -> Ok table[name]) with
            | Ok built -> built
            | Error reason -> invalidOp reason

        {
            Operation = "network"
            Case = $"{name}, {batch}x{Shape.format input}"
            Inputs =
                ("input", normal (Seed.split 1 seed) (batch :: input))
                :: Parameters.named parameters
            Forward =
                fun t ->
                    let trace = Network.forward network (rebuild t.Tail) t.Head
                    let struct (loss, _) = SoftmaxCrossEntropy.forward labels (List.last trace).Output

                    {
                        Output = Tensor.ofSeq [ 1 ] [ loss ]
                        Branches = trace |> List.map (fun layer -> layer.Branches()) |> Array.concat
                    }
            Backward =
                fun t dy ->
                    let p = rebuild t.Tail
                    let trace = Network.forward network p t.Head
                    let struct (_, cache) = SoftmaxCrossEntropy.forward labels (List.last trace).Output

                    let gradient =
                        Network.backward trace (SoftmaxCrossEntropy.backward cache dy[0]).Logits

                    let input =
                        Network.inputGradient trace (SoftmaxCrossEntropy.backward cache dy[0]).Logits

                    input :: List.map snd (Parameters.named gradient)
        }

    let private networks (seed: Seed) : Subject list =
        let preset name =
            Architecture.presets 10 |> List.find (fun (n, _) -> n = name) |> snd

        [
            network
                (Seed.split 0 seed)
                "small"
                2
                [ 2; 9; 8 ]
                "conv 3 3x2 stride 2x1 pad 1, relu, avgpool 2 stride 1, conv 4 2, relu, pool 2 pad 1, flatten, dense 5, relu, dense 3"
            network
                (Seed.split 1 seed)
                "signal"
                3
                [ 2; 12 ]
                "conv1d 4 3 pad 1, relu, conv1d 3 4 stride 2, relu, flatten, dense 4"
            network (Seed.split 2 seed) "simple" 1 [ 1; 28; 28 ] (preset "simple")
            network (Seed.split 3 seed) "deep" 1 [ 1; 28; 28 ] (preset "deep")
            network (Seed.split 4 seed) "lenet" 1 [ 1; 28; 28 ] (preset "lenet")
        ]

    /// All subjects, with the given backward passes.
    let all (backwards: Backwards) (seed: Seed) : Subject list =
        [
            conv1d backwards
            conv2d backwards
            pooling backwards
            elementwise backwards
            dense backwards
            loss backwards
            networks
        ]
        |> List.mapi (fun i subjects -> subjects (Seed.split i seed))
        |> List.concat
