/// Gradients form a monoid, which is what lets a mini-batch be cut into shards.
module Cnn.Tests.Networks.ParametersTests

open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Tests
open Cnn.Tests.NetworkCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

/// Parameters of a random network with numbers of their own.
let private drawn<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (numbers: int -> Shape -> Tensor<float>)
    (case: NetworkCase)
    (which: int)
    : Parameters<'T> =
    let seeds = System.Random(case.Seed + 1000 * which)
    let zeros: Parameters<'T> = Network.initialize He (Seed.ofInt 0) case.Network

    zeros
    |> Parameters.map (fun tensor -> numbers (seeds.Next()) tensor.Shape |> cast<'T>)

let private flat<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (x: Parameters<'T>) : float[] =
    Parameters.named x |> List.map (snd >> numbers) |> Array.concat

let private lawsOnIntegers<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: NetworkCase) =
    let p: int -> Parameters<'T> = drawn integers case
    let x, y, z = p 0, p 1, p 2
    Expect.equal (x + y) (y + x) "commutative"
    Expect.equal ((x + y) + z) (x + (y + z)) "associative"
    Expect.equal (x + Parameters.Zero) x "zero on the right"
    Expect.equal (Parameters.Zero + x) x "zero on the left"
    Expect.sequenceEqual (flat (x + y)) (Array.map2 (+) (flat x) (flat y)) "number by number"
    Expect.equal (List.sum [ x; y; z ]) (x + y + z) "List.sum"

let private lawsWithinRounding<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    epsilon
    (case: NetworkCase)
    =
    let p: int -> Parameters<'T> = drawn normals case
    let x, y, z = p 0, p 1, p 2
    // a single sum is rounded the same way from both sides
    Expect.equal (x + y) (y + x) "commutative"
    expectClose (4.0 * epsilon) "associative" (flat ((x + y) + z)) (flat (x + (y + z)))

let private laws =
    testList
        "monoid"
        [
            property "exactly on integers, in both precisions" (fun (case: NetworkCase) ->
                lawsOnIntegers<float> case
                lawsOnIntegers<float32> case)
            property "within rounding on any numbers" (fun (case: NetworkCase) ->
                lawsWithinRounding<float> 2.3e-16 case
                lawsWithinRounding<float32> 1.2e-7 case)
            test "the sum of nothing is Zero" { Expect.equal (List.sum ([]: Parameters<float> list)) Empty "sum" }
            test "parameters of different networks cannot be added" {
                let affine weight bias =
                    Affine
                        {
                            Weight = Tensor.zeros<float> weight
                            Bias = Tensor.zeros bias
                        }

                let refuse part x y = expectRefusal part (fun () -> x + y)
                refuse "parameters of shapes 2x3 and 3x2" (affine [ 2; 3 ] [ 3 ]) (affine [ 3; 2 ] [ 3 ])
                refuse "parameters of shapes 3 and 2" (affine [ 2; 3 ] [ 3 ]) (affine [ 2; 3 ] [ 2 ])
                refuse "different networks" (Block [ Empty ]) (Block [ Empty; Empty ])
                refuse "different networks" (Block []) (affine [ 1 ] [ 1 ])
            }
        ]

/// Around the lengths at which sums are cut into four, and into parts.
let private normFollows<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> () =
    for count in [ 0; 1; 3; 4; 5; 100; 8191; 8192; 8193; 20001 ] do
        let x: Parameters<'T> =
            Affine
                {
                    Affine.Weight = normals count [ count ] |> cast<'T>
                    Bias = normals 1 [ 5 ] |> cast<'T>
                }

        // the squares are exact in double precision for float32; the order of their sum is not that of the naive one
        expectClose 1e-13 $"{count} numbers" [| Naive.norm (flat x) |] [| Parameters.norm x |]

let private functions =
    let x =
        Block
            [
                Affine
                    {
                        Affine.Weight = vector [ 1.0; 2.0 ]
                        Bias = vector [ 3.0 ]
                    }
                Empty
                Block
                    [
                        Affine
                            {
                                Weight = vector [ 4.0 ]
                                Bias = vector [ 5.0 ]
                            }
                    ]
            ]

    testList
        "functions"
        [
            test "names count the layers, as PyTorch's Sequential does" {
                Expect.equal
                    (List.map fst (Parameters.named x))
                    [ "0.weight"; "0.bias"; "2.0.weight"; "2.0.bias" ]
                    "names"

                Expect.equal (Parameters.count x) 5 "count"
            }
            test "scale and zerosLike keep the form" {
                Expect.sequenceEqual (flat (Parameters.scale -2.0 x)) [ -2.0; -4.0; -6.0; -8.0; -10.0 ] "scaled"
                Expect.sequenceEqual (flat (Parameters.zerosLike x)) [ 0.0; 0.0; 0.0; 0.0; 0.0 ] "zeros"
                Expect.equal (Parameters.zerosLike x + x) x "zeros add nothing"
            }
            test "norm is the length of all numbers together" {
                Expect.equal (Parameters.norm x) (sqrt 55.0) "sqrt(1 + 4 + 9 + 16 + 25)"
                Expect.equal (Parameters.norm (Empty: Parameters<float>)) 0.0 "nothing"
                normFollows<float>()
                normFollows<float32>()
            }
            test "norm of float32 numbers whose squares are too large for them" {
                let huge =
                    Affine
                        {
                            Affine.Weight = Tensor.ofSeq [ 1; 2 ] [ 3e30f; 0f ]
                            Bias = Tensor.ofSeq [ 1 ] [ -4e30f ]
                        }

                expectClose 1e-6 "norm" [| 5e30 |] [| Parameters.norm huge |]
            }
            test "map2 meets what stands in the same place" {
                let y = Parameters.scale 10.0 x

                let subtract (a: Tensor<float>) (b: Tensor<float>) =
                    Tensor.init a.Shape (fun i -> a[i] - b[i])

                Expect.sequenceEqual (flat (Parameters.map2 subtract x y)) [ -9.0; -18.0; -27.0; -36.0; -45.0 ] "map2"

                expectRefusal "different networks" (fun () -> Parameters.map2 subtract x Empty)
            }
            test "a NaN or an infinity anywhere is noticed" {
                Expect.isTrue (Parameters.isFinite x) "all finite"

                for wrong in [ nan; infinity; -infinity ] do
                    let spoilt =
                        x |> Parameters.map (Tensor.map (fun v -> if v = 5.0 then wrong else v))

                    Expect.isFalse (Parameters.isFinite spoilt) $"{wrong}"
            }
        ]

let tests = testList "parameters" [ laws; functions ]
