/// A step that leaves the finite numbers says so at once, and where.
module Cnn.Tests.Training.DivergenceTests

#nowarn "9"

open System
open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Training
open Cnn.Tests.Support

let private adam =
    Optimizer.named |> List.find (fun (name, _) -> name = "adam") |> snd

let private isFinite (numbers: float[]) : bool =
    use pointer = fixed numbers
    Cnn.Kernels.Elementwise.isFinite pointer numbers.Length

let private network =
    network [ 1; 4; 4 ] "conv 2 3 pad 1, relu, flatten, dense 5, batchnorm, dense 3"

let private x: Tensor<float32> =
    let values = normals 1 [ 40; 1; 4; 4 ]
    Tensor.init [ 40; 1; 4; 4 ] (fun i -> float32 values[i])

let private labels = Tensor.init [ 40 ] (fun n -> n % 3)

let private start (optimizer: Optimizer) : TrainingState<float32> =
    TrainingState.start optimizer He (Seed.ofInt 3) network

/// The same state with all weights of a layer replaced.
let private withWeights (layer: int) (value: float32) (state: TrainingState<float32>) : TrainingState<float32> =
    match state.Parameters with
    | Block parts ->
        let part =
            match parts[layer] with
            | Affine a ->
                Affine
                    { a with
                        Weight = Tensor.init a.Weight.Shape (fun _ -> value)
                    }
            | other -> failtest $"layer {layer} is {other}"

        { state with
            Parameters = Block(List.updateAt layer part parts)
        }
    | other -> failtest $"unexpected form {other}"

let private faultOf (rate: float) (state: TrainingState<float32>) : bool * FirstFault =
    let struct (next, report) = TrainingState.step 2 rate x labels state
    report.IsFinite, Divergence.firstFault x labels state next

let tests =
    testList
        "divergence"
        [
            test "an ordinary step is finite, and no fault is found" {
                for _, optimizer in Optimizer.named do
                    Expect.equal (faultOf 0.01 (start optimizer)) (true, NotFound) "step"
            }
            for layer in [ 0; 3; 5 ] do
                for value in [ Single.NaN; Single.PositiveInfinity ] do
                    test $"{value} in the weights of layer {layer} shows in what that layer gives" {
                        for _, optimizer in Optimizer.named do
                            let state = start optimizer |> withWeights layer value
                            Expect.equal (faultOf 0.01 state) (false, OutputOf layer) "fault"
                    }
            test "weights that are finite, but too large for their product, show in the next layer" {
                let state = start (Sgd 0.0) |> withWeights 0 1e30f |> withWeights 3 1e30f
                Expect.equal (faultOf 0.01 state) (false, OutputOf 3) "fault"
            }
            test "a rate that takes the weights beyond the numbers is blamed on the update" {
                let isFinite, fault = faultOf 1e300 (start (Sgd 0.0))
                Expect.isFalse isFinite "finite"

                match fault with
                | UpdateOf _ -> ()
                | other -> failtest $"{other}"
            }
            test "an average that overflows is seen, though loss, gradient and weights are finite" {
                let state =
                    TrainingState.start
                        adam
                        He
                        (Seed.ofInt 3)
                        (Cnn.Tests.Support.network [ 1; 4; 4 ] "flatten, dense 3")

                let large = Tensor.map (fun value -> 1e25f * value) x
                let struct (next, report) = TrainingState.step 2 0.01 large labels state
                Expect.isTrue (Double.IsFinite report.Loss) "loss"
                Expect.isTrue (Parameters.isFinite next.Parameters) "weights"
                Expect.isFalse report.IsFinite "finite"
                Expect.equal (Divergence.firstFault large labels state next) (UpdateOf 1) "fault"
            }
            test "a gradient that overflows on its way down is blamed on the layer where it does" {
                let network =
                    Cnn.Tests.Support.network [ 1; 4; 4 ] "flatten, dense 2, dense 2, dense 3"

                // without ink all scores are 0, and what comes back is not
                let nothing = Tensor.zeros [ 40; 1; 4; 4 ]

                let state =
                    TrainingState.start (Sgd 0.0) He (Seed.ofInt 3) network
                    |> withWeights 2 1e30f
                    |> withWeights 3 1e30f

                let struct (next, report) = TrainingState.step 2 0.01 nothing labels state
                Expect.isTrue (Double.IsFinite report.Loss) "loss"
                Expect.isFalse report.IsFinite "finite"
                Expect.equal (Divergence.firstFault nothing labels state next) (GradientOf 2) "fault"
            }
            test "wherever in the memory of a tensor it stands, a number that is not finite is seen" {
                for count in [ 1; 7; 8; 15; 16; 17; 31; 33; 64 ] do
                    for place in 0 .. count - 1 do
                        for value in [ Double.NaN; Double.PositiveInfinity; Double.NegativeInfinity ] do
                            let numbers = Array.init count (fun i -> if i = place then value else 1e300)
                            Expect.isFalse (isFinite numbers) $"{value} at {place} of {count}"

                        let numbers = Array.create count Double.MaxValue
                        Expect.isTrue (isFinite numbers) "the largest numbers"
            }
        ]
