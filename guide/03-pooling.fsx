(**
# 3. Pooling: fewer numbers, the strongest first

After a convolution, neighbours say nearly the same: an edge that is seen here is seen a pixel further on as well. **Pooling** cuts an image into windows and keeps one number of each. Max-pooling keeps the largest: was
there an edge somewhere in this window? Average pooling keeps the mean.

     1   2   3   4
     5   6   7   8           6   8            3.5   5.5
     9  10  11  12          14  16           11.5  13.5
    13  14  15  16        the largest         the mean

A 2x2 window that moves by 2 leaves a quarter of the numbers. What follows has a quarter of the work, and each of its kernels sees twice as far. Nothing is learned here.
*)

#load "mnist.fsx" "pictures.fsx"

open Cnn.Tensors
open Cnn.Operations
open Guide
open Guide.Pictures
open Guide.Support

/// What a summary, such as List.max, says of each window of that size.
let pool (size: int) (summary: float list -> float) (x: float list list) : float list list =
    [
        for i in 0 .. x.Length / size - 1 ->
            [
                for j in 0 .. x.Head.Length / size - 1 ->
                    summary
                        [
                            for a in 0 .. size - 1 do
                                for b in 0 .. size - 1 do
                                    x[size * i + a][size * j + b]
                        ]
            ]
    ]

let upTo16 = List.chunkBySize 4 [ 1.0 .. 16.0 ]
check "the largest of each 2x2" (pool 2 List.max upTo16 = [ [ 6.0; 8.0 ]; [ 14.0; 16.0 ] ])
check "the mean of each 2x2" (pool 2 List.average upTo16 = [ [ 3.5; 5.5 ]; [ 11.5; 13.5 ] ])

(**
In the library, each channel of each image is pooled by itself, and window, stride and padding are free. The cache of `MaxPool2d.forward` remembers who won.
*)

let square = PoolConfig.square 2
let struct (largest, winners) = MaxPool2d.forward square (image upTo16)
let struct (mean, averaged) = AvgPool2d.forward square (image upTo16)
check "the library's max-pooling" (largest = image (pool 2 List.max upTo16))
check "the library's average pooling" (mean = image (pool 2 List.average upTo16))
check "the winners: cells 5, 7, 13 and 15 of the plane" (values winners.Winners = [ 5; 7; 13; 15 ])

let struct (many, _) = MaxPool2d.forward square (random 1 [ 5; 3; 8; 8 ])
check "three channels of five images stay three of five" (many.Shape = [ 5; 3; 4; 4 ])

draw
    "03-windows"
    "The numbers from 1 to 16, the largest and the mean of each 2x2"
    [ "image", image upTo16; "largest", largest; "mean", mean ]

let five = Mnist.image (Mnist.training 0 1) 0
let struct (half, _) = MaxPool2d.forward square five
let struct (quarter, _) = MaxPool2d.forward square half
let struct (grey, _) = AvgPool2d.forward square five

drawImages
    "03-five"
    "A five, the largest of each 2x2, the largest of those, and the means of each 2x2: all still fives"
    [ "28x28", five; "14x14", half; "7x7", quarter; "means", grey ]

(**
It is often said that pooling makes a network blind to small shifts. That is half true. A shift by the stride moves the output by one; a shift within a window changes nothing only while the winner stays in its window.
*)

let dot row column : float list list =
    [
        for i in 0..7 -> [ for j in 0..7 -> if (i, j) = (row, column) then 1.0 else 0.0 ]
    ]

check "moved within its window: the same" (pool 2 List.max (dot 2 2) = pool 2 List.max (dot 3 3))
check "moved across the edge of the window: not the same" (pool 2 List.max (dot 3 3) <> pool 2 List.max (dot 4 4))

(**
## The gradient

The largest of four numbers changes as the winner does, and not at all with the others. So the winner gets all of dy, and the others nothing:

    dx[u; v] = sum over the windows (i, j) that (u, v) won  of  dy[i; j]

(a sum, for windows may overlap: a cell can win two.) Of a mean of four, each has its quarter:

    dx[u; v] = sum over the windows (i, j) that (u, v) is in  of  dy[i; j] / (rows * columns of the window)
*)

let dy = image [ [ 1.0; -2.0 ]; [ 3.0; 0.5 ] ]
let maxGradient = (MaxPool2d.backward winners dy).Input
let meanGradient = (AvgPool2d.backward averaged dy).Input
show "dx of max-pooling" maxGradient
show "dx of average pooling" meanGradient

draw
    "03-gradients"
    "dy, and dx of both kinds of pooling: all to the winner, or a quarter to each"
    [ "dy", dy; "dx of max", maxGradient; "dx of mean", meanGradient ]

