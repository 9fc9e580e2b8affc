module Cnn.Tests.Tensors.TensorTests

open System
open Expecto
open Cnn.Tensors
open Cnn.Tests.Support

let private shape =
    testList
        "shape"
        [
            test "size is the product of the extents" {
                Expect.equal (Shape.size [ 2; 3; 4 ]) 24 "three axes"
                Expect.equal (Shape.size []) 1 "no axes"

                Expect.throwsT<OverflowException>
                    (fun () -> Shape.size [ 65536; 65536 ] |> ignore)
                    "more than an int counts"
            }
            test "is written with x" {
                Expect.equal (Shape.format [ 16; 28; 28 ]) "16x28x28" "three axes"
                Expect.equal (Shape.format []) "1" "no axes"
            }
        ]

let private window =
    let output input kernel stride padding =
        Axis.create input kernel stride padding |> Result.map (fun axis -> axis.Output)

    testList
        "window"
        [
            test "output = (input + 2 padding - kernel) / stride + 1, rounded down" {
                Expect.equal (output 28 3 1 0) (Ok 26) "plain"
                Expect.equal (output 28 3 1 1) (Ok 28) "same size"
                Expect.equal (output 5 2 2 0) (Ok 2) "a cell left over"
                Expect.equal (output 1 5 3 2) (Ok 1) "a kernel that only fits with its padding"
            }
            test "what does not fit is an Error that says why" {
                Expect.equal
                    (output 3 5 1 0)
                    (Error "a kernel of 5 does not fit into 3 cells with padding 0")
                    "too large"

                Expect.equal (output 3 0 1 0) (Error "the kernel is 0 wide; it must be at least 1") "kernel"
                Expect.equal (output 3 1 0 0) (Error "the stride is 0; it must be at least 1") "stride"
                Expect.equal (output 3 1 1 -1) (Error "the padding is -1; it must not be negative") "padding"
                Expect.equal (output 0 1 1 0) (Error "the input is 0 wide; it must be at least 1") "input"
            }
            test "the largest numbers that are allowed do not wrap around, larger ones are refused" {
                let most = Axis.Most
                Expect.equal (output most 1 1 most) (Ok(3 * most)) "input and padding"
                Expect.equal (output 2 most 1 (most / 2)) (Ok 3) "kernel"
                Expect.equal (output most 1 most 0) (Ok 1) "stride"

                for refused in
                    [
                        output (most + 1) 1 1 0
                        output 1 (most + 1) 1 most
                        output 1 1 Int32.MaxValue 0
                        output 1 1 1 Int32.MaxValue
                    ] do
                    Expect.isError refused "one cell too many"
            }
            test "errors name the axis" {
                let create kernel =
                    Window.create (4, 4) kernel (1, 1) (0, 0) |> Result.map ignore

                Expect.equal
                    (create (5, 1))
                    (Error "rows: a kernel of 5 does not fit into 4 cells with padding 0")
                    "rows"

                Expect.equal
                    (create (1, 5))
                    (Error "columns: a kernel of 5 does not fit into 4 cells with padding 0")
                    "columns"
            }
        ]

let private tensor =
    let x = Tensor.init [ 3; 2; 2 ] float

    testList
        "tensor"
        [
            test "holds as many values as its shape says, or is refused" {
                expectRefusal "a 2x2 tensor holds 4 values, not 3" (fun () -> Tensor.ofSeq [ 2; 2 ] [ 1; 2; 3 ])
                expectRefusal "holds 13 values" (fun () -> Tensor.reshape [ 13 ] x)
            }
            test "slice takes examples, concat puts them together again" {
                Tensor.slice 1 2 x
                |> expectSame "the last two" (Tensor.init [ 2; 2; 2 ] (fun i -> float (i + 4)))

                Tensor.concat [ Tensor.slice 0 1 x; Tensor.slice 1 2 x ]
                |> expectSame "the whole" x

                expectRefusal "inner shape" (fun () -> Tensor.concat [ x; Tensor.zeros [ 1; 4 ] ])
            }
            test "equal when shape and values are" {
                Expect.equal (Tensor.init [ 3; 2; 2 ] float) x "the same again"
                Expect.notEqual (Tensor.reshape [ 3; 4 ] x) x "another shape"
                Expect.notEqual (Tensor.map (fun v -> v + 1.0) x) x "other values"
                Expect.equal (hash (Tensor.init [ 3; 2; 2 ] float)) (hash x) "equal tensors have equal hashes"
            }
            test "keeps its values whatever happens to what it was made of or copied to" {
                let source = [| 1.0; 2.0 |]
                let made = Tensor.ofSeq [ 2 ] source
                source[0] <- 9.0
                made.ToArray()[1] <- 9.0
                made |> expectSame "values" (vector [ 1.0; 2.0 ])
            }
            test "create hands out zeros to fill" {
                Tensor.create [ 3 ] (Fill(fun values -> values[1] <- values[0] + 5.0))
                |> expectSame "values" (vector [ 0.0; 5.0; 0.0 ])
            }
        ]

let tests = testList "tensors" [ shape; window; tensor ]
