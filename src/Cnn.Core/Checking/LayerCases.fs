namespace Cnn.Checking

open Cnn.Tensors
open Cnn.Operations

/// The operations without a window: ReLU, flatten, dense, and the loss.
module internal LayerCases =

    let private normal = GradientCheck.normal

    /// A smooth function of tensors.
    let private smooth (output: Tensor<float>) : Probe = { Output = output; Branches = [||] }

    let private two (f: 'A -> 'B -> 'C) (tensors: 'A list) (second: 'B) = f tensors.Head second

    let elementwise (backwards: Backwards) (seed: Seed) : Subject list =
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

    let dense (backwards: Backwards) (seed: Seed) : Subject list =
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

    let loss (backwards: Backwards) (seed: Seed) : Subject list =
        [ 4, 10, 0.0; 1, 2, 0.0; 7, 3, 0.0; 4, 10, 0.1; 3, 5, 0.9 ]
        |> List.mapi (fun i (batch, classes, smoothing) ->
            let smoothed = if smoothing = 0.0 then "" else $" smoothing {smoothing}"
            let labels = Tensor.init [ batch ] (fun n -> (3 * n + 1) % classes)

            {
                Operation = "softmax-ce"
                Case = $"{batch}x{classes}{smoothed}"
                Inputs = [ "logits", normal (Seed.split i seed) [ batch; classes ] ]
                Forward =
                    fun t ->
                        let struct (loss, _) = SoftmaxCrossEntropy.forwardSmoothed smoothing labels t.Head
                        smooth (Tensor.ofSeq [ 1 ] [ loss ])
                Backward =
                    two (fun logits dy ->
                        let struct (_, cache) = SoftmaxCrossEntropy.forwardSmoothed smoothing labels logits
                        [ (backwards.SoftmaxCrossEntropy cache dy[0]).Logits ])
            })
