/// How a deliberately wrong backward pass is put to the gradient check.
module Cnn.Tests.Checking.Mistakes

open Expecto
open Cnn.Tensors
open Cnn.Checking
open Cnn.Tests.Support

let real = Backwards.real

/// (operation, tensor) of every gradient that the check refuses, over all operations.
let refused (backwards: Backwards) =
    let seed = Seed.ofInt 7

    GradientCases.all backwards seed
    // networks, layer by layer and fused, run with their own passes whatever these are
    |> List.filter (fun subject -> subject.Operation <> "network" && subject.Operation <> "fused")
    |> List.collect (GradientCheck.check seed)
    |> List.filter (fun finding -> not finding.Passed)
    |> List.map (fun finding -> finding.Operation, finding.Tensor)
    |> List.distinct
    |> List.sort

let caught (mistake: string) (operation: string) (tensors: string list) (backwards: Backwards) =
    test $"{operation}: {mistake}" {
        Expect.equal (refused backwards) (List.sort [ for tensor in tensors -> operation, tensor ]) "gradients refused"
    }

let scaled (factor: float) = Tensor.map (fun v -> factor * v)
let zeros (x: Tensor<float>) = Tensor.zeros<float> x.Shape

/// Every kernel turned by 180 degrees; of a signal: reversed.
let flipped (weight: Tensor<float>) =
    let cells = Shape.size weight.Shape.Tail.Tail
    Tensor.init weight.Shape (fun i -> weight[i / cells * cells + cells - 1 - i % cells])

/// The numbers of a [ rows; columns; … ] tensor in the order of [ columns; rows; … ], under the old shape.
let swapped (x: Tensor<float>) =
    let rows, columns, inner = x.Shape[0], x.Shape[1], Shape.size x.Shape.Tail.Tail

    Tensor.init x.Shape (fun i ->
        let j, k = i / inner / rows, i / inner % rows
        x[(k * columns + j) * inner + i % inner])

/// The gradient with everything but the first example of the output gradient gone.
let firstOnly (dy: Tensor<float>) =
    let one = dy.Count / dy.Shape.Head
    Tensor.init dy.Shape (fun i -> if i < one then dy[i] else 0.0)
