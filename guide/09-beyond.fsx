(**
# 9. Beyond: batch normalisation, and what purity buys

The challenge is done. Two things remain that make the difference between a network that works and a library that one can trust.

## Batch normalisation

Deep networks are hard to train: the scale of what a layer gets hangs on all layers below it, which learn at the same time. (That this is why batch normalisation helps is what its authors say; Santurkar and others, 2018, think that it makes the loss smoother.) Batch normalisation (Ioffe and Szegedy 2015) gives each channel mean 0 and variance 1, over all images of the batch and all places,
and lets two learned numbers, a weight and a bias, undo what was too much:

    y = weight * xhat + bias,    xhat = (x - mean) / sqrt(variance + epsilon)

Its gradient is the hardest of all here, for every x of the channel is in the mean and in the variance, and so in every y. On paper: let g = weight * dy be what reaches xhat, s = 1 / sqrt(variance + epsilon), and m the number of x in the
channel. With

    d mean / dx[j] = 1 / m        d variance / dx[j] = 2 (x[j] - mean) / m        d s / d variance = -s³ / 2

one has

    d xhat[i] / dx[j] = s ((1 if i = j) - 1/m - xhat[i] xhat[j] / m)

and therefore

    dx = s (g - mean of g - xhat * mean of (g * xhat))

Read the brackets: from g its mean is taken out, and its part along xhat. Those are the two directions in which x may move without any effect: all of them up together, and all of them further apart. What has no effect has no gradient.
*)

#load "mnist.fsx" "pictures.fsx"

open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Training
open Guide
open Guide.Pictures
open Guide.Support

let x = random 1 [ 6; 2; 3; 3 ]
let weight, bias = random 2 [ 2 ], random 3 [ 2 ]
let dy = random 4 x.Shape

let normalize (x: Tensor<float>) =
    let struct (y, cache, _) = BatchNorm.forward BatchNorm.DefaultEpsilon weight bias x
    y, cache

let y, cache = normalize x

/// The numbers of one channel.
let channel (c: int) (x: Tensor<float>) : float list =
    [
        for i in 0 .. x.Count - 1 do
            if i / 9 % 2 = c then
                x[i]
    ]

let centred =
    let plain, _ =
        let struct (y, cache, _) =
            BatchNorm.forward BatchNorm.DefaultEpsilon (Tensor.ofSeq [ 2 ] [ 1.0; 1.0 ]) (Tensor.zeros [ 2 ]) x

        y, cache

    channel 0 plain

check "mean 0" (abs (List.average centred) < 1e-12)
check "variance 1" (abs (List.averageBy (fun v -> v * v) centred - 1.0) < 1e-3)

/// dx as derived, and what becomes of it if mean and variance are taken for constants: a mistake that is made again and again.
let byHand (constant: bool) : Tensor<float> =
    let statistics =
        [
            for c in 0..1 ->
                let values = channel c x
                let mean = List.average values
                let variance = values |> List.averageBy (fun v -> (v - mean) ** 2.0)
                mean, 1.0 / sqrt (variance + BatchNorm.DefaultEpsilon)
        ]

    let xhat i =
        let mean, s = statistics[i / 9 % 2]
        (x[i] - mean) * s

    let g i = weight[i / 9 % 2] * dy[i]

    let places c =
        [
            for i in 0 .. x.Count - 1 do
                if i / 9 % 2 = c then
                    i
        ]

    let meanG = [ for c in 0..1 -> places c |> List.averageBy g ]
    let meanGx = [ for c in 0..1 -> places c |> List.averageBy (fun i -> g i * xhat i) ]

    Tensor.init x.Shape (fun i ->
        let c = i / 9 % 2
        let s = snd statistics[c]

        if constant then
            s * g i
        else
            s * (g i - meanG[c] - xhat i * meanGx[c]))

let numeric = numericGradient (fun x -> dot dy (fst (normalize x))) x
let gradient = BatchNorm.backward cache dy

printfn
    $"  error of dx {distance (byHand false) numeric:E1}, with constant statistics {distance (byHand true) numeric:E1}"

draw
    "09-gradients"
    "dx of both channels of the first image; the last two take mean and variance for constants"
    [
        "derived", Tensor.slice 0 1 (byHand false)
        "by differences", Tensor.slice 0 1 numeric
        "constants", Tensor.slice 0 1 (byHand true)
    ]

check "dx as derived" (distance (byHand false) numeric < 1e-8)
check "the library's dx" (distance gradient.Input numeric < 1e-8)
check "statistics taken for constants are found out" (distance (byHand true) numeric > 0.01)
check "all up together: no effect, no gradient" (abs (List.sum (channel 0 gradient.Input)) < 1e-12)

