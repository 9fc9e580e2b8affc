namespace Cnn.Checking

open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Fusion

/// Whole networks: small ones with every kind of layer, and the presets.
module internal NetworkCases =

    let private normal = GradientCheck.normal

    /// The same network on the way that training takes, which is fused; it gives no gradient for the input. Which way the kinks
    /// went is read off the layers one by one.
    let private fused
        (seed: Seed)
        (network: Network)
        (rebuild: Tensor<float> list -> Parameters<float>)
        (labels: Tensor<int>)
        (layers: Subject)
        : Subject =
        let plan = Plan.ofNetwork network
        let x = snd layers.Inputs.Head

        { layers with
            Operation = "fused"
            Inputs = layers.Inputs.Tail
            Forward =
                fun t ->
                    let loss = (FusedNetwork.lossAndGradients seed plan (rebuild t) x labels).Loss

                    { layers.Forward(x :: t) with
                        Output = Tensor.ofSeq [ 1 ] [ loss ]
                    }
            Backward =
                fun t dy ->
                    let step = FusedNetwork.lossAndGradients seed plan (rebuild t) x labels

                    step.Gradients |> Parameters.scale dy[0] |> Parameters.named |> List.map snd
        }

    /// The loss of a network as a function of its input and all its parameters, biases not zero; layer by layer, and fused.
    let private network (seed: Seed) (name: string) (batch: int) (input: Shape) (architecture: string) : Subject list =
        let network =
            match Architecture.parse architecture |> Result.bind (Network.create input) with
            | Ok network -> network
            | Error reason -> invalidOp reason

        let parameters: Parameters<float> =
            Network.initialize He (Seed.split 0 seed) network
            |> Parameters.map (fun tensor ->
                match tensor.Shape with
                | [ _ ] ->
                    // batch normalisation has weights of one axis as well: they stay near 1
                    let noise = normal (Seed.split tensor.Count seed) tensor.Shape
                    Tensor.init tensor.Shape (fun i -> tensor[i] + 0.1 * noise[i])
                | _ -> tensor)

        let labels = Tensor.init [ batch ] (fun n -> (3 * n + 1) % network.Classes)

        let rebuild (tensors: Tensor<float> list) =
            let table =
                List.zip (List.map fst (Parameters.named parameters)) tensors |> Map.ofList

            match network |> Network.assemble (fun name _ -> Ok table[name]) with
            | Ok built -> built
            | Error reason -> invalidOp reason

        let layers =
            {
                Operation = "network"
                Case = $"{name}, {batch}x{Shape.format input}"
                Inputs =
                    ("input", normal (Seed.split 1 seed) (batch :: input))
                    :: Parameters.named parameters
                Forward =
                    fun t ->
                        let trace =
                            Network.forward (Training { Seed = seed; FirstExample = 0 }) network (rebuild t.Tail) t.Head

                        let struct (loss, _) = SoftmaxCrossEntropy.forward labels (List.last trace).Output

                        {
                            Output = Tensor.ofSeq [ 1 ] [ loss ]
                            Branches = trace |> List.map (fun layer -> layer.Branches()) |> Array.concat
                        }
                Backward =
                    fun t dy ->
                        let p = rebuild t.Tail

                        let trace =
                            Network.forward (Training { Seed = seed; FirstExample = 0 }) network p t.Head

                        let struct (_, cache) = SoftmaxCrossEntropy.forward labels (List.last trace).Output

                        let gradient =
                            Network.backward trace (SoftmaxCrossEntropy.backward cache dy[0]).Logits

                        let input =
                            Network.inputGradient trace (SoftmaxCrossEntropy.backward cache dy[0]).Logits

                        input :: List.map snd (Parameters.named gradient)
            }

        [ layers; fused seed network rebuild labels layers ]

    let networks (seed: Seed) : Subject list =
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
            network
                (Seed.split 5 seed)
                "normalised"
                5
                [ 2; 7; 6 ]
                "conv 4 3 pad 1, pool 2, batchnorm, leakyrelu 0.1, conv 5 2, batchnorm, gelu, flatten, dropout 0.3, dense 6, batchnorm, silu, dense 3"
            network
                (Seed.split 6 seed)
                "residual"
                6
                [ 2; 6; 5 ]
                "residual(conv 2 3 pad 1, batchnorm, relu, conv 2 3 pad 1), relu, residual(conv 4 3 stride 2 pad 1, batchnorm, silu | conv 4 1 stride 2), batchnorm, gap, dense 3"
            network
                (Seed.split 7 seed)
                "bounded"
                4
                [ 2; 8; 7 ]
                "conv 3 3 pad 1, tanh, avgpool 2, conv 4 2, batchnorm, tanh, flatten, dense 5, tanh, dense 3"
            // smaller images than MNIST's: the arithmetic is the same, and every unit fewer is a kink fewer to meet
            network (Seed.split 2 seed) "simple" 1 [ 1; 12; 12 ] (preset "simple")
            network (Seed.split 3 seed) "deep" 1 [ 1; 12; 12 ] (preset "deep")
            network (Seed.split 4 seed) "lenet" 1 [ 1; 12; 12 ] (preset "lenet")
        ]
        |> List.concat
