(**
# 8. The challenge: more than 98 %

Everything from parts 1 to 7, and four things that make it work well. All 60,000 training images but 5,000, which are held out to choose by; the 10,000 test images are looked at once, at the end.

**A deeper network.** Two convolutions, each followed by ReLU and pooling, and two dense layers. The second convolution sees combinations of what the first one found. With padding 1, both keep the size, and pooling halves it: 28, 14, 7; and 32 maps
of 7x7 are the 1,568 inputs of the dense layer.

**Mini-batches.** The gradient of 64 images is a better guess than that of one, and a processor computes it in far less than 64 times the time. Gradients of parts of a batch add up: so parts can be computed on different
cores, and added. Part 9 shows that this changes no bit.

**Momentum.** A ball, not a walker: the step is a sum of past gradients, each of which fades by a tenth with every step, so that what they agree on adds up, to ten times as much, and what they disagree on cancels. (So the learning rate must be smaller than without it.) Nesterov's variant looks ahead.

    velocity <- 0.9 velocity + gradient
    w        <- w - learningRate (0.9 velocity + gradient)

**A schedule.** The learning rate rises first, while nothing is known, and falls to nothing at the end, when it is time to settle: "one cycle".
*)

#load "mnist.fsx" "pictures.fsx"

open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Training
open Guide
open Guide.Pictures
open Guide.Support

let text = Architecture.presets 10 |> List.find (fst >> (=) "deep") |> snd
printfn $"  {text}"

let network = Mnist.network text

check "1,568 numbers reach the dense layer" (network.Outputs |> List.contains [ 1568 ])

(**
## The step

`TrainingState` is everything that a run needs in order to go on: parameters, velocity, where it is. `TrainingState.step` gives the next one. It is pure; and inside it runs the fast path of the library, in which convolution, ReLU and
pooling are one loop, and nothing is written that need not be.

First, that it does what we think. One step of it against the formulas above, with the slow and plain functions of parts 2 to 6:
*)

let nesterov = Optimizer.named |> List.find (fst >> (=) "nesterov") |> snd

let start: TrainingState<float32> =
    TrainingState.start nesterov He (Seed.ofInt 1) network

let all = Mnist.training 0 60_000
let sample = Mnist.slice 0 64 all

let struct (afterOne, _) =
    TrainingState.step 2 0.05 sample.Images sample.Labels start

let byFormula =
    let step =
        Network.lossAndGradients Mnist.noDraws network start.Parameters sample.Images sample.Labels

    let gradient = Parameters.scale (1.0 / 64.0) step.Gradients
    let velocity = gradient

    start.Parameters
    + Parameters.scale -0.05 (Parameters.scale 0.9 velocity + gradient)

let apart =
    Parameters.norm (afterOne.Parameters + Parameters.scale -1.0 byFormula)
    / Parameters.norm (start.Parameters + Parameters.scale -1.0 byFormula)

printfn $"  the step of the fast path and that of the formulas differ by {apart:E1} of it"
check "the fast path takes the step of the formulas" (apart < 1e-4)

