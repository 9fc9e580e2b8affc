(**
# 7. Looking inside

The network of part 6 reads digits. What did it find? Three questions, each with a way to ask: What does it look *for*? Its kernels. What does it *see* in an image? Its feature maps. And *why* does it answer as it does? The gradient
of its answer.
*)

#load "mnist.fsx" "pictures.fsx"

open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Training
open Cnn.Explanations
open Guide
open Guide.Pictures
open Guide.Support

let network = Mnist.network "conv 8 3, relu, pool 2, flatten, dense 10"

let training = Mnist.training 0 6000
let heldOut = Mnist.training 6000 1000

/// Mini-batches of 32, three times through, by the library's own training step: see part 8.
let trained =
    let sgd = Optimizer.named |> List.find (fst >> (=) "momentum") |> snd

    let start: TrainingState<float32> =
        TrainingState.start sgd He (Seed.ofInt 1) network

    (start, Seq.init (3 * 187) (fun step -> 32 * (step % 187)))
    ||> Seq.fold (fun state first ->
        let batch = Mnist.slice first 32 training
        let struct (next, _) = TrainingState.step 1 0.02 batch.Images batch.Labels state
        next)

let parameters, state = trained.Parameters, trained.State

let logitsOf images =
    Network.logits network parameters state images

let accuracy =
    float (Classification.correct (logitsOf heldOut.Images) heldOut.Labels) / 1000.0

printfn $"  {100.0 * accuracy:F1} %% of 1,000 held-out images"
check "it has learned" (accuracy > 0.9)

(**
## What it looks for

Eight kernels of nine numbers. They began as noise.
*)

let kernels =
    Parameters.named parameters |> List.find (fst >> (=) "0.weight") |> snd

let kernel (filter: int) : Tensor<float> =
    Tensor.slice filter 1 kernels |> Tensor.map float

for filter in 0..1 do
    show $"kernel {filter}" (kernel filter)

draw
    "07-kernels"
    "The eight kernels after training: red says ink, blue says paper"
    [ for filter in 0..7 -> $"kernel {filter}", kernel filter ]

(**
A kernel whose numbers add up to about 0 answers to change; its signs say in which direction. One whose numbers are all of one sign answers to ink. Most are something in between, and no two the same: had they begun alike, they
would still be.
*)

let asVector (x: Tensor<float>) = values x

let similarity x y =
    let product = List.map2 (*) (asVector x) (asVector y) |> List.sum
    product / sqrt (dot x x * dot y y)

let pairs =
    [
        for i in 0..7 do
            for j in i + 1 .. 7 -> similarity (kernel i) (kernel j)
    ]

printfn $"  the two kernels that are most alike: cosine {List.max pairs:F2}"
check "no two kernels are the same" (List.max pairs < 0.999)

let started: Parameters<float32> = Network.initialize He (Seed.ofInt 1) network
let first = Parameters.named started |> List.find (fst >> (=) "0.weight") |> snd
check "all of them have moved" (Seq.forall (fun i -> kernels[i] <> first[i]) (seq { 0 .. kernels.Count - 1 }))

(**
## What it sees

The output of the convolution for one image: eight pictures, one for each kernel, each bright where the image has what its kernel looks for.
*)

let seven = Seq.init 1000 id |> Seq.find (fun i -> heldOut.Labels[i] = 7)

let image = Tensor.slice seven 1 heldOut.Images
let trace = Network.forward (Inference state) network parameters image
let maps = trace[1].Output
Mnist.print heldOut seven

drawImages
    "07-maps"
    "A seven, and what each of the eight kernels sees in it, behind the ReLU"
    [ "image", Tensor.map float image; "map", Tensor.map float maps ]

let brightness =
    [
        for filter in 0..7 ->
            values (Tensor.slice (26 * filter) 26 (Tensor.reshape [ 8 * 26; 26 ] maps))
            |> List.averageBy float
    ]

printfn "  mean brightness of its eight maps: %s" (brightness |> List.map (sprintf "%.2f") |> String.concat " ")
check "eight maps of 26x26 behind the ReLU" (maps.Shape = [ 1; 8; 26; 26 ])
check "none is below 0" (values maps |> List.forall (fun v -> v >= 0.0f))

let byHand =
    let struct (y, _) =
        Conv2d.forward (Conv2d.square 8 3 1 0) kernels (Parameters.named parameters |> List.item 1 |> snd) image

    let struct (relu, _) = Relu.forward y
    relu

check "they are the kernels, slid over the image" (byHand = maps)

(**
## Why it answers so

Which pixels does the score of "7" hang on? We have the tool already. Backpropagation gave the gradient of the loss for each weight; started at one logit instead, and gone on down to the image, it gives `d score / d pixel`: **saliency**. Where
it is positive, ink speaks for the class; where it is negative, against.

    dlogits = 1 for the class, 0 for the others;   then every layer's backward, as ever
*)

let scoreOf (label: int) (image: Tensor<float>) : float =
    let precise = Parameters.map (Tensor.map float) parameters
    (Network.logits network precise (LayerState.map (Tensor.map float) state) image)[label]

