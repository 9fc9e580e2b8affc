(**
# 5. A whole network, before it has learned anything

    image        1x28x28
      conv 8 3               eight kernels of 3x3: eight pictures of what they see
    8x26x26
      relu
      pool 2                 the strongest of each 2x2
    8x13x13
      flatten                all in a row
    1352
      dense 10               ten scores, one for each digit
    10

The last layer looks at all 1,352 numbers and votes for digits. The softmax of part 4 makes probabilities of the votes.

A network is *data* here: a list of layers, which know their settings and not their numbers. The numbers are another value, its **parameters**. So the same network can have many parameters: those it began with, those
it has now, and their gradient.
*)

#load "mnist.fsx" "pictures.fsx"

open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Guide
open Guide.Pictures
open Guide.Support

let layers =
    [
        Conv2d(Conv2d.square 8 3 1 0)
        Relu
        MaxPool2d(PoolConfig.square 2)
        Flatten
        Dense { Inputs = None; Outputs = 10 }
    ]

let network =
    match Network.create [ 1; 28; 28 ] layers with
    | Ok network -> network
    | Error reason -> failwith reason

for layer, output in List.zip network.Layers network.Outputs do
    printfn $"  {Architecture.formatLayer layer, -12} {Shape.format output}"

check "the shapes, layer by layer" (network.Outputs = [ [ 8; 26; 26 ]; [ 8; 26; 26 ]; [ 8; 13; 13 ]; [ 1352 ]; [ 10 ] ])

(**
The shapes are known before a single number is. Layers that do not fit are refused at once, with the reason:
*)

let misfit =
    Network.create [ 1; 28; 28 ] [ Conv2d(Conv2d.square 8 3 1 0); Dense { Inputs = Some 1568; Outputs = 10 } ]

match misfit with
| Error reason -> printfn $"  refused: {reason}"
| Ok _ -> ()

check "a dense layer behind an image without flatten does not fit" misfit.IsError

(**
## The first numbers

If all weights were 0, all kernels would see the same, have the same gradient, and stay the same forever. So weights start at random. But how large? Each output of a layer is a sum of `fanIn` products. If the weights have
the variance v, the sum has fanIn * v times the variance of the inputs: layer by layer numbers grow beyond all bounds, or die away, unless fanIn * v is about 1. ReLU throws half of it away, so He and others (2015) take
v = 2 / fanIn. A weight of 0.01 times a normal number, as one often sees, lets the signal of deep networks fade.

All randomness comes from a **seed** that we give. The same seed, the same numbers, today and tomorrow.
*)

let parameters: Parameters<float32> = Network.initialize He (Seed.ofInt 42) network
let again: Parameters<float32> = Network.initialize He (Seed.ofInt 42) network
let other: Parameters<float32> = Network.initialize He (Seed.ofInt 43) network

for name, tensor in Parameters.named parameters do
    printfn $"  {name, -10} {Shape.format tensor.Shape}"

check "8 kernels of 9 and 8 biases; 1352 times 10 weights and 10 biases" (Parameters.count parameters = 80 + 13530)
check "the same seed, the same network" (Parameters.named parameters = Parameters.named again)
check "another seed, another network" (Parameters.named parameters <> Parameters.named other)

/// The standard deviation of numbers of mean 0.
let deviation (tensor: Tensor<float32>) : float =
    values tensor |> List.averageBy (fun w -> float w * float w) |> sqrt

let dense = Parameters.named parameters |> List.find (fst >> (=) "4.weight") |> snd
printfn $"  deviation of the dense weights: {deviation dense:F4}, of He's rule: {sqrt (2.0 / 1352.0):F4}"
check "He's rule" (abs (deviation dense - sqrt (2.0 / 1352.0)) < 0.002)

(**
## Its first look at digits
*)

let digits = Mnist.training 0 1000
Mnist.print digits 0
printfn $"  this is a {digits.Labels[0]}"

drawImages
    "05-digits"
    "The first ten training images, each with its label"
    [ for i in 0..9 -> string digits.Labels[i], Mnist.image digits i ]

let trace =
    Network.forward (Inference(Network.start network)) network parameters digits.Images

let logits = (List.last trace).Output

for layer, result in List.zip network.Layers trace do
    printfn $"  {Architecture.formatLayer layer, -12} {Shape.format result.Output.Shape}"

let probabilities = SoftmaxCrossEntropy.probabilities (Tensor.map float logits)

drawImages
    "05-maps"
    "What the eight kernels, random as they are, see in the first image, behind the ReLU"
    [ ("map", Tensor.map float (Tensor.slice 0 1 trace[1].Output)) ]

