/// Wrong backward passes, each the project's own with one mistake of a kind that people make: every one of them has to
/// be caught by the gradient check, in the operation and for the tensors where it is wrong, and nowhere else.
/// Here: the operations that slide a window.
module Cnn.Tests.Checking.WrongConvolutionTests

open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Checking
open Cnn.Tests.Checking.Mistakes

let private window (change: Axis -> Axis) (cache: Conv2d.Cache<float>) : Conv2d.Cache<float> =
    let window = cache.Shape.Window

    { cache with
        Shape =
            { cache.Shape with
                Window =
                    {
                        Rows = change window.Rows
                        Columns = change window.Columns
                    }
            }
    }

let private strideIgnored = window (fun axis -> { axis with Stride = 1 })

let private paddingOff =
    window (fun axis -> { axis with Padding = axis.Padding + 1 })

let private convolution =
    let conv2d backward =
        { real with
            Backwards.Conv2d = backward
        }

    let change edit =
        conv2d (fun weight cache dy -> edit (Conv2d.backward weight cache dy): Conv2d.Gradient<float>)

    [
        conv2d (fun weight cache dy ->
            { Conv2d.backward weight cache dy with
                Input = Conv2d.inputGradient (flipped weight) cache dy
            })
        |> caught "the flipped kernel in the input gradient, the guide's own mistake" "conv2d" [ "input" ]
        change (fun g -> { g with Weight = flipped g.Weight })
        |> caught "the weight gradient flipped" "conv2d" [ "weight" ]
        change (fun g -> { g with Bias = zeros g.Bias })
        |> caught "no bias gradient" "conv2d" [ "bias" ]
        change (fun g ->
            { g with
                Weight = scaled (1.0 + 1e-6) g.Weight
            })
        |> caught "the weight gradient a millionth too large" "conv2d" [ "weight" ]
        conv2d (fun weight cache dy -> Conv2d.backward weight (strideIgnored cache) dy)
        |> caught "the stride ignored" "conv2d" [ "input"; "weight" ]
        conv2d (fun weight cache dy -> Conv2d.backward weight (paddingOff cache) dy)
        |> caught "the padding off by one" "conv2d" [ "input"; "weight" ]
        conv2d (fun weight cache dy ->
            { Conv2d.backward weight cache dy with
                Input = Conv2d.inputGradient (swapped weight) cache dy
            })
        |> caught "filters and channels of the weight mixed up" "conv2d" [ "input" ]
        conv2d (fun weight cache dy ->
            { Conv2d.backward weight cache dy with
                Weight = Conv2d.weightGradient weight cache (firstOnly dy)
            })
        |> caught "the weight gradient of the first example alone" "conv2d" [ "weight" ]
        conv2d (fun weight cache dy ->
            { Conv2d.backward weight cache dy with
                Bias = Conv2d.biasGradient cache dy |> scaled (1.0 / float cache.Shape.Batch)
            })
        |> caught "the mean over the batch in the bias gradient" "conv2d" [ "bias" ]
        conv2d (fun weight cache dy ->
            { Conv2d.backward weight cache dy with
                Input = Conv2d.inputGradient weight cache (firstOnly dy)
            })
        |> caught "no input gradient beyond the first example" "conv2d" [ "input" ]
        { real with
            Backwards.Conv1d = fun weight cache dy -> Conv1d.backward weight { Image = strideIgnored cache.Image } dy
        }
        |> caught "the stride ignored" "conv1d" [ "input"; "weight" ]
        { real with
            Backwards.Conv1d =
                fun weight cache dy ->
                    { Conv1d.backward weight cache dy with
                        Input = (Conv1d.backward (flipped weight) cache dy).Input
                    }
        }
        |> caught "the flipped kernel in the input gradient" "conv1d" [ "input" ]
    ]

/// The winners of a max-pool replaced by the cell that `choose` takes of the rows (first, last) and of the columns
/// (first, last) under each window.
let private winners (choose: int * int -> int) (cache: MaxPool2d.Cache) : MaxPool2d.Cache =
    let rows, columns = cache.Window.Rows, cache.Window.Columns

    let reach (axis: Axis) o =
        let first = o * axis.Stride - axis.Padding
        max 0 first, min axis.Input (first + axis.Kernel) - 1

    { cache with
        Winners =
            Tensor.init cache.Winners.Shape (fun i ->
                let row = choose (reach rows (i / columns.Output % rows.Output))
                row * columns.Input + choose (reach columns (i % columns.Output)))
    }

/// A gradient whose windows overwrite what earlier ones wrote, in place of adding to it.
let private overwriting (backward: Tensor<float> -> Tensor<float>) (dy: Tensor<float>) =
    let alone i =
        backward (Tensor.init dy.Shape (fun k -> if k = i then dy[k] else 0.0))

    (backward (zeros dy), Seq.init dy.Count alone)
    ||> Seq.fold (fun before own -> Tensor.init own.Shape (fun k -> if own[k] <> 0.0 then own[k] else before[k]))

/// What each window covers of the image, as a part of its full area.
let private covered (cache: AvgPool2d.Cache) (dy: Tensor<float>) =
    let axis (a: Axis) o =
        let first = o * a.Stride - a.Padding
        float (min a.Input (first + a.Kernel) - max 0 first) / float a.Kernel

    let columns = cache.Window.Columns.Output

    Tensor.init dy.Shape (fun i ->
        axis cache.Window.Rows (i / columns % cache.Window.Rows.Output)
        * axis cache.Window.Columns (i % columns))

let private pooling =
    let maxPool backward =
        { real with
            Backwards.MaxPool2d = fun cache dy -> { Input = backward cache dy }
        }

    let avgPool backward =
        { real with
            Backwards.AvgPool2d = fun cache dy -> { Input = backward cache dy }
        }

    let maximum cache dy = (MaxPool2d.backward cache dy).Input
    let average cache dy = (AvgPool2d.backward cache dy).Input

    [
        maxPool (fun cache dy -> maximum (winners snd cache) dy)
        |> caught "the gradient to the last cell of the window" "max-pool" [ "input" ]
        maxPool (fun cache dy -> maximum (winners fst cache) dy)
        |> caught "the gradient to the first cell of the window" "max-pool" [ "input" ]
        maxPool (fun cache dy -> overwriting (maximum cache) dy)
        |> caught "overlapping windows overwrite each other" "max-pool" [ "input" ]
        maxPool (fun cache dy ->
            average
                {
                    Window = cache.Window
                    InputShape = cache.InputShape
                }
                dy)
        |> caught "the gradient of the average" "max-pool" [ "input" ]
        avgPool (fun cache dy -> average cache dy |> scaled (float cache.Window.KernelSize))
        |> caught "not divided by the area" "avg-pool" [ "input" ]
        avgPool (fun cache dy ->
            let parts = covered cache dy
            average cache (Tensor.init dy.Shape (fun i -> dy[i] / parts[i])))
        |> caught "divided by what the window covers at padded borders" "avg-pool" [ "input" ]
        avgPool (fun cache dy -> overwriting (average cache) dy)
        |> caught "overlapping windows overwrite each other" "avg-pool" [ "input" ]
    ]

let tests = testList "wrong backward, windows" (convolution @ pooling)
