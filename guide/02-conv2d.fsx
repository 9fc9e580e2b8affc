(**
# 2. The window moves over an image

An image is a table of numbers, and a kernel is a small table. Lay it over a corner of the image, multiply, add up, move on to the right; at the end of a row, begin anew further down.

    1  2  3          1   0         1*1 + 2*0 + 4*0 - 5*1 = -4     2*1 + 3*0 + 5*0 - 6*1 = -4
    4  5  6          0  -1         4*1 + 5*0 + 7*0 - 8*1 = -4     5*1 + 6*0 + 8*0 - 9*1 = -4
    7  8  9

Each axis has its own stride and padding, and the formula of part 1 holds for each of them:

    y[i; j] = sum over a and b of  k[a; b] * x[i * stride - padding + a; j * stride - padding + b]
    output  = (input + 2 * padding - kernel) / stride + 1

More words from `support.fsx`: `image` is for a table what `signal` is for a list, `random` gives numbers between -1 and 1, `distance` is the largest difference between two tensors, `dot` the sum of their products, and
`numericGradient` moves one number after the other, as part 1 did by hand.
*)

#load "mnist.fsx" "pictures.fsx"

open Cnn.Tensors
open Cnn.Operations
open Guide
open Guide.Pictures
open Guide.Support

/// The definition, for one channel.
let conv2d (stride: int) (padding: int) (kernel: float list list) (x: float list list) : float list list =
    let rows, columns = x.Length, x.Head.Length

    let at i j =
        if i >= 0 && i < rows && j >= 0 && j < columns then
            x[i][j]
        else
            0.0

    let fits size kernel =
        (size + 2 * padding - kernel) / stride + 1

    [
        for i in 0 .. fits rows kernel.Length - 1 ->
            [
                for j in 0 .. fits columns kernel.Head.Length - 1 ->
                    List.sum
                        [
                            for a in 0 .. kernel.Length - 1 do
                                for b in 0 .. kernel.Head.Length - 1 do
                                    kernel[a][b] * at (i * stride - padding + a) (j * stride - padding + b)
                        ]
            ]
    ]

let counting = [ [ 1.0; 2.0; 3.0 ]; [ 4.0; 5.0; 6.0 ]; [ 7.0; 8.0; 9.0 ] ]

let diagonal = [ [ 1.0; 0.0 ]; [ 0.0; -1.0 ] ]

check "a 2x2 kernel on a 3x3 image" (conv2d 1 0 diagonal counting = [ [ -4.0; -4.0 ]; [ -4.0; -4.0 ] ])

let ones = List.replicate 2 [ 1.0; 1.0 ]
let upTo24 = List.chunkBySize 5 [ 0.0 .. 24.0 ]

check
    "stride 2 on a 5x5 image: 0 + 1 + 5 + 6 = 12 is the first"
    (conv2d 2 0 ones upTo24 = [ [ 12.0; 20.0 ]; [ 52.0; 60.0 ] ])

(**
## Kernels that people wrote

Before networks found their own, people thought some out. Sobel's subtracts the column on the left from the column on the right, the middle row counting twice: where brightness changes from left to right, at an upright
edge, it is far from 0. Turned on its side it finds edges that lie. The blur takes the mean of nine neighbours. The sharpener goes the other way: five times itself, less its neighbours.
*)

let sobelX = [ [ -1.0; 0.0; 1.0 ]; [ -2.0; 0.0; 2.0 ]; [ -1.0; 0.0; 1.0 ] ]
let sobelY = List.transpose sobelX
let blur = List.replicate 3 (List.replicate 3 (1.0 / 9.0))
let sharpen = [ [ 0.0; -1.0; 0.0 ]; [ -1.0; 5.0; -1.0 ]; [ 0.0; -1.0; 0.0 ] ]

// a bright square on a dark ground
let square =
    [
        for i in 0..6 -> [ for j in 0..6 -> if i >= 2 && i <= 4 && j >= 2 && j <= 4 then 1.0 else 0.0 ]
    ]