(**
An image that is to be classified comes alone, and has no batch. So while training runs, the library keeps running means of the statistics, which are no parameters, since no gradient reaches them, but state; and inference uses those.

## What purity buys: parallel training that changes nothing

Gradients of parts of a batch add up to that of the whole. And there is a gradient that adds nothing, the empty one. Something that can be added, in any grouping, with something that adds nothing, is called a **monoid**:

    (a + b) + c = a + (b + c)          a + Zero = a = Zero + a

That is all that is needed to compute on many cores: cut the batch, let each core have a part, add the results. No locks, no shared memory that somebody else writes to, since nobody writes to anything.

One thing is missing. Numbers in a computer are rounded, and `(a + b) + c` is *not* to the last bit `a + (b + c)`. If the grouping hung on how many cores there are, so would the result; and two runs with one seed would differ. So the cut hangs on the size of
the batch alone, and the sum is a fixed tree. How many cores take part only decides who computes what.
*)

let network = Mnist.network "conv 4 3, batchnorm, relu, pool 2, flatten, dense 10"

let plain = Mnist.network "conv 4 3, relu, pool 2, flatten, dense 10"

let digits = Mnist.training 0 256

let gradientOf (parameters: Parameters<float>) (start: int) (count: int) : Parameters<float> =
    let part = Mnist.slice start count digits

    let draws =
        { Mnist.noDraws with
            FirstExample = start
        }

    (Network.lossAndGradients draws plain parameters (Tensor.map float part.Images) part.Labels).Gradients

let parameters: Parameters<float> = Network.initialize He (Seed.ofInt 1) plain
let whole = gradientOf parameters 0 48

let a, b, c =
    gradientOf parameters 0 16, gradientOf parameters 16 16, gradientOf parameters 32 16

let difference (x: Parameters<float>) (y: Parameters<float>) : float =
    Parameters.norm (x + Parameters.scale -1.0 y) / Parameters.norm x

check "the parts add up to the whole" (difference whole (a + b + c) < 1e-12)

check
    "Zero adds nothing, on either side"
    (Parameters.named (a + Parameters.Zero) = Parameters.named a
     && Parameters.named (Parameters.Zero + a) = Parameters.named a)

check "grouped otherwise, the same but for rounding" (difference (a + b + c) (a + (b + c)) < 1e-14)
printfn $"  (a + b) + c and a + (b + c) differ by {difference (a + b + c) (a + (b + c)):E1}: rounding"

let bits (state: TrainingState<float32>) =
    Parameters.named state.Parameters, LayerState.named state.State

/// Ten steps of batches of 128: the loss before each, and the state after the last.
let run (network: Network) (threads: int) : float list * TrainingState<float32> =
    let adam = Optimizer.named |> List.find (fst >> (=) "adam") |> snd

    let start: TrainingState<float32> =
        TrainingState.start adam He (Seed.ofInt 1) network

    (start, List.replicate 5 [ 0; 128 ] |> List.concat)
    ||> List.mapFold (fun state first ->
        let batch = Mnist.slice first 128 digits

        let struct (next, report) =
            TrainingState.step threads 0.01 batch.Images batch.Labels state

        report.Loss, next)

let losses, one = run network 1

for threads in [ 2; 3; 8 ] do
    check $"{threads} threads give the bits of one" (bits (snd (run network threads)) = bits one)

plot
    "09-losses"
    "The first ten steps of the same network, with and without batch normalisation"
    "step"
    [
        "with batch normalisation", numbered losses
        "without", numbered (fst (run plain 1))
    ]

(**
## And the rest

*Resuming* a training is going on with a value that was kept: `./cnn train --resume` gives the bits of a run that never stopped. *Testing* needs no set-up: functions of their arguments are called with arguments. *Trying* something costs nothing: keep the state, go on in two
ways, compare. And when a step ends in NaN, the state before it still exists: the library goes back to it and names the layer where it began.

What does it cost? A fresh array for each result, where others overwrite. The fast path hands arrays of states that nobody can see any more to the next step; `./cnn bench --purity` says what is left of the cost.

## Exercise

1. Which of these form a monoid with +, and what is Zero: losses, counts of right answers, means, the statistics of batch normalisation?
2. Batch normalisation behind a dense layer, with a batch of one image: what is xhat?

**Answers.** 1. Losses and counts, with 0. Means do not (a mean forgets how many there were), but pairs of sum and count do; and so do statistics with their count, by the formula of Chan and others (1979). 2. 0, whatever x is: nothing can be learned, and the library refuses.
*)

let statisticsOf (x: Tensor<float>) = BatchNorm.moments x
let firstHalf, secondHalf = Tensor.slice 0 2 x, Tensor.slice 2 4 x
let merged = BatchNorm.merge (statisticsOf firstHalf) (statisticsOf secondHalf)
let direct = statisticsOf x

check
    "answer 1: merged statistics are those of all"
    (distance merged.Mean direct.Mean < 1e-12
     && distance merged.Variance direct.Variance < 1e-12)

let refused =
    try
        BatchNorm.forward BatchNorm.DefaultEpsilon weight bias (random 5 [ 1; 2 ])
        |> ignore

        false
    with :? System.ArgumentException ->
        true

check "answer 2: a single number has no variance" refused

finish 9
