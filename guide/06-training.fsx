(**
# 6. Training: downhill, one image at a time

We have a loss, and a gradient that says for every weight which way the loss grows. So take a small step the other way:

    w  <-  w - learningRate * dw

and do it again with the next image. This is stochastic gradient descent (SGD). The gradient of one image is a poor guess at that of all of them, but it is cheap, and right on average.

The step is a pure function: parameters go in, other parameters come out, and the old ones are still there. Then training is nothing but a **fold** over the images.
*)

#load "mnist.fsx" "pictures.fsx"

open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Training
open Guide
open Guide.Pictures
open Guide.Support

let network = Mnist.network "conv 8 3, relu, pool 2, flatten, dense 10"

/// The gradient of the loss of some images, added up over them.
let gradientOf (parameters: Parameters<float32>) (digits: Mnist.Digits) : Step<float32> =
    Network.lossAndGradients Mnist.noDraws network parameters digits.Images digits.Labels

/// w - learningRate * dw, for all weights.
let descend (learningRate: float) (parameters: Parameters<float32>) (gradient: Parameters<float32>) =
    parameters + Parameters.scale -learningRate gradient

(**
## Does it go downhill at all?

The simplest check of a training: after a step on one image, the loss of *that* image is smaller. And how much smaller is known beforehand: a step of -r * g changes the loss by about -r * |g|².
*)

let start: Parameters<float32> = Network.initialize He (Seed.ofInt 1) network
let four = Mnist.training 2 1
let before = gradientOf start four
let rate = 1e-4
let after = gradientOf (descend rate start before.Gradients) four
let expected = rate * Parameters.norm before.Gradients ** 2.0
printfn $"  loss {before.Loss:F4}, after one step {after.Loss:F4}; expected to fall by {expected:F4}"
check "the loss falls by what the gradient says" (abs (before.Loss - after.Loss - expected) < 0.1 * expected)
check "and the parameters from before are still what they were" ((gradientOf start four).Loss = before.Loss)

(**
A second check that finds most mistakes: a network that can learn must be able to learn a handful of images *by heart*. If it cannot, something is broken; no need to wait for an epoch to see it.
*)

let handful = Mnist.training 0 10

/// The loss before each of 150 steps, and the parameters after the last.
let losses, byHeart =
    (start, List.replicate 150 handful)
    ||> List.mapFold (fun parameters digits ->
        let step = gradientOf parameters digits
        step.Loss / 10.0, descend 0.02 parameters step.Gradients)

plot "06-by-heart" "Ten images, learned by heart" "step" [ ("mean loss", numbered (List.truncate 30 losses)) ]

let learned = gradientOf byHeart handful
printfn $"  ten images, 150 times: {learned.Correct} of 10 right, loss {learned.Loss / 10.0:F4}"
check "it learns ten images by heart" (learned.Correct = 10 && learned.Loss / 10.0 < 0.1)

(**
## 4,000 images

Now in earnest. The images come in another order in every epoch, and the order comes from a seed. What is measured on the images that it learns from flatters it, so 1,000 others are held out; it is these that count. (The 10,000
test images stay where they are: they are for the end, when there is nothing left to choose.)
*)

let digits = Mnist.training 0 5000
let training = Mnist.slice 0 4000 digits
let heldOut = Mnist.slice 4000 1000 digits

let accuracy (parameters: Parameters<float32>) : float =
    let logits =
        Network.logits network parameters (Network.start network) heldOut.Images

    float (Classification.correct logits heldOut.Labels) / 1000.0

let epoch (learningRate: float) (parameters: Parameters<float32>) (number: int) : Parameters<float32> =
    let order = TrainingState.order (Seed.ofInt 7) number 4000

    (parameters, Seq.init 4000 (fun i -> Mnist.slice order[i] 1 training))
    ||> Seq.fold (fun parameters image -> descend learningRate parameters (gradientOf parameters image).Gradients)

/// The parameters before each of three epochs, and after the last.
let states = List.scan (epoch 0.005) start [ 0..2 ]
let accuracies = states |> List.map accuracy

accuracies
|> List.iteri (fun i accuracy ->
    printfn $"  after {i} epochs: {100.0 * accuracy:F1} %% of the held-out images are right")

plot
    "06-epochs"
    "How many of the held-out images are right, before the first epoch and after each"
    "epochs"
    [ ("% right", numbered (accuracies |> List.map (fun part -> 100.0 * part))) ]

check "it starts as a guess" (accuracies[0] < 0.3)
check "one epoch of 4,000 images is worth more than 80 %" (accuracies[1] > 0.8)
check "three are worth more than 88 %" (accuracies[3] > 0.88)

let repeated = epoch 0.005 start 0
check "repeated, it gives the same numbers to the last bit" (Parameters.named repeated = Parameters.named states[1])

(**
Since a state is a value, nothing is lost by going on: all four are still there to be compared. That is what `List.scan` gave us. No copy was asked for, and nobody had to think of it.

## A wrong gradient learns too

Part 2 said that a flipped kernel goes unnoticed, since the network learns in spite of it. Here is the proof. Two convolutions; the gradient that the lower one gets has come through the upper one's kernel, flipped or not.
*)

