/// Every function of the core gives the same for the same arguments and leaves them alone. Kernels work in place and on
/// rented buffers behind this: what they leave in a buffer must not show in any result, earlier or later.
module Cnn.Tests.PurityTests

open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Fusion
open Cnn.Training
open Cnn.Tests.Support

/// A forward pass, its backward pass twice over the same cache, and every tensor that either gives.
type private Subject =
    {
        Name: string
        Inputs: Shape list
        Run: Tensor<float32> list -> Tensor<float32> list
    }

let private twice (backward: unit -> Tensor<float32> list) =
    let first, second = backward (), backward ()
    Expect.equal (List.map bits second) (List.map bits first) "backward twice over one cache"
    first

let private labels = Tensor.ofSeq [ 5 ] [ 0; 2; 1; 2; 0 ]

let private small =
    network
        [ 2; 7; 6 ]
        "conv 3 3 pad 1, relu, pool 2, conv 4 2, relu, avgpool 2 stride 1, flatten, dense 5, relu, dense 3"

let private subjects =
    let pool: PoolConfig =
        {
            Kernel = (3, 2)
            Stride = (2, 1)
            Padding = (1, 0)
        }

    [
        {
            Name = "conv2d"
            Inputs = [ [ 5; 2; 7; 6 ]; [ 3; 2; 3; 3 ]; [ 3 ] ]
            Run =
                fun t ->
                    let struct (y, cache) = Conv2d.forward (Conv2d.square 3 3 1 1) t[1] t[2] t[0]

                    y
                    :: twice (fun () -> let g = Conv2d.backward t[1] cache y in [ g.Input; g.Weight; g.Bias ])
        }
        {
            Name = "conv2d with stride"
            Inputs = [ [ 5; 2; 7; 6 ]; [ 3; 2; 3; 3 ]; [ 3 ] ]
            Run =
                fun t ->
                    let struct (y, cache) = Conv2d.forward (Conv2d.square 3 3 2 0) t[1] t[2] t[0]

                    y
                    :: twice (fun () -> let g = Conv2d.backward t[1] cache y in [ g.Input; g.Weight; g.Bias ])
        }
        {
            Name = "conv1d"
            Inputs = [ [ 5; 2; 9 ]; [ 3; 2; 3 ]; [ 3 ] ]
            Run =
                fun t ->
                    let struct (y, cache) =
                        Conv1d.forward
                            {
                                Filters = 3
                                Kernel = 3
                                Stride = 1
                                Padding = 1
                            }
                            t[1]
                            t[2]
                            t[0]

                    y
                    :: twice (fun () -> let g = Conv1d.backward t[1] cache y in [ g.Input; g.Weight; g.Bias ])
        }
        {
            Name = "max-pool"
            Inputs = [ [ 5; 2; 7; 6 ] ]
            Run =
                fun t ->
                    let struct (y, cache) = MaxPool2d.forward pool t[0]
                    y :: twice (fun () -> [ (MaxPool2d.backward cache y).Input ])
        }
        {
            Name = "average-pool"
            Inputs = [ [ 5; 2; 7; 6 ] ]
            Run =
                fun t ->
                    let struct (y, cache) = AvgPool2d.forward pool t[0]
                    y :: twice (fun () -> [ (AvgPool2d.backward cache y).Input ])
        }
        {
            Name = "relu"
            Inputs = [ [ 5; 37 ]; [ 5; 37 ] ]
            Run =
                fun t ->
                    let struct (y, cache) = Relu.forward t[0]
                    y :: twice (fun () -> [ (Relu.backward cache t[1]).Input ])
        }
        for activation in
            [
                Activation.Identity
                Activation.Relu
                Activation.LeakyRelu 0.1
                Activation.Silu
                Activation.Gelu
                Activation.Tanh
            ] do
            {
                Name = $"activation {activation}"
                Inputs = [ [ 5; 37 ]; [ 5; 37 ] ]
                Run =
                    fun t ->
                        let struct (y, cache) = Activation.forward activation t[0]
                        y :: twice (fun () -> [ (Activation.backward cache t[1]).Input ])
            }
        {
            Name = "batch normalisation"
            Inputs = [ [ 5; 2; 3; 4 ]; [ 2 ]; [ 2 ]; [ 5; 2; 3; 4 ] ]
            Run =
                fun t ->
                    let struct (y, cache, moments) = BatchNorm.forward 1e-5 t[1] t[2] t[0]
                    let running = BatchNorm.Running.update 0.1 (BatchNorm.Running.start 2) moments

                    [ y; moments.Mean; moments.Variance; running.Mean; running.Variance ]
                    @ twice (fun () -> let g = BatchNorm.backward cache t[3] in [ g.Input; g.Weight; g.Bias ])
        }
        {
            Name = "dropout"
            Inputs = [ [ 5; 2; 3; 4 ] ]
            Run =
                fun t ->
                    let struct (y, cache) = Dropout.forward 0.4 (Seed.ofInt 1) 0 t[0]
                    y :: twice (fun () -> [ (Dropout.backward cache t[0]).Input ])
        }
        {
            Name = "global average-pool"
            Inputs = [ [ 5; 2; 3; 4 ] ]
            Run =
                fun t ->
                    let struct (y, cache) = GlobalAveragePool.forward t[0]
                    y :: twice (fun () -> [ (GlobalAveragePool.backward cache y).Input ])
        }
        {
            Name = "flatten"
            Inputs = [ [ 5; 2; 3; 4 ] ]
            Run =
                fun t ->
                    let struct (y, cache) = Flatten.forward t[0]
                    y :: twice (fun () -> [ (Flatten.backward cache y).Input ])
        }
        {
            Name = "dense"
            Inputs = [ [ 5; 19 ]; [ 19; 33 ]; [ 33 ] ]
            Run =
                fun t ->
                    let struct (y, cache) = Dense.forward t[1] t[2] t[0]

                    y
                    :: twice (fun () -> let g = Dense.backward t[1] cache y in [ g.Input; g.Weight; g.Bias ])
        }
        {
            Name = "softmax cross-entropy"
            Inputs = [ [ 5; 3 ] ]
            Run =
                fun t ->
                    let struct (loss, cache) = SoftmaxCrossEntropy.forward labels t[0]
                    let g = twice (fun () -> [ (SoftmaxCrossEntropy.backward cache 2.0).Logits ])

                    SoftmaxCrossEntropy.probabilities t[0]
                    :: Tensor.ofSeq [ 1 ] [ float32 loss ]
                    :: g
        }
        {
            Name = "softmax cross-entropy with label smoothing"
            Inputs = [ [ 5; 3 ] ]
            Run =
                fun t ->
                    let struct (loss, cache) = SoftmaxCrossEntropy.forwardSmoothed 0.1 labels t[0]

                    Tensor.ofSeq [ 1 ] [ float32 loss ]
                    :: twice (fun () -> [ (SoftmaxCrossEntropy.backward cache 2.0).Logits ])
        }
        {
            Name = "parameters"
            Inputs = [ [ 19; 33 ]; [ 33 ]; [ 19; 33 ]; [ 33 ] ]
            Run =
                fun t ->
                    let x, y =
                        Affine { Weight = t[0]; Bias = t[1] }, Affine { Weight = t[2]; Bias = t[3] }

                    [
                        x + y
                        Parameters.scale 0.3 x
                        Optimizer.clip 0.3 x
                        MovingAverage.step 0.9 3L x y
                    ]
                    |> List.collect (Parameters.named >> List.map snd)
        }
        {
            Name = "a whole network"
            Inputs = [ [ 5; 2; 7; 6 ] ]
            Run =
                fun t ->
                    let parameters: Parameters<float32> = Network.initialize He (Seed.ofInt 1) small
                    let before = parameterBits parameters

                    let step =
                        DataParallel.lossAndGradients 2 randomness.Seed (Plan.ofNetwork small) parameters t[0] labels

                    let trace = Network.forward training small parameters t[0]
                    let logits = (List.last trace).Output

                    let gradients =
                        twice (fun () -> Network.backward trace logits |> Parameters.named |> List.map snd)

                    let input = twice (fun () -> [ Network.inputGradient trace logits ])
                    Expect.equal (parameterBits parameters) before "the parameters"
                    logits :: input @ gradients @ (Parameters.named step.Gradients |> List.map snd)
        }
    ]

let private arguments (subject: Subject) (seed: int) =
    subject.Inputs
    |> List.mapi (fun i shape -> normals (seed + i) shape |> cast<float32>)

let tests =
    testList
        "purity"
        [
            for subject in subjects do
                test $"{subject.Name} leaves its arguments alone, and gives the same bits again" {
                    let inputs = arguments subject 1
                    let before = List.map bits inputs
                    let first = subject.Run inputs
                    let kept = List.map bits first
                    Expect.equal (List.map bits inputs) before "arguments"
                    // other numbers in between would show in a buffer that is shared
                    let others = subject.Run(arguments subject 100)
                    Expect.notEqual (List.map bits others) kept "other arguments give something else"
                    Expect.equal (List.map bits first) kept "the results of before"
                    Expect.equal (List.map bits (subject.Run inputs)) kept "the same arguments again"
                }
            test "many threads at once get what one alone gets" {
                for subject in subjects do
                    let inputs = arguments subject 1
                    let alone = subject.Run inputs |> List.map bits
                    let together = Array.Parallel.init 16 (fun _ -> subject.Run inputs |> List.map bits)
                    Expect.all together (fun result -> result = alone) subject.Name
            }
        ]
