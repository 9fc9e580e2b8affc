module Cnn.Tests.Tensors.RandomTests

open Expecto
open Cnn.Tensors
open Cnn.Training

/// The first numbers that a seed gives.
let private draws (seed: Seed) : float list =
    let generator = Seed.generator seed
    [ for _ in 1..4 -> generator.NextDouble() ]

let private streams =
    [
        Stream.Initialization
        Stream.Shuffle
        Stream.Augmentation
        Stream.Split
        Stream.Dropout
    ]

let tests =
    testList
        "random"
        [
            test "the same seed gives the same numbers" {
                Expect.equal (draws (Seed.ofInt 7)) (draws (Seed.ofInt 7)) "root"
                Expect.equal (draws (Seed.split 3 (Seed.ofInt 7))) (draws (Seed.split 3 (Seed.ofInt 7))) "child"
            }
            test "roots, streams and children all draw differently" {
                let root = Seed.ofInt 1

                let seeds =
                    [ for number in 0..50 -> Seed.ofInt number ]
                    @ [ for purpose in streams -> Seed.stream purpose root ]
                    // past the numbers of the streams, which are children too
                    @ [ for index in 5..200 -> Seed.split index root ]
                    @ [ for index in 0..50 -> root |> Seed.split 0 |> Seed.split index ]

                Expect.equal (seeds |> List.distinct |> List.length) seeds.Length "seeds"
                Expect.equal (seeds |> List.map draws |> List.distinct |> List.length) seeds.Length "numbers"
            }
            test "negative numbers are seeds of their own" {
                Expect.notEqual (draws (Seed.ofInt -1)) (draws (Seed.ofInt 1)) "-1 and 1"
            }
            test "a stream keeps its number, or old runs could not be repeated" {
                Expect.equal (List.map int streams) [ 0; 1; 2; 3; 4 ] "numbers"
            }
            test "the numbers themselves stay what they were when this test was written" {
                // a change here would make every run that was published with its seed another one
                Expect.equal ((TrainingState.order (Seed.ofInt 1) 0 8).ToArray()) [| 2; 0; 4; 7; 1; 5; 3; 6 |] "order"
            }
            test "bits by position are the numbers of SplitMix64 in turn" {
                // what the generator's authors' own C code prints for this state
                Expect.equal
                    [ for position in 0..4 -> Seed.bits position (Seed 1234567UL) ]
                    [
                        6457827717110365317UL
                        3203168211198807973UL
                        9817491932198370423UL
                        4593380528125082431UL
                        16408922859458223821UL
                    ]
                    "numbers"
            }
            test "numbers of neighbouring children are uncorrelated" {
                let first index =
                    (Seed.ofInt 5 |> Seed.split index |> Seed.generator).NextDouble()

                let values = [| for i in 0..9999 -> first i - 0.5 |]
                // of 10,000 independent products of uniform numbers the mean stays within 5 deviations of 1/12/100
                let mean = values |> Array.pairwise |> Array.averageBy (fun (a, b) -> a * b)
                Expect.isLessThan (abs mean) (5.0 / 1200.0) "mean product"
                Expect.isLessThan (abs (Array.average values)) (5.0 * 0.2887 / 100.0) "mean"
            }
        ]
