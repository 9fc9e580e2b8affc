/// The check of gradients, checked itself: what is right passes, kinks are told from errors.
module Cnn.Tests.Checking.GradientCheckTests

open System
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Checking
open Cnn.Tests.Support

let private describe (finding: Finding) =
    $"{finding.Operation}, {finding.Case}, {finding.Tensor}: "
    + $"error {finding.Error:E2}, kinks {finding.Kinks} of {finding.Entries}"

let private realPasses seed =
    test $"every operation and network passes, seed {seed}" {
        let findings =
            GradientCases.all Backwards.real (Seed.ofInt seed)
            |> List.collect (GradientCheck.check (Seed.ofInt seed))

        let failed =
            findings |> List.filter (fun finding -> not finding.Passed) |> List.map describe

        Expect.isEmpty failed "gradients that failed"

        let operations =
            findings |> List.map (fun finding -> finding.Operation) |> List.distinct

        Expect.equal
            operations
            [
                "conv1d"
                "conv2d"
                "max-pool"
                "avg-pool"
                "relu"
                "flatten"
                "identity"
                "leaky-relu"
                "silu"
                "gelu"
                "tanh"
                "batch-norm"
                "dropout"
                "global-average-pool"
                "dense"
                "softmax-ce"
                "network"
                "fused"
            ]
            "what was checked"
    }

/// A ReLU over these numbers, with a backward pass of choice.
let private subject (backward: Relu.Cache<float> -> Tensor<float> -> Tensor<float>) (x: Tensor<float>) : Subject =
    {
        Operation = "relu"
        Case = "by hand"
        Inputs = [ "input", x ]
        Forward =
            fun tensors ->
                let y = Relu.forward tensors.Head |> outputOf

                {
                    Output = y
                    Branches = y.ToArray() |> Array.map (fun v -> if v > 0.0 then 1 else 0)
                }
        Backward = fun tensors dy -> [ backward (Relu.forward tensors.Head |> cacheOf) dy ]
    }

let private real cache dy = (Relu.backward cache dy).Input

/// 100 numbers well away from 0, of which the first few are put closer to it than the step.
let private nearKinks count =
    Tensor.init [ 100 ] (fun i ->
        if i < count then
            0.3 * GradientCheck.StepSize
        else
            float (i % 7) - 3.5)

let private check subject =
    GradientCheck.check (Seed.ofInt 1) subject |> List.exactlyOne

let private kinks =
    testList
        "kinks"
        [
            test "an entry with a kink between its probes is counted, not compared" {
                let finding = subject real (nearKinks 1) |> check
                Expect.equal (finding.Entries, finding.Kinks) (100, 1) "entries and kinks"
                Expect.isLessThan finding.Error 1e-8 "the error of the others"
                Expect.isTrue finding.Passed (describe finding)
            }
            test "were it compared, it would look like a wrong gradient" {
                let blind = subject real (nearKinks 1)

                let finding =
                    check
                        { blind with
                            Forward =
                                fun tensors ->
                                    { blind.Forward tensors with
                                        Branches = [||]
                                    }
                        }

                Expect.equal finding.Kinks 0 "kinks"
                Expect.isGreaterThan finding.Error 0.01 "the error"
            }
            test "2% kinks pass, 3% do not" {
                Expect.isTrue (subject real (nearKinks 2) |> check).Passed "2 of 100"
                let finding = subject real (nearKinks 3) |> check
                Expect.equal finding.Kinks 3 "kinks"
                Expect.isFalse finding.Passed "3 of 100"
            }
            test "a disagreement without a kink is no kink" {
                let oneWrong (cache: Relu.Cache<float>) dy =
                    let right = real cache dy
                    Tensor.init right.Shape (fun i -> if i = 7 then right[i] + 1.0 else right[i])

                let finding = subject oneWrong (nearKinks 0) |> check
                Expect.equal finding.Kinks 0 "kinks"
                Expect.isFalse finding.Passed (describe finding)
            }
            test "nor does a kink elsewhere excuse it" {
                let oneWrong (cache: Relu.Cache<float>) dy =
                    let right = real cache dy
                    Tensor.init right.Shape (fun i -> if i = 99 then right[i] + 1.0 else right[i])

                let finding = subject oneWrong (nearKinks 1) |> check
                Expect.equal finding.Kinks 1 "kinks"
                Expect.isFalse finding.Passed (describe finding)
            }
            test "all kinks is no success" {
                let finding = subject real (Tensor.init [ 10 ] (fun _ -> 0.0)) |> check
                Expect.equal finding.Kinks 10 "kinks"
                Expect.isFalse finding.Passed (describe finding)
            }
        ]

