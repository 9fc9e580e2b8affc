/// The draws are seeded, so that these statistics are the same on every run; the bounds are 5 standard errors wide.
module Cnn.Tests.Networks.InitializerTests

open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Tests.Support

let private count = 40_000

let private draw initializer fanIn fanOut : float[] =
    (Initializer.draw<float> initializer (Seed.ofInt 11) fanIn fanOut [ count ]).ToArray()

let private deviation (values: float[]) =
    sqrt (values |> Array.averageBy (fun v -> v * v))

/// Mean 0 and this standard deviation; the error of a sample deviation is sigma / sqrt(2 n) for normal numbers.
let private expectSpread sigma (values: float[]) =
    Expect.isLessThan (abs (Array.average values)) (5.0 * sigma / sqrt (float count)) "mean"
    Expect.isLessThan (abs (deviation values - sigma)) (5.0 * sigma / sqrt (2.0 * float count)) "standard deviation"

/// The part of the numbers within one deviation: 68.27% for normal ones, 57.7% for uniform ones.
let private withinOne sigma (values: float[]) =
    float (values |> Array.filter (fun v -> abs v < sigma) |> Array.length)
    / float count

let private statistics =
    testList
        "statistics"
        [
            test "he: normal with deviation sqrt(2 / fanIn)" {
                let values = draw He 72 999
                expectSpread (sqrt (2.0 / 72.0)) values

                Expect.floatClose
                    { absolute = 0.012; relative = 0.0 }
                    (withinOne (sqrt (2.0 / 72.0)) values)
                    0.6827
                    "normal"
            }
            test "glorot: uniform within sqrt(6 / (fanIn + fanOut))" {
                let limit = sqrt (6.0 / 300.0)
                let values = draw Glorot 100 200
                expectSpread (limit / sqrt 3.0) values
                Expect.isLessThanOrEqual (values |> Array.map abs |> Array.max) limit "the limit"
                Expect.isGreaterThan (values |> Array.max) (0.999 * limit) "right up to it"
                Expect.isLessThan (values |> Array.min) (-0.999 * limit) "on both sides"
            }
            test "normal: the deviation that was asked for, whatever the fans" {
                let values = draw (SmallNormal 0.01) 5 7
                expectSpread 0.01 values
                Expect.floatClose { absolute = 0.012; relative = 0.0 } (withinOne 0.01 values) 0.6827 "normal"
            }
            test "the fans of layers: channels times kernel, inputs and outputs" {
                // glorot shows both fans in its limit, which 3,000 and more draws come close to
                let largest (input: Shape) layer =
                    let p: Parameters<float> = Layer.initialize Glorot (Seed.ofInt 3) input layer
                    (Parameters.named p |> List.head |> snd).ToArray() |> Array.map abs |> Array.max

                let close limit value =
                    Expect.isLessThanOrEqual value limit "within the limit"
                    Expect.isGreaterThan value (0.995 * limit) "close to it"

                let conv =
                    Conv2d
                        {
                            Filters = 40
                            Kernel = (3, 5)
                            Stride = (1, 1)
                            Padding = (0, 0)
                        }

                largest [ 8; 9; 9 ] conv |> close (sqrt (6.0 / float (8 * 15 + 40 * 15)))

                let signal =
                    Conv1d
                        {
                            Filters = 40
                            Kernel = 9
                            Stride = 1
                            Padding = 0
                        }

                largest [ 12; 20 ] signal |> close (sqrt (6.0 / float (12 * 9 + 40 * 9)))

                largest [ 100 ] (Dense { Inputs = None; Outputs = 40 })
                |> close (sqrt (6.0 / 140.0))
            }
        ]

let private repeatable =
    let network =
        network [ 1; 8; 8 ] "conv 4 3, relu, flatten, dense 10, relu, dense 10"

    testList
        "repeatable"
        [
            test "the same seed gives the same weights, another seed others" {
                let weights seed : Parameters<float> =
                    Network.initialize He (Seed.ofInt seed) network

                Expect.equal (weights 1) (weights 1) "same seed"
                Expect.notEqual (weights 1) (weights 2) "other seed"
            }
            test "layers of the same shape draw different numbers" {
                let twice = Cnn.Tests.Support.network [ 4 ] "dense 4, dense 4"
                let parameters: Parameters<float> = Network.initialize He (Seed.ofInt 1) twice

                let weights =
                    Parameters.named parameters
                    |> List.filter (fun (name, _) -> name.EndsWith "weight")

                Expect.notEqual (snd weights[0]) (snd weights[1]) "weights"
            }
            test "float32 weights are the rounded float64 weights" {
                let double: Parameters<float> = Network.initialize Glorot (Seed.ofInt 5) network
                let single: Parameters<float32> = Network.initialize Glorot (Seed.ofInt 5) network
                Expect.equal single (double |> Parameters.map (Tensor.map float32)) "float32"
            }
            test "biases start at 0" {
                let parameters: Parameters<float> = Network.initialize He (Seed.ofInt 1) network

                for name, tensor in Parameters.named parameters do
                    if name.EndsWith "bias" then
                        tensor |> expectSame name (Tensor.zeros tensor.Shape)
            }
        ]

let private parsing =
    let accepted =
        [
            "he", He
            "Glorot", Glorot
            " normal:0.01 ", SmallNormal 0.01
            "NORMAL:1e-3", SmallNormal 1e-3
        ]

    let refused =
        [
            ""
            "hee"
            "he:1"
            "normal"
            "normal:"
            "normal:x"
            "normal:0"
            "normal:-1"
            "normal:NaN"
            "normal:Infinity"
            "normal:1:2"
            "normal:0,01"
        ]

    testList
        "parse"
        [
            for text, expected in accepted do
                test $"'{text}'" { Expect.equal (Initializer.parse text) (Ok expected) "initializer" }
            for text in refused do
                test $"refuses '{text}'" {
                    match Initializer.parse text with
                    | Ok read -> failtest $"it was read as {read}"
                    | Error reason -> Expect.stringContains reason "normal:0.01" "the reason shows what is expected"
                }
        ]

let tests = testList "initializer" [ statistics; repeatable; parsing ]