let shapes = Conv2d.square 6 5 1 0, Conv2d.square 8 5 1 0

type Weights =
    {
        Lower: Tensor<float32>
        Upper: Tensor<float32>
        Dense: Tensor<float32>
    }

let noBias (n: int) : Tensor<float32> = Tensor.zeros [ n ]

let turn (kernel: Tensor<float32>) : Tensor<float32> =
    Tensor.init kernel.Shape (fun i -> kernel[i / 25 * 25 + 24 - i % 25])

let move (rate: float32) (w: Tensor<float32>) (dw: Tensor<float32>) : Tensor<float32> =
    Tensor.init w.Shape (fun i -> w[i] - rate * dw[i])

/// Logits, and a way back: from dlogits to what each weight is to become.
let twoLayers (isFlipped: bool) (rate: float32) (w: Weights) (images: Tensor<float32>) =
    let struct (a, lower) = Conv2d.forward (fst shapes) w.Lower (noBias 6) images
    let struct (b, relu) = Relu.forward a
    let struct (c, pool) = MaxPool2d.forward (PoolConfig.square 2) b
    let struct (d, upper) = Conv2d.forward (snd shapes) w.Upper (noBias 8) c
    let struct (e, relu2) = Relu.forward d
    let struct (f, pool2) = MaxPool2d.forward (PoolConfig.square 2) e
    let struct (flat, flatten) = Flatten.forward f
    let struct (logits, dense) = Dense.forward w.Dense (noBias 10) flat

    let back (dlogits: Tensor<float32>) : Weights =
        let dflat = Dense.inputGradient w.Dense dense dlogits
        let de = (MaxPool2d.backward pool2 (Flatten.backward flatten dflat).Input).Input
        let dd = (Relu.backward relu2 de).Input
        let dc = Conv2d.inputGradient (if isFlipped then turn w.Upper else w.Upper) upper dd
        let da = (Relu.backward relu (MaxPool2d.backward pool dc).Input).Input

        {
            Lower = move rate w.Lower (Conv2d.weightGradient w.Lower lower da)
            Upper = move rate w.Upper (Conv2d.weightGradient w.Upper upper dd)
            Dense = move rate w.Dense (Dense.weightGradient w.Dense dense dlogits)
        }

    logits, back

let fresh =
    let draw seed fanIn fanOut shape =
        Initializer.draw He (Seed.ofInt seed) fanIn fanOut shape

    {
        Lower = draw 1 25 150 [ 6; 1; 5; 5 ]
        Upper = draw 2 150 200 [ 8; 6; 5; 5 ]
        Dense = draw 3 128 10 [ 128; 10 ]
    }

let train (isFlipped: bool) : float =
    let trained =
        (fresh, Seq.init 400 (fun i -> Mnist.slice (10 * i) 10 training))
        ||> Seq.fold (fun weights batch ->
            let logits, back = twoLayers isFlipped 0.01f weights batch.Images
            let struct (_, cache) = SoftmaxCrossEntropy.forward batch.Labels logits
            back (SoftmaxCrossEntropy.backward cache 1.0).Logits)

    let logits, _ = twoLayers isFlipped 0.0f trained heldOut.Images
    float (Classification.correct logits heldOut.Labels) / 1000.0

let right, flipped = train false, train true
printfn $"  as derived {100.0 * right:F1} %%, flipped {100.0 * flipped:F1} %%"
check "the flipped kernel learns all but as well" (right > 0.88 && flipped > right - 0.05)

(**
Nobody who sees only the second number would know that anything is wrong. The upper convolution and the dense layer learn rightly, and make the best of what the lower one gives them, whatever that was told. The gradient check
of part 4 took a blink to find it.

## Exercise

1. What happens with a learning rate ten times as large? A thousand times?
2. The gradients of ten images are added up here, not averaged. What would have to change with the learning rate if they were averaged?
3. Why shuffle?

**Answers.** 1. Ten times is too much for single images: steps overshoot. A thousand times ends in NaN. 2. Ten times the rate gives the same steps. 3. If the images came sorted by digit, the network would forget the zeros over the nines.
*)

let wild =
    (start, Seq.init 50 (fun i -> Mnist.slice i 1 training))
    ||> Seq.fold (fun parameters image -> descend 5.0 parameters (gradientOf parameters image).Gradients)

check
    "answer 1: far too large a rate leaves nothing finite, or nothing right"
    (not (Parameters.isFinite wild) || accuracy wild < 0.3)

let summed = gradientOf start handful
let averaged = descend 0.2 start (Parameters.scale 0.1 summed.Gradients)
let added = descend 0.02 start summed.Gradients
let apart = Parameters.norm (averaged + Parameters.scale -1.0 added)
check "answer 2: ten times the rate for a tenth of the gradient" (apart < 1e-5)

let sorted = [ 0..3999 ] |> List.sortBy (fun i -> training.Labels[i])

let byDigit =
    (start, sorted)
    ||> List.fold (fun parameters i ->
        descend 0.005 parameters (gradientOf parameters (Mnist.slice i 1 training)).Gradients)

printfn $"  sorted by digit: {100.0 * accuracy byDigit:F1} %%"
check "answer 3: sorted by digit, an epoch is worth less" (accuracy byDigit < accuracies[1])

finish 6