let private verdicts =
    let spoilt value (cache: Relu.Cache<float>) dy =
        let right = real cache dy
        Tensor.init right.Shape (fun i -> if i = 42 then value else right[i])

    let finding error : Finding =
        {
            Operation = ""
            Case = ""
            Tensor = ""
            Error = error
            Entries = 100
            Kinks = 0
        }

    testList
        "verdicts"
        [
            for value in [ nan; infinity; -infinity ] do
                test $"a gradient of {value} fails" {
                    let finding = subject (spoilt value) (nearKinks 0) |> check
                    Expect.isFalse finding.Passed (describe finding)
                }
            test "a forward pass that gives NaN fails" {
                let right = subject real (nearKinks 0)

                let nans tensors =
                    { right.Forward tensors with
                        Output = Tensor.init [ 100 ] (fun _ -> nan)
                    }

                Expect.isFalse (check { right with Forward = nans }).Passed "NaN all over"
            }
            test "a gradient of zeros for a function that does not move passes" {
                let finding = subject real (Tensor.init [ 10 ] (fun _ -> -1.0)) |> check
                Expect.equal (finding.Error, finding.Passed) (0.0, true) "error"
            }
            test "the error is relative to the largest gradient" {
                let scaled (cache: Relu.Cache<float>) dy =
                    real cache dy |> Tensor.map (fun g -> g * (1.0 + 1e-3))

                let finding = subject scaled (nearKinks 0) |> check
                Expect.floatClose { absolute = 1e-6; relative = 0.0 } finding.Error 1e-3 "error"
            }
            test "1e-7 passes, more does not, NaN neither" {
                Expect.isTrue (finding 1e-7).Passed "at the tolerance"
                Expect.isFalse (finding 1.01e-7).Passed "above it"
                Expect.isFalse (finding nan).Passed "NaN"
            }
            test "a large tensor is sampled, always the same entries of it" {
                let large = subject real (normals 3 [ 1000 ])
                let first, second = check large, check large
                Expect.equal first.Entries GradientCheck.MostEntries "entries"
                Expect.equal first second "the same finding"
                Expect.isTrue first.Passed (describe first)
            }
        ]

/// A network whose layers run forward as they are, with one layer's way back replaced.
let private wholeNetwork (wrong: Layer) (backward: LayerForward<float> -> Tensor<float> -> LayerGradient<float>) =
    let network =
        network [ 1; 8; 8 ] "conv 3 3, relu, pool 2, flatten, dense 6, relu, dense 4"

    let parameters: Parameters<float> = Network.initialize He (Seed.ofInt 1) network
    let labels = Tensor.ofSeq [ 3 ] [ 0; 3; 1 ]

    let run (tensors: Tensor<float> list) =
        let table =
            List.zip (List.map fst (Parameters.named parameters)) tensors.Tail |> Map.ofList

        let rebuilt =
            match Network.assemble (fun name _ -> Ok(Map.find name table)) network with
            | Ok parameters -> parameters
            | Error reason -> failtest reason

        let trace = Network.forward training network rebuilt tensors.Head
        trace, SoftmaxCrossEntropy.forward labels (List.last trace).Output

    GradientCheck.check
        (Seed.ofInt 2)
        {
            Operation = "network"
            Case = "by hand"
            Inputs = ("input", normals 5 [ 3; 1; 8; 8 ]) :: Parameters.named parameters
            Forward =
                fun tensors ->
                    let trace, struct (loss, _) = run tensors

                    {
                        Output = Tensor.ofSeq [ 1 ] [ loss ]
                        Branches = trace |> List.map (fun layer -> layer.Branches()) |> Array.concat
                    }
            Backward =
                fun tensors dy ->
                    let trace, struct (_, cache) = run tensors

                    let trace =
                        (network.Layers, trace)
                        ||> List.map2 (fun layer forward ->
                            if layer = wrong then
                                { forward with
                                    LayerForward.Backward = backward forward
                                }
                            else
                                forward)

                    let dlogits = (SoftmaxCrossEntropy.backward cache dy[0]).Logits

                    Network.inputGradient trace dlogits
                    :: (Network.backward trace dlogits |> Parameters.named |> List.map snd)
        }
    |> List.filter (fun finding -> not finding.Passed)
    |> List.map (fun finding -> finding.Tensor)

let private networks =
    testList
        "a whole network"
        [
            test "passes as it is" {
                Expect.isEmpty (wholeNetwork Relu (fun layer -> layer.Backward)) "tensors that failed"
            }
            test "without the masks of its ReLUs fails from there down" {
                let skipped _ dy = { Input = dy; Parameters = Empty }

                Expect.equal
                    (wholeNetwork Relu skipped)
                    [ "input"; "0.weight"; "0.bias"; "4.weight"; "4.bias" ]
                    "tensors that failed"
            }
            test "with the mean where the sum belongs fails where it is taken" {
                let mean (layer: LayerForward<float>) dy =
                    let gradient = layer.Backward dy

                    { gradient with
                        Parameters = Parameters.scale (1.0 / 3.0) gradient.Parameters
                    }

                let last = Dense { Inputs = None; Outputs = 4 }
                Expect.equal (wholeNetwork last mean) [ "6.weight"; "6.bias" ] "tensors that failed"
            }
        ]

let tests =
    testList "gradient check" [ realPasses 1; realPasses 20240; kinks; verdicts; networks ]