draw
    "05-belief"
    "What the network believes of the first image, a five: the probabilities of the digits 0 to 9"
    [ ("0 to 9", Tensor.slice 0 1 probabilities) ]

let sums = values probabilities |> List.chunkBySize 10 |> List.map List.sum
check "each image gets probabilities that add up to 1" (sums |> List.forall (fun sum -> abs (sum - 1.0) < 1e-12))

let correct = Classification.correct logits digits.Labels
let struct (loss, _) = SoftmaxCrossEntropy.forward digits.Labels logits
printfn $"  {correct} of 1000 right, mean loss {loss / 1000.0:F3}; a guess has 100 right and log 10 = {log 10.0:F3}"
check "it knows nothing yet: about one in ten is right" (correct > 20 && correct < 250)
check "and its surprise is about that of a guess" (loss / 1000.0 > 1.8 && loss / 1000.0 < 4.0)

(**
## The gradient of a network

A network is a function of functions, and backpropagation runs through it as part 4 did by hand: `Network.backward` goes through the trace from the last layer to the first. Its result has the form of the
parameters, kernel for kernel.

It is right if it agrees with central differences. In `float` (64 bits): the functions of this library are made for both, `float` and `float32`.
*)

let precise: Parameters<float> = Network.initialize He (Seed.ofInt 1) network
let few = Tensor.map float (Tensor.slice 0 3 digits.Images)
let theirs = Tensor.slice 0 3 digits.Labels

let lossOf (parameters: Parameters<float>) : float =
    let struct (loss, _) =
        SoftmaxCrossEntropy.forward theirs (Network.logits network parameters (Network.start network) few)

    loss

let gradient =
    let trace = Network.forward (Inference(Network.start network)) network precise few
    let struct (_, cache) = SoftmaxCrossEntropy.forward theirs (List.last trace).Output
    Network.backward trace (SoftmaxCrossEntropy.backward cache 1.0).Logits

let kernels parameters =
    Parameters.named parameters |> List.head |> snd

/// The parameters with other kernels.
let withKernels (kernel: Tensor<float>) (parameters: Parameters<float>) : Parameters<float> =
    Parameters.rebuild (kernel :: List.tail (Parameters.tensors parameters)) parameters

let numeric =
    numericGradient (fun kernel -> lossOf (withKernels kernel precise)) (kernels precise)

let scale = values numeric |> List.map abs |> List.max
printfn $"  largest relative error of the kernels' gradient: {distance (kernels gradient) numeric / scale:E1}"
check "the gradient of all eight kernels" (distance (kernels gradient) numeric / scale < 1e-6)

(**
A mistake, on purpose: ReLU's gradient lets dy pass where the *input* was above 0. Written in haste, it lets it pass where *dy* was.
*)

let hasty =
    let struct (_, cache) =
        SoftmaxCrossEntropy.forward
            theirs
            (List.last (Network.forward (Inference(Network.start network)) network precise few)).Output

    let trace = Network.forward (Inference(Network.start network)) network precise few

    let rec walk (dy: Tensor<float>) (below: (Layer * LayerForward<float>) list) : Tensor<float> =
        match below with
        | [ (_, bottom) ] ->
            match bottom.ParameterGradient dy with
            | Affine gradient -> gradient.Weight
            | _ -> failwith "the lowest layer has weights"
        | (Relu, _) :: rest -> walk (Tensor.map (max 0.0) dy) rest
        | (_, layer) :: rest -> walk (layer.Backward dy).Input rest
        | [] -> failwith "no layers"

    walk (SoftmaxCrossEntropy.backward cache 1.0).Logits (List.rev (List.zip network.Layers trace))

printfn $"  with a hasty ReLU: {distance hasty numeric / scale:E1}"
check "the hasty ReLU is found out" (distance hasty numeric / scale > 0.01)

(**
## Exercise

1. How many parameters has the network with 16 kernels of 5x5 instead?
2. What are the logits if all parameters are 0, and the loss?
3. Why is the loss of a fresh network higher than log 10, though it knows no less than a guess?

**Answers.** 1. 16 * 25 + 16 + 16 * 12 * 12 * 10 + 10 = 23,466. 2. All 0; log 10. 3. It is sure of something at random: to be wrong and sure costs more than to be unsure.
*)

let larger =
    Network.create [ 1; 28; 28 ] (Conv2d(Conv2d.square 16 5 1 0) :: List.tail layers)
    |> Result.map (fun network -> Parameters.count (Network.initialize He (Seed.ofInt 1) network: Parameters<float32>))

check "answer 1" (larger = Ok 23466)
let blank = Parameters.zerosLike precise
check "answer 2" (abs (lossOf blank / 3.0 - log 10.0) < 1e-12)

finish 5
