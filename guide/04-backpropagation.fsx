(**
# 4. Backpropagation: one rule, layer after layer

Parts 1 to 3 had one layer and were told `dy`. In a network, the output of a layer is the input of the next, and only the last one is judged. Where does a layer in the middle have its dy from? From the layer
behind it, which has computed it as *its* dx:

    x ──conv──> a ──relu──> b ──pool──> c ──dense──> logits ──softmax, cross-entropy──> L
      <─ dx ──    <── da ──   <── db ──   <── dc ──         <────── dlogits ──────

Forward, each layer keeps what it will need; backward, each turns the gradient of its output into that of its input, and on the way into those of its weights. That is all of backpropagation: the chain rule,
from the last layer to the first, each step about twice the work of its forward one. Nothing here knows of the whole.

In this library the two directions of a layer are two functions, `forward` and `backward`, and what goes from one to the other is a record, the cache. Gradients are records too.
*)

#load "pictures.fsx"

open Cnn.Tensors
open Cnn.Operations
open Cnn.Checking
open Guide.Pictures
open Guide.Support

(**
## Two more layers

**ReLU**: `y = max(x, 0)`. Without some bend between them, two convolutions are one (exercise 3 of part 2). Its gradient is that of a switch: `dx = dy where x > 0, else 0`.

**Dense**: every output looks at every input, `y[o] = bias[o] + sum over i of x[i] W[i; o]`. For a batch, in matrices:

    y  = x W + bias
    dx = dy Wᵀ                 x[n; i] went into every y[n; o], times W[i; o]
    dW = xᵀ dy                 W[i; o] met x[n; i] in every example n
    dbias = the sum of dy over the examples

(Say it in words again: what it met, weighed by what came of it; what it went into, weighed by how.)

## Softmax and cross-entropy

The last layer gives a score for each class, its **logits** z. Softmax makes probabilities of them, and the loss is the surprise at the true class t:

    p[k] = exp z[k] / sum over j of exp z[j]
    L    = -log p[t]  =  log(sum over j of exp z[j]) - z[t]

Its gradient is the most beautiful of all. The derivative of `log(sum of exp z[j])` for `z[k]` is `exp z[k] / sum = p[k]`; and that of `-z[t]` is -1 at k = t. So

    dz[k] = p[k] - (1 if k = t, else 0)

what the network believes, less what is true. For a batch, the library adds up the losses of its examples, and each row of dlogits is that of one of them. (Two warnings. exp overflows: subtract the largest z first, which changes no p. And do not write `-log(p + 1e-8)` to be safe from log 0: that is another loss, whose
gradient is not p - 1, and it cannot exceed 18.4. Computed as on the right, nothing needs saving.)
*)

let labels = Tensor.ofSeq [ 2 ] [ 2; 0 ]
let logits = Tensor.ofSeq [ 2; 3 ] [ 1.0; 2.0; 3.0; 1000.0; 0.0; -1000.0 ]
let struct (surprise, lossCache) = SoftmaxCrossEntropy.forward labels logits
show "probabilities" (SoftmaxCrossEntropy.probabilities logits)
check "a logit of 1000 overflows nothing" (System.Double.IsFinite surprise)
// log(e^-2 + e^-1 + 1); the second example is sure, and right
check "the loss of both examples" (abs (surprise - log (exp -2.0 + exp -1.0 + 1.0)) < 1e-12)

let dlogits = (SoftmaxCrossEntropy.backward lossCache 1.0).Logits
show "dlogits" dlogits

draw
    "04-softmax"
    "The first example, which is of the third class: that logit must rise, the others must fall"
    [
        "logits", Tensor.slice 0 1 logits
        "probabilities", Tensor.slice 0 1 (SoftmaxCrossEntropy.probabilities logits)
        "dlogits", Tensor.slice 0 1 dlogits
    ]

let believed = [ 0.01..0.01..1.0 ]

plot
    "04-surprise"
    "The loss of one example: 0 for being sure and right, without bound for being sure and wrong"
    "probability of the true class"
    [ ("-log p", believed |> List.map (fun p -> p, -log p)) ]

check "what is believed, less what is true, adds up to nothing" (abs (Seq.sum (values dlogits)) < 1e-12)

(**
## The chain

Here is the whole chain from the top of this page, by hand. Read it downwards, and then upwards.
*)

let x = random 1 [ 2; 1; 6; 6 ]
let kernel, kernelBias = random 2 [ 3; 1; 3; 3 ], random 3 [ 3 ]
let weight, weightBias = random 4 [ 12; 3 ], random 5 [ 3 ]

/// The loss, and the gradients of the image, the kernel and the dense weight. `turn` is what is done to the kernel on the way back.
let lossAndGradients
    (turn: Tensor<float> -> Tensor<float>)
    (x: Tensor<float>)
    (kernel: Tensor<float>)
    (weight: Tensor<float>)
    =
    let struct (a, convolution) =
        Conv2d.forward (Conv2d.square 3 3 1 0) kernel kernelBias x

    let struct (b, relu) = Relu.forward a
    let struct (c, pool) = MaxPool2d.forward (PoolConfig.square 2) b
    let struct (flat, flatten) = Flatten.forward c
    let struct (z, dense) = Dense.forward weight weightBias flat
    let struct (loss, entropy) = SoftmaxCrossEntropy.forward labels z

    let dz = (SoftmaxCrossEntropy.backward entropy 1.0).Logits
    let ofDense = Dense.backward weight dense dz
    let dc = (Flatten.backward flatten ofDense.Input).Input
    let db = (MaxPool2d.backward pool dc).Input
    let da = (Relu.backward relu db).Input
    let ofConvolution = Conv2d.backward (turn kernel) convolution da
    loss, ofConvolution.Input, ofConvolution.Weight, ofDense.Weight

