/// The operations that look at one number at a time, or only at shapes.
module Cnn.Tests.Operations.ReluTests

open System
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests.Support

let private relu =
    testList
        "relu"
        [
            test "clamps what is negative, for any shape and length" {
                for length in [ 1; 7; 8; 16; 33 ] do
                    let x = integers length [ length; 2 ]

                    Relu.forward x
                    |> outputOf
                    |> expectSame $"{length} x 2" (Tensor.map (max 0.0) x)
            }
            test "passes the gradient where the input is positive; at 0 the derivative is 0" {
                let cache = Relu.forward (vector [ -1.0; -0.0; 0.0; 1e-300; 2.0 ]) |> cacheOf

                (Relu.backward cache (vector [ 10.0; 20.0; 30.0; 40.0; 50.0 ])).Input
                |> expectSame "gradient" (vector [ 0.0; 0.0; 0.0; 40.0; 50.0 ])
            }
            test "a NaN passes through" {
                let y =
                    Relu.forward (Tensor.init [ 19 ] (fun i -> if i % 3 = 0 then nan else -1.0))
                    |> outputOf

                y.ToArray()
                |> Array.iteri (fun i v -> Expect.equal (Double.IsNaN v) (i % 3 = 0) $"entry {i}")
            }
            test "infinities stay, or become 0" {
                Relu.forward (vector [ Double.PositiveInfinity; Double.NegativeInfinity ])
                |> outputOf
                |> expectSame "output" (vector [ Double.PositiveInfinity; 0.0 ])
            }
            test "an output gradient of another shape is refused" {
                let cache = Relu.forward (vector [ 1.0; 2.0 ]) |> cacheOf
                expectRefusal "expects shape 2, but gets 3" (fun () -> Relu.backward cache (vector [ 1.0; 2.0; 3.0 ]))
            }
        ]

let private flatten =
    testList
        "flatten"
        [
            test "keeps the examples apart and the order of the rest" {
                let x = Tensor.init [ 2; 3; 2; 2 ] float
                let struct (y, cache) = Flatten.forward x
                y |> expectSame "output" (Tensor.init [ 2; 12 ] float)
                (Flatten.backward cache y).Input |> expectSame "gradient" x
            }
        ]

let tests = testList "relu and flatten" [ relu; flatten ]
