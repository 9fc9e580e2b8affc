(**
# 1. A window slides along a signal

Take a list of numbers, the **signal**, and a shorter one, the **kernel**. Lay the kernel over the start of the signal, multiply what lies on top of each other, add it all up: one
number. Move the kernel on, and do it again. That is a convolution. (Mathematicians turn the kernel round first, and call what we do a cross-correlation. No deep-learning library turns it
round, since the kernel is learned anyway, and neither do we.)

    signal      1   2   3   4   5
    kernel      1   0  -1              1*1 + 2*0 - 3*1 = -2
                    1   0  -1          2*1 + 3*0 - 4*1 = -2
                        1   0  -1      3*1 + 4*0 - 5*1 = -2

This kernel subtracts what is two places further on from what is here. Where the signal does not change it gives 0; where it rises it is negative, where it falls it is positive. It is an edge detector, made by hand.
A convolutional network is nothing else but many such kernels whose numbers nobody wrote: it finds them by itself. Part 6 gets there.

Two numbers say how the window moves. The **stride** is by how much. The **padding** is how many zeros stand before and behind the signal, so that the window may reach beyond its ends.
Then the output has

    outputLength = (inputLength + 2 * padding - kernelLength) / stride + 1      (rounded down)

numbers, for that is how often the window fits. In symbols, with x = 0 outside of the signal:

    y[i] = sum over a of  k[a] * x[i * stride - padding + a]

This page is a program, and here it begins. What is not F# comes from the library, and from `support.fsx` and `pictures.fsx`, which lie beside it: `check` says whether something holds, and `finish` counts; `show` prints numbers, `draw` and `plot` make pictures of them (`numbered` gives each its place); `signal` makes of a list what the library takes, and `values` makes a list of what it gives.
*)

#load "pictures.fsx"

open Cnn.Tensors
open Cnn.Operations
open Guide.Pictures
open Guide.Support

/// y[i] = sum over a of k[a] x[i * stride - padding + a], as it is written.
let conv1d (stride: int) (padding: int) (kernel: float list) (x: float list) : float list =
    let at place =
        if place >= 0 && place < x.Length then x[place] else 0.0

    let length = (x.Length + 2 * padding - kernel.Length) / stride + 1

    [
        for i in 0 .. length - 1 ->
            kernel
            |> List.mapi (fun a weight -> weight * at (i * stride - padding + a))
            |> List.sum
    ]

let ramp = [ 1.0; 2.0; 3.0; 4.0; 5.0 ]
let edge = [ 1.0; 0.0; -1.0 ]

check "an edge detector sees a ramp rise everywhere alike" (conv1d 1 0 edge ramp = [ -2.0; -2.0; -2.0 ])
check "with stride 2 it looks at every other place" (conv1d 2 0 edge ramp = [ -2.0; -2.0 ])

(**
With padding, the window sees zeros beyond the ends. At the start it sees 0, 1, 2, and gives 0 - 2 = -2. At the end it sees 4, 5, 0, and gives 4 - 0 = 4: a cliff, for the signal falls from 5 to
nothing. Padding invents edges; that is its price.
*)

check "with padding 1 the end of the ramp is a cliff" (conv1d 1 1 edge ramp = [ -2.0; -2.0; -2.0; -2.0; 4.0 ])

let hill = [ 0.0; 0.0; 0.0; 1.0; 2.0; 3.0; 3.0; 3.0; 3.0; 0.0; 0.0; 0.0 ]

plot
    "01-hill"
    "The edge detector on a hill: below 0 where it rises, 0 where it is level, above 0 where it falls"
    "place"
    [ "signal", numbered hill; "output", numbered (conv1d 1 1 edge hill) ]