check "the winners get all" (maxGradient = image [ [ 0; 0; 0; 0 ]; [ 0; 1; 0; -2 ]; [ 0; 0; 0; 0 ]; [ 0; 3; 0; 0.5 ] ])

check "a quarter for each" (values meanGradient |> List.take 4 = [ 0.25; 0.25; -0.5; -0.5 ])

check
    "neither invents nor loses any: dx adds up to dy"
    (Seq.sum (values maxGradient) = 2.5 && Seq.sum (values meanGradient) = 2.5)

(**
## Ties and kinks

What if two cells are equally large? Then there is no gradient: to one side the loss changes with one cell, to the other with the other. One has to choose, and say so. The library gives all to the first, in the
order of reading. (A quarter for each would do as well: what matters is that all of it together is dy.) Here is what many write instead: every cell that equals the maximum gets the whole of dy. As long as all numbers differ, that is the same. But paper is even, so is
what a kernel makes of it, and in such windows four cells get what belongs to one. (Zeros behind a ReLU, the layer of part 4, would do no harm: on the way back it lets nothing through where it gave 0.) Let us see whether the numbers notice.
*)

/// Gives dy to every cell that is as large as the largest.
let generous (x: float list list) : Tensor<float> =
    let y = pool 2 List.max x

    image
        [
            for u in 0 .. x.Length - 1 ->
                [
                    for v in 0 .. x.Head.Length - 1 ->
                        if x[u][v] = y[u / 2][v / 2] then
                            dy[u / 2 * 2 + v / 2]
                        else
                            0.0
                ]
        ]

let loss (x: Tensor<float>) : float =
    let struct (y, _) = MaxPool2d.forward square x
    Guide.Support.dot dy y

check "all numbers differ: no difference" (distance (generous upTo16) (numericGradient loss (image upTo16)) < 1e-8)

// the first window is a tie of all four
let tied =
    upTo16
    |> List.mapi (fun i row -> row |> List.mapi (fun j value -> if i < 2 && j < 2 then 0.0 else value))

let total = Seq.sum (values (generous tied))
printfn $"given out at the tie: {total}, of {Seq.sum (values dy)}"
check "at a tie the generous one gives out more than there is" (total > Seq.sum (values dy))

let struct (_, tiedWinners) = MaxPool2d.forward square (image tied)
let tiedGradient = (MaxPool2d.backward tiedWinners dy).Input
check "the library gives out what there is" (Seq.sum (values tiedGradient) = Seq.sum (values dy))

(**
And the central difference? At the tie, moving one cell up makes it the winner, moving it down changes nothing: the two sides see different functions, and their mean is half of dy. Neither answer is that. Such a place is a
**kink**, and a gradient check must leave it out, and count it, or it will cry wolf. Ours compares who won before and after: `./cnn gradcheck` prints how many it left out.
*)

let atTheKink = (numericGradient loss (image tied))[0]
printfn $"central difference at the tie: {atTheKink:F3}, dy there: {dy[0]}"
check "at a kink the central difference is half of either answer" (abs (atTheKink - 0.5 * dy[0]) < 1e-6)

(**
## Exercise

1. An image of 13x13 is pooled by 2. How large is it after that, and what became of the last row?
2. Write average pooling as a convolution: with which kernel and stride?
3. Windows of 3 that move by 2 overlap. Can a cell get dy twice?

**Answers.** 1. 6x6; the last row and column are in no window, and their gradient is 0. 2. Four times 1/4, stride 2. 3. Yes, if it is the largest of two windows.
*)

let struct (odd, oddCache) = MaxPool2d.forward square (random 2 [ 1; 1; 13; 13 ])

let oddGradient =
    values (MaxPool2d.backward oddCache (Tensor.init odd.Shape (fun _ -> 1.0))).Input

check "answer 1: the size" (odd.Shape = [ 1; 1; 6; 6 ])
check "answer 1: the last row gets nothing" (List.skip (12 * 13) oddGradient |> List.forall ((=) 0.0))

let struct (convolved, _) =
    Conv2d.forward
        (Conv2d.square 1 2 2 0)
        (image (List.replicate 2 [ 0.25; 0.25 ]))
        (Tensor.ofSeq [ 1 ] [ 0.0 ])
        (image upTo16)

check "answer 2" (convolved = mean)

let overlapping: PoolConfig =
    {
        Kernel = (3, 3)
        Stride = (2, 2)
        Padding = (0, 0)
    }

let peak =
    image [ for i in 0..4 -> [ for j in 0..4 -> if (i, j) = (2, 2) then 1.0 else 0.0 ] ]

let struct (seen, seenCache) = MaxPool2d.forward overlapping peak

let counted =
    (MaxPool2d.backward seenCache (Tensor.init seen.Shape (fun _ -> 1.0))).Input

check "answer 3: a peak in the middle of four windows gets dy four times" (counted[12] = 4.0)

finish 3