draw
    "02-square"
    "A bright square, and what three kernels make of it"
    [
        "image", image square
        "sobel-x", image (conv2d 1 1 sobelX square)
        "sobel-y", image (conv2d 1 1 sobelY square)
        "blur", image (conv2d 1 1 blur square)
    ]

show "sobel-x of a square" (image (conv2d 1 1 sobelX square))

let upright = conv2d 1 1 sobelX square
check "an edge from dark to bright is positive, one back is negative" (upright[3][1] = 4.0 && upright[3][5] = -4.0)
check "inside of the square nothing changes" (upright[3][3] = 0.0)

check
    "of an image on its side, sobel-y sees what sobel-x saw"
    (conv2d 1 1 sobelY (List.transpose square) = List.transpose upright)

let even = List.replicate 5 (List.replicate 5 3.0)
check "a sharpener leaves what is even as it is" (conv2d 1 0 sharpen even = List.replicate 3 (List.replicate 3 3.0))

(**
And on something that was not made up: the first image of MNIST, a handwritten five of 28x28 numbers, from 0 for paper to 1 for ink.
*)

/// One table of a tensor of four axes, as rows.
let plane (x: Tensor<float>) (outer: int) (channel: int) : float list list =
    let rows, columns = x.Shape[2], x.Shape[3]
    let first = (outer * x.Shape[1] + channel) * rows * columns

    [
        for i in 0 .. rows - 1 -> [ for j in 0 .. columns - 1 -> x[first + i * columns + j] ]
    ]

let five = plane (Mnist.image (Mnist.training 0 1) 0) 0 0

drawImages
    "02-five"
    "A five, and what each kernel makes of it; red is above 0 and blue is below"
    [
        "image", image five
        "sobel-x", image (conv2d 1 1 sobelX five)
        "sobel-y", image (conv2d 1 1 sobelY five)
        "blur", image (conv2d 1 1 blur five)
        "sharpen", image (conv2d 1 1 sharpen five)
    ]

(**
Try them on any picture: `./cnn filter photo.jpg --kernel sobel-x`.

## Channels

A colour image has three **channels**. A kernel then has a table for each of them; their results are added up, and a bias after that. So a kernel always gives one channel, however many it reads. Many kernels give
many channels, which are the input of the next layer. With O kernels that read C channels:

    weight  [ O; C; kernelRows; kernelColumns ],   bias [ O ]

    y[n; o; i; j] = bias[o] + sum over c, a and b of  weight[o; c; a; b] * x[n; c; i*s - p + a; j*s - p + b]

and n counts the images of a batch.
*)

let config (filters: int) : Conv2d.Config = Conv2d.square filters 3 1 0
let x = random 1 [ 2; 3; 5; 5 ]
let weight = random 2 [ 4; 3; 3; 3 ]
let bias = random 3 [ 4 ]
let struct (y, cache) = Conv2d.forward (config 4) weight bias x

check "two images of 3x5x5 and four kernels of 3x3x3 make two of 4x3x3" (y.Shape = [ 2; 4; 3; 3 ])

let byHand (n: int) (o: int) : Tensor<float> =
    [ for c in 0..2 -> image (conv2d 1 0 (plane weight o c) (plane x n c)) ]
    |> List.reduce (fun a b -> Tensor.init a.Shape (fun i -> a[i] + b[i]))
    |> Tensor.map (fun sum -> sum + bias[o])

check
    "each output channel is the sum over the input channels, and its bias"
    (Seq.allPairs [ 0; 1 ] [ 0..3 ]
     |> Seq.forall (fun (n, o) -> distance (byHand n o) (image (plane y n o)) < 1e-12))