(**
## The same in the library

The few lines above are the definition. The library's `Conv1d.forward` computes the same, for many signals of several channels at once, with a bias, and fast. It is a function: it is given what
it needs, returns the output, and a **cache** of what its backward pass will want to know. Nothing else happens.

Its numbers come in a **tensor**, an array with axes. Here the axes are signals, channels and length: `[ 1; 1; 5 ]` is one signal in one channel, of five numbers. (`struct (y, cache)` is how F# returns two things at no cost.)
*)

let config (stride: int) (padding: int) : Conv1d.Config =
    {
        Filters = 1
        Kernel = edge.Length
        Stride = stride
        Padding = padding
    }

let noBias = Tensor.ofSeq [ 1 ] [ 0.0 ]

for stride, padding in [ 1, 0; 2, 0; 1, 1; 2, 2 ] do
    let struct (y, _) =
        Conv1d.forward (config stride padding) (signal edge) noBias (signal ramp)

    check $"the library agrees at stride {stride}, padding {padding}" (values y = conv1d stride padding edge ramp)

let struct (output, cache) =
    Conv1d.forward (config 1 1) (signal edge) noBias (signal ramp)

show "signal" (signal ramp)
show "output" output

draw
    "01-ramp"
    "The ramp, the edge detector and what comes out, with padding 1"
    [ "signal", signal ramp; "kernel", signal edge; "output", output ]

(**
## Which way to turn

To learn, the kernel must know which way to change. Say that something later judges the output by a single number, the **loss** L: the smaller, the better. And say that we are told, for each number
of the output, how the loss would change with it: `dL/dy[i]`, for which we write `dy[i]`. All of dy together is the **gradient** of the output. What is `dk[a] = dL/dk[a]`, the gradient of the kernel?

In `y[i] = sum over a of k[a] x[i*s - p + a]`, with s for the stride and p for the padding, the weight `k[a]` occurs once for each i, times `x[i*s - p + a]`. So by the chain rule

    dk[a] = sum over i of  dy[i] * x[i*s - p + a]

This is a convolution again: the signal, with dy for a kernel. And for the signal itself: `x[j]` is met by every i and a with `i*s - p + a = j`, each time times `k[a]`:

    dx[j] = sum over i and a with i*s - p + a = j  of  dy[i] * k[a]

There are two ways to compute this. **Scatter**: go through the outputs, and for each i add `dy[i] * k[a]` to the place `i*s - p + a`; the kernel lies as it lay. **Gather**: go through the inputs, and for each j
collect `k[a] * dy[i]`. With stride 1, `i = j + p - a`: when a grows, i falls. So one who gathers meets the kernel backwards. It is flipped in gather form, and in gather form *only*. Many a text, and many a first
attempt, flips it while scattering. Let us do that on purpose.
*)

/// Goes through the outputs: each lays the kernel, times its dy, down where it was looking. At stride 1.
let scatter (kernel: float list) (padding: int) (dy: float list) (length: int) : float list =
    let lay (dx: float list) (i: int, given: float) =
        dx
        |> List.mapi (fun j sum ->
            let a = j - (i - padding)

            if a >= 0 && a < kernel.Length then
                sum + given * kernel[a]
            else
                sum)

    (List.replicate length 0.0, List.indexed dy) ||> List.fold lay

let dy = [ 0.5; -1.0; 2.0; 0.25; 1.0 ]
let right = scatter edge 1 dy ramp.Length
let wrong = scatter (List.rev edge) 1 dy ramp.Length

printfn "dx, scattered:              %A" right
printfn "dx, scattered and flipped:  %A" wrong

(**
Two answers. Which is right? One need not believe anybody: a gradient says what happens when one number is moved a little, so move it a little and look. The **central difference**

    (L(x + h) - L(x - h)) / 2h

is the gradient up to an error that shrinks with h². Not with h: the errors of both sides cancel. Smaller is not better without end, for the difference of two almost equal numbers loses digits; in
double precision, h = 1e-5 or so is best.

For a loss we take `sum of dy[i] * y[i]`, since its gradient for y is dy. And dy is not all ones: with ones, `sum of k` is all that is left in the middle of dx, and that is the same flipped or not.
*)

let h = 1e-5

/// The gradient of the loss for each number of x, by moving it.
let numeric (x: float list) : float list =
    let loss (x: float list) =
        List.map2 (*) dy (conv1d 1 1 edge x) |> List.sum

    [
        for j in 0 .. x.Length - 1 ->
            let moved by =
                x |> List.mapi (fun i value -> if i = j then value + by else value)

            (loss (moved h) - loss (moved -h)) / (2.0 * h)
    ]

let error (gradient: float list) : float =
    List.map2 (fun a b -> abs (a - b)) gradient (numeric ramp) |> List.max

printfn $"largest error: {error right:E1}, flipped: {error wrong:E1}"

draw
    "01-gradients"
    "dx scattered, scattered and flipped, and by central differences: two of three agree"
    [
        "scattered", signal right
        "flipped", signal wrong
        "by differences", signal (numeric ramp)
    ]

check "the gradient without a flip is what the numbers say" (error right < 1e-8)
check "the flipped one is found out" (error wrong > 0.1)

let gradient = Conv1d.backward (signal edge) cache (signal dy)
check "the library has the right one" (values gradient.Input = right)

(**
## Exercise

1. Which kernel of three numbers gives the mean of each three neighbours? What does it do to an edge?
2. A signal of 28 numbers, a kernel of 5, padding 2: which strides give 14 numbers?
3. What is `dk` for the ramp, without padding, if dy is 1, 0, 0?

**Answers.** 1. Three times 1/3. An edge becomes a slope: it blurs. 2. (28 + 4 - 5) / s + 1 = 14 asks for 27 / s = 13, rounded down: only s = 2. 3. Only y[0] counts, and it met 1, 2, 3: so dk = 1, 2, 3.
*)

let mean = List.replicate 3 (1.0 / 3.0)
let step = [ 0.0; 0.0; 0.0; 3.0; 3.0; 3.0 ]

check
    "answer 1: a step becomes a slope"
    (List.map2 (fun a b -> abs (a - b)) (conv1d 1 0 mean step) [ 0.0; 1.0; 2.0; 3.0 ]
     |> List.max
        <
        1e-12)

let fits = [ 1..28 ] |> List.filter (fun stride -> (28 + 4 - 5) / stride + 1 = 14)
check "answer 2: a stride of 2 alone" (fits = [ 2 ])

let struct (_, plain) =
    Conv1d.forward (config 1 0) (signal edge) noBias (signal ramp)

let dk = (Conv1d.backward (signal edge) plain (signal [ 1.0; 0.0; 0.0 ])).Weight
check "answer 3: what the window met" (values dk = [ 1.0; 2.0; 3.0 ])

finish 1