let saliency = Saliency.ofInput 7 trace
let brightest = Seq.init 784 id |> Seq.maxBy (fun i -> abs saliency[i])

let numeric =
    let x = Tensor.map float image
    let h = 1e-4
    (scoreOf 7 (nudge brightest h x) - scoreOf 7 (nudge brightest -h x)) / (2.0 * h)

printfn
    $"  the pixel that counts most, row {brightest / 28}, column {brightest % 28}: {saliency[brightest]:F3}, by a central difference {numeric:F3}"

check "saliency is a gradient, and passes as one" (abs (float saliency[brightest] - numeric) < 1e-3)

(**
Start it at the loss instead and you see next to nothing, for an image that is recognised has next to no loss: `p - 1` is nearly 0. That is a mistake easily made; it looks like a network that looks nowhere.
*)

let fromLoss =
    let struct (_, cache) =
        SoftmaxCrossEntropy.forward (Tensor.ofSeq [ 1 ] [ 7 ]) (List.last trace).Output

    Network.inputGradient trace (SoftmaxCrossEntropy.backward cache 1.0).Logits

let largest (x: Tensor<float32>) = values x |> List.map abs |> List.max
printfn $"  largest gradient, from the score {largest saliency:F3}, from the loss {largest fromLoss:F5}"
check "from the loss there is far less to see" (largest fromLoss < 0.5f * largest saliency)

(**
**Grad-CAM** asks the same of the feature maps: the mean gradient of a map says how much it speaks for the class; the maps, added up with that weight, show *where*.
*)

let heat = GradCam.heat 1 7 trace

check
    "a number for each place of the maps, none below 0"
    (heat.Shape = [ 1; 26; 26 ] && values heat |> List.forall (fun v -> v >= 0.0f))

drawImages
    "07-why"
    "Saliency: red where ink speaks for a seven, blue where against. Grad-CAM: dark where the maps do"
    [
        "image", Tensor.map float image
        "saliency", Tensor.map float (Tensor.reshape [ 1; 1; 28; 28 ] saliency)
        "Grad-CAM", Tensor.map float (Tensor.reshape [ 1; 1; 26; 26 ] heat)
    ]

(**
## What it mixes up

A **confusion matrix** counts: row by row what an image is, column by column what it was taken for. All that is right stands on the diagonal. Below it are the first ten mistakes, to judge by yourself.
*)

let evaluation = Evaluation.ofLogits (logitsOf heldOut.Images) heldOut.Labels

let confusion =
    Tensor.map float (Tensor.reshape [ 1; 1; 10; 10 ] evaluation.Confusion)

draw
    "07-confusion"
    "1,000 held-out images: a row for each digit from 0 to 9, and a column for each answer"
    [ ("images", confusion) ]

let mistakes =
    let answers = Classification.predictions (logitsOf heldOut.Images)
    [ 0..999 ] |> List.filter (fun i -> answers[i] <> heldOut.Labels[i])

drawImages
    "07-mistakes"
    "The first ten mistakes, each with its label and what it was taken for"
    [
        for i in List.truncate 10 mistakes ->
            $"{heldOut.Labels[i]}, not {(Classification.predictions (logitsOf (Tensor.slice i 1 heldOut.Images)))[0]}",
            Mnist.image heldOut i
    ]

check "what is off the diagonal are the mistakes" (mistakes.Length = 1000 - Evaluation.correct evaluation)

(**
All of this as pictures, for any model: `./cnn visualize model.bin`. And `./cnn filter` slides a kernel of your choice over any picture.

## Exercise

1. The mean saliency of a blank image and of the seven: why do they differ, if the gradient of a convolution does not hang on its input?
2. Is the negative of a seven still a seven to the network?

**Answers.** 1. It hangs on it through ReLU and pooling: which cells are on, and who won. 2. Hardly ever: it has never seen dark ink on a light ground. (Which is why `./cnn predict` looks first what is ink.)
*)

let blank = Tensor.zeros<float32> [ 1; 1; 28; 28 ]

let ofBlank =
    Saliency.ofInput 7 (Network.forward (Inference state) network parameters blank)

let mean (x: Tensor<float32>) = values x |> List.averageBy float
printfn $"  mean saliency of a blank image {mean ofBlank:F4}, of the seven {mean saliency:F4}"
check "answer 1: another image, another gradient" (abs (mean ofBlank - mean saliency) > 1e-4)

let negatives =
    { heldOut with
        Images = Tensor.map (fun v -> 1.0f - v) heldOut.Images
    }

let answers = Classification.predictions (logitsOf negatives.Images)

let sevens =
    [
        for i in 0..999 do
            if heldOut.Labels[i] = 7 then
                i
    ]

let still = sevens |> List.filter (fun i -> answers[i] = 7)
printfn $"  of {sevens.Length} negative sevens, {still.Length} are still taken for a seven"
check "answer 2: negatives are strangers" (2 * still.Length < sevens.Length)

finish 7