(**
## The gradient

Part 1 again, with more letters. `weight[o; c; a; b]` meets one number of x for each image and each place of the output; `x[n; c; u; v]` meets each weight of its channel that comes to lie on it:

    dweight[o; c; a; b] = sum over n, i, j of  dy[n; o; i; j] * x[n; c; i*s - p + a; j*s - p + b]
    dbias[o]            = sum over n, i, j of  dy[n; o; i; j]
    dx[n; c; u; v]      = sum over o, i, j, a, b with i*s - p + a = u and j*s - p + b = v  of  dy[n; o; i; j] * weight[o; c; a; b]

Learn to say them in words. *A weight's gradient is what it met, weighed by what came of it. An input's gradient is what it went into, weighed by how.* No other layer of a network is any different.

The flip of part 1 has a richer chance to go wrong here: tables can be turned round in one axis or in both. Here is a dx that scatters a kernel that was flipped in both.
*)

let dy = random 4 y.Shape

/// dx of stride 1 without padding, which lays this kernel down.
let scattered (kernel: Tensor<float>) : Tensor<float> =
    let place (n, c, u, v) = ((n * 3 + c) * 5 + u) * 5 + v
    let dx = Array.zeroCreate<float> x.Count

    for n in 0..1 do
        for o in 0..3 do
            for c in 0..2 do
                for i in 0..2 do
                    for j in 0..2 do
                        for a in 0..2 do
                            for b in 0..2 do
                                let at = place (n, c, i + a, j + b)
                                let given = dy[((n * 4 + o) * 3 + i) * 3 + j]
                                dx[at] <- dx[at] + given * kernel[((o * 3 + c) * 3 + a) * 3 + b]

    Tensor.ofSeq x.Shape dx

let flipped =
    // both axes of each 3x3 table, which is the order of its nine numbers
    Tensor.init weight.Shape (fun i -> weight[i / 9 * 9 + 8 - i % 9])

let loss (weight: Tensor<float>) (x: Tensor<float>) : float =
    let struct (y, _) = Conv2d.forward (config 4) weight bias x
    dot dy y

let numeric = numericGradient (loss weight) x
let error = distance (scattered weight) numeric
let flippedError = distance (scattered flipped) numeric
printfn $"largest error of dx: {error:E1}, of a flipped kernel: {flippedError:E1}"
check "dx as it was derived" (error < 1e-8)
check "a kernel flipped in scatter form is found out" (flippedError > 0.1)

let gradient = Conv2d.backward weight cache dy
check "the library's dx" (distance gradient.Input numeric < 1e-8)
check "the library's dweight" (distance gradient.Weight (numericGradient (fun w -> loss w x) weight) < 1e-8)

(**
Why does such a mistake live so long in so many programs? Because networks learn in spite of it. The first layer's dx is never used; a second layer's is, but a wrong direction that is half right still goes downhill.
Accuracy does not tell; it is only lower than it could be. The check does.

## Exercise

1. An image of 28x28, a kernel of 5x5, stride 1: which padding keeps 28x28?
2. How many numbers does a layer of 32 kernels of 3x3 learn, that reads 16 channels?
3. Two kernels of 3x3 one after the other see how much of the image? And how many weights is that, next to one kernel that sees as much?

**Answers.** 1. (28 + 2p - 5) + 1 = 28, so p = 2. 2. 32 * 16 * 9 + 32 = 4,640. 3. 5x5; 18 weights instead of 25 (of one channel), and a bend between them, if there is a ReLU.
*)

let size padding = 28 + 2 * padding - 5 + 1
check "answer 1" (size 2 = 28)
check "answer 2" (Shape.size (Conv2d.weightShape (Conv2d.square 32 3 1 1) 16) + 32 = 4640)

// Two kernels one after the other are one larger kernel, as long as nothing bends between them. Of the first kernel's windows the
// second one weighs that at a with k2[a], and each weighs x[i + a + b] with k1[b]: so x[i + c] has the sum over a of k2[a] k1[c - a]. Here
// one index rises while the other falls, so one table has to be turned round to be slid over the other. This is no gradient.
let turned = List.rev >> List.map List.rev
let composed = conv2d 1 2 (turned sobelX) blur
let twice = conv2d 1 0 sobelX (conv2d 1 0 blur square)
check "answer 3: one 5x5 kernel sees what two of 3x3 see" (composed.Length = 5)
check "and does the same" (distance (image (conv2d 1 0 composed square)) (image twice) < 1e-12)

finish 2