(**
## A shift of two pixels

An image and its neighbour two pixels to the right are the same digit, yet strangers to the network. So each image is shown a little moved, another way each time: **augmentation**. Zeros come in at the edge. (A shift that wraps
ink round to the other side shows it digits that nobody writes; and on a batch, beware which axis you roll: a batch rolled along its first axis has every image under its neighbour's label.)
*)

let shift (rows: int) (columns: int) (image: int -> float32) : int -> float32 =
    fun place ->
        let row, column = place / 28 - rows, place % 28 - columns

        if row >= 0 && row < 28 && column >= 0 && column < 28 then
            image (28 * row + column)
        else
            0.0f

let bar place = if place % 28 = 27 then 1.0f else 0.0f
let moved = shift 0 1 bar
check "what leaves on the right does not come back on the left" (Seq.forall (fun i -> moved i = 0.0f) (seq { 0..783 }))

/// Images at these places, each moved by up to two pixels, as seed and epoch say.
let batch (epoch: int) (places: int list) : Mnist.Digits =
    let draw place =
        Seed.generator (Seed.split place (Seed.split epoch (Seed.ofInt 99)))

    let moves =
        places
        |> List.map (fun place ->
            let generator = draw place
            generator.Next 5 - 2, generator.Next 5 - 2)
        |> Array.ofList

    let places = Array.ofList places

    {
        Images =
            Tensor.init [ places.Length; 1; 28; 28 ] (fun i ->
                let n = i / 784
                let rows, columns = moves[n]
                shift rows columns (fun place -> all.Images[784 * places[n] + place]) (i % 784))
        Labels = Tensor.init [ places.Length ] (fun n -> all.Labels[places[n]])
    }

drawImages
    "08-shifts"
    "The first image as five epochs show it: moved by up to two pixels"
    [ for epoch in 0..4 -> $"epoch {epoch}", Mnist.image (batch epoch [ 0 ]) 0 ]

(**
## One cycle

The rate at a point between 0 and 1 of the way: up to the highest in the first three tenths, then down along a cosine.
*)

let oneCycle (highest: float) (way: float) : float =
    let cosine low high part =
        low + (high - low) * (1.0 - cos (System.Math.PI * part)) / 2.0

    if way < 0.3 then
        cosine (highest / 25.0) highest (way / 0.3)
    else
        cosine highest 0.0 ((way - 0.3) / 0.7)

check
    "it starts low, is highest at three tenths, and ends at nothing"
    (oneCycle 1.0 0.0 = 0.04 && oneCycle 1.0 0.3 = 1.0 && oneCycle 1.0 1.0 < 1e-12)

let rates = [ for i in 0..100 -> float i / 100.0, oneCycle 0.05 (float i / 100.0) ]

plot "08-one-cycle" "The learning rate from the first step to the last" "part of the way" [ ("learning rate", rates) ]

(**
## The run
*)

let count, size, epochs = 55_000, 64, 2
let perEpoch = count / size
let threads = System.Environment.ProcessorCount

let heldOut = Mnist.slice count 5000 all

let accuracy (state: TrainingState<float32>) (digits: Mnist.Digits) : float =
    let right =
        Seq.init (digits.Labels.Count / 1000) (fun i -> Mnist.slice (1000 * i) 1000 digits)
        |> Seq.sumBy (fun part ->
            Classification.correct (Network.logits network state.Parameters state.State part.Images) part.Labels)

    float right / float digits.Labels.Count

let epoch (state: TrainingState<float32>) (number: int) : TrainingState<float32> =
    let order = TrainingState.order (Seed.ofInt 1) number count

    (state, seq { 0 .. perEpoch - 1 })
    ||> Seq.fold (fun state step ->
        let images = batch number [ for i in 0 .. size - 1 -> order[step * size + i] ]
        let way = float (number * perEpoch + step) / float (epochs * perEpoch)

        let struct (next, _) =
            TrainingState.step threads (oneCycle 0.05 way) images.Images images.Labels state

        next)

let states = List.scan epoch start [ 0 .. epochs - 1 ]

for number, state in List.indexed states do
    printfn $"  after {number} epochs: {100.0 * accuracy state heldOut:F2} %% of 5,000 held-out images"

(**
Nothing is left to choose. Now, and only now:
*)

let last = List.last states
let test = Mnist.test ()
let final = accuracy last test
printfn $"  on the 10,000 test images: {100.0 * final:F2} %%"
check "more than 98 % of the test images" (final > 0.98)

(**
And since it is over, one may look at what it did not read, among the first thousand:
*)

let answers =
    Classification.predictions (Network.logits network last.Parameters last.State (Mnist.slice 0 1000 test).Images)

drawImages
    "08-mistakes"
    "Test images that it misreads, each with its label and the answer"
    [
        for i in 0..999 do
            if answers[i] <> test.Labels[i] then
                $"{test.Labels[i]}, not {answers[i]}", Mnist.image test i
    ]

(**
The command line does the same with all 60,000 images, ten epochs, and everything prepared while the last batch is computed: `./cnn train --epochs 10`, more than 99.3 % in well under a minute.

## Exercise

1. How many multiplications does an image cost going forward?
2. Is a batch of 64 one step of 64 times the size?
3. Change one thing: leave out the shift, the schedule, or the second convolution. Which is worth most? Judge by the held-out images.

**Answers.** 1. 16 * 9 * 784 + 32 * 16 * 9 * 196 + 1568 * 128 + 128 * 10 = 1,218,048 (`./cnn summary --model deep` says so as well). 2. No: the gradients of single images mostly point in different directions, and cancel; their mean is a fifth as long here. What is left is what they agree on. 3. `./cnn experiment` is made for that; docs/experiments.md has what we saw.
*)

let multiplications =
    List.zip3 network.Layers network.Inputs network.Outputs
    |> List.sumBy (fun (layer, input, output) -> Layer.multiplyAdds layer input output)

check "answer 1" (multiplications = 1_218_048L)

let lengthOf (digits: Mnist.Digits) : float =
    let step =
        Network.lossAndGradients Mnist.noDraws network start.Parameters digits.Images digits.Labels

    Parameters.norm step.Gradients / float digits.Labels.Count

let singles = List.init 64 (fun i -> lengthOf (Mnist.slice i 1 sample))
printfn $"  length of a gradient: of single images {List.average singles:F2}, of 64 together {lengthOf sample:F2}"
check "answer 2" (lengthOf sample < List.average singles)

finish 8