let loss turn x kernel weight =
    let l, _, _, _ = lossAndGradients turn x kernel weight
    l

let _, dx, dkernel, dweight = lossAndGradients id x kernel weight
let numericOf = numericGradient
check "the image" (distance dx (numericOf (fun x -> loss id x kernel weight) x) < 1e-8)
check "the kernel" (distance dkernel (numericOf (fun k -> loss id x k weight) kernel) < 1e-8)
check "the dense weight" (distance dweight (numericOf (fun w -> loss id x kernel w) weight) < 1e-8)

(**
And once more with the kernel flipped on its way back. Only dx is wrong, for a kernel does not occur in its own gradient: a network with *one* convolution would never notice, since nobody asks for the gradient of the image.
With two of them, the lower one would learn from it.
*)

let turned (kernel: Tensor<float>) =
    Tensor.init kernel.Shape (fun i -> kernel[i / 9 * 9 + 8 - i % 9])

let _, flippedDx, flippedDkernel, _ = lossAndGradients turned x kernel weight

draw
    "04-flipped"
    "The gradient of the first image, and what a kernel flipped on the way back makes of it"
    [ "dx", Tensor.slice 0 1 dx; "dx, flipped", Tensor.slice 0 1 flippedDx ]

check "flipped: the gradient of the image is wrong" (distance flippedDx dx > 0.01)
check "flipped: that of the kernel is not" (flippedDkernel = dkernel)

(**
## The gradient check

What was done here by hand, the library has as a tool, `GradientCheck`. It takes a forward and a backward function and compares all gradients with central differences, at random `dy`. An error is judged in relation to the
largest gradient: 1e-7 of it is allowed. Kinks are left out and counted. `./cnn gradcheck` runs it over every operation that we have, at many sizes, strides and paddings. Let it look at two backward passes, one
of which is flipped.
*)

let subject (name: string) (turn: Tensor<float> -> Tensor<float>) : Subject =
    let forward (inputs: Tensor<float> list) =
        Conv2d.forward (Conv2d.square 3 3 1 0) inputs[1] inputs[2] inputs[0]

    {
        Operation = "conv2d"
        Case = name
        Inputs = [ "x", x; "kernel", kernel; "bias", kernelBias ]
        Forward =
            fun inputs ->
                let struct (y, _) = forward inputs
                // a convolution has no kinks
                { Output = y; Branches = [||] }
        Backward =
            fun inputs dy ->
                let struct (_, cache) = forward inputs
                let gradient = Conv2d.backward (turn inputs[1]) cache dy
                [ gradient.Input; gradient.Weight; gradient.Bias ]
    }

let verdict (name: string) (turn: Tensor<float> -> Tensor<float>) : (string * bool) list =
    [
        for finding in GradientCheck.check (Seed.ofInt 6) (subject name turn) do
            printfn "  %-8s %-7s error %.1E" name finding.Tensor finding.Error
            finding.Tensor, finding.Passed
    ]

check "as derived: all three pass" (verdict "derived" id |> List.forall snd)
check "flipped: x fails, and nothing else" (verdict "flipped" turned = [ "x", false; "kernel", true; "bias", true ])

(**
## Exercise

1. A dense layer of 3 inputs and 2 outputs: write down dx for dy = (1, -1).
2. The gradient of the logits when all three are equal, and the first class is true?
3. Why does the gradient check not take dy = 1 everywhere? Find a wrong backward pass of ReLU, pooling or convolution that it would miss.

**Answers.** 1. dx[i] = W[i; 1] - W[i; 2]. 2. (-2/3, 1/3, 1/3). 3. With ones, dx of max-pooling is a picture of who won, whatever window's dy went to whom: a pass that gives the first window's winner the second one's dy
is not seen.
*)

let w = random 7 [ 3; 2 ]

let struct (_, single) =
    Dense.forward w (Tensor.ofSeq [ 2 ] [ 0.0; 0.0 ]) (random 8 [ 1; 3 ])

let dxDense = Dense.inputGradient w single (Tensor.ofSeq [ 1; 2 ] [ 1.0; -1.0 ])
check "answer 1" (distance dxDense (Tensor.init [ 1; 3 ] (fun i -> w[2 * i] - w[2 * i + 1])) < 1e-12)

let struct (_, undecided) =
    SoftmaxCrossEntropy.forward (Tensor.ofSeq [ 1 ] [ 0 ]) (Tensor.ofSeq [ 1; 3 ] [ 5.0; 5.0; 5.0 ])

let third = Tensor.ofSeq [ 1; 3 ] [ -2.0 / 3.0; 1.0 / 3.0; 1.0 / 3.0 ]
check "answer 2" (distance (SoftmaxCrossEntropy.backward undecided 1.0).Logits third < 1e-12)

/// Gives each winner the dy of the window before its own.
let shifted (cache: MaxPool2d.Cache) (dy: Tensor<float>) : Tensor<float> =
    let moved = Tensor.init dy.Shape (fun i -> dy[(i + dy.Count - 1) % dy.Count])
    (MaxPool2d.backward cache moved).Input

let struct (pooled, winners) = MaxPool2d.forward (PoolConfig.square 2) x
let ones = Tensor.init pooled.Shape (fun _ -> 1.0)
let mixed = random 9 pooled.Shape
check "answer 3: ones do not see it" (shifted winners ones = (MaxPool2d.backward winners ones).Input)
check "answer 3: random numbers do" (shifted winners mixed <> (MaxPool2d.backward winners mixed).Input)

finish 4
