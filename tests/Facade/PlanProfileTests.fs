/// What a profile says of a plan's costs, against the layers one by one; and that its stages run. How long they take is nobody's
/// business here.
module Cnn.Tests.Facade.PlanProfileTests

open System
open Expecto
open Cnn.Tests.Support
open Cnn
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks

let private batch = 6

let private images (model: Model) : ReadOnlyMemory<byte> =
    let pixels = Array.zeroCreate (batch * Seq.fold (*) 1 model.InputShape)
    Random(1).NextBytes pixels
    ReadOnlyMemory pixels

let private labels = ReadOnlyMemory(Array.init batch (fun i -> byte (i % 10)))

let private create (architecture: string) : Model =
    Model.Create(architecture, 1, 28, 28, "he", 3)

let private profile (model: Model) =
    PlanProfile.Create(model, images model, labels)

/// Presets, and what they lack: strides, windows that overlap, leave rows out or only average, signals of odd sizes.
let private architectures =
    [
        yield! (Model.Presets 10).Values
        yield "conv 5 4 stride 3, relu, conv 7 3 pad 1, pool 3 stride 2, relu, flatten, dense 9, relu, dense 10"
        yield "conv 3 5 stride 2 pad 2, avgpool 2, conv 4 2, relu, pool 2, relu, flatten, dense 10"
        yield "flatten, dense 10"
    ]

let private eachCase (action: Model -> PlanProfile -> unit) =
    for architecture in architectures do
        let model = create architecture
        use profile = profile model
        action model profile

let tests =
    testList
        "Facade.PlanProfile"
        [
            test "dense costs are those of the layers, the input's gradient spared at the bottom" {
                eachCase (fun model profile ->
                    Expect.equal
                        (profile.Stages |> Seq.sumBy (fun stage -> stage.DenseForward))
                        (model.Layers |> Seq.sumBy (fun layer -> layer.MultiplyAdds))
                        $"forward through {model.Architecture}"

                    profile.Stages
                    |> Seq.iteri (fun i stage ->
                        Expect.equal
                            stage.DenseBackward
                            (stage.DenseForward * (if i = 0 then 1L else 2L))
                            $"backward through {stage.Name}"))
            }
            test "names of stages make up the network" {
                eachCase (fun model profile ->
                    let names = profile.Stages |> Seq.map (fun stage -> stage.Name)
                    Expect.equal (String.Join(", ", names)) model.Architecture "stages in order")
            }
            test "behind pooling, gradients cost what their entries above 0 do, and never more than dense ones" {
                let presets = Model.Presets 10
                let model = create presets["deep"]
                use profile = profile model
                let stage = profile.Stages[1]

                // each positive maximum has one winner, through which its gradient goes on to weights and inputs
                let pixels = images model

                let x = Tensor.init [ batch; 1; 28; 28 ] (fun i -> float32 pixels.Span[i] / 255f)

                let trace =
                    Network.forward training model.Trained.Network model.Trained.Parameters x

                let alive =
                    trace[5].Output.ToArray() |> Array.filter (fun y -> y > 0f) |> Array.length

                let patch = 16 * 3 * 3

                Expect.equal
                    stage.ExecutedBackward
                    (2.0 * float alive * float patch / float batch)
                    "multiply-adds of the second convolution"

                Expect.isGreaterThan alive 0 "entries above 0"
                Expect.isLessThanOrEqual stage.ExecutedBackward (0.25 * float stage.DenseBackward) "one cell of four"
            }
            test "executed costs are above 0 where there are any, and forward at most dense" {
                eachCase (fun _ profile ->
                    for stage in profile.Stages do
                        Expect.isLessThanOrEqual stage.ExecutedForward (float stage.DenseForward) $"{stage.Name}"
                        Expect.equal (stage.ExecutedForward > 0.0) (stage.DenseForward > 0L) $"{stage.Name}"
                        Expect.equal (stage.ExecutedBackward > 0.0) (stage.DenseForward > 0L) $"{stage.Name}")
            }
            test "rows that no window of the pooling sees are not computed" {
                use profile = profile (create "conv 2 2, pool 2, flatten, dense 10")
                let stage = profile.Stages[0]
                // 27 rows, of which 13 windows see 26
                Expect.equal (27.0 * stage.ExecutedForward) (26.0 * float stage.DenseForward) "26 of 27 rows"
            }
            test "every stage runs as often as wanted, in any order, until the end" {
                eachCase (fun _ profile ->
                    for i in [ profile.Stages.Count - 1 .. -1 .. 0 ] @ [ 0 .. profile.Stages.Count - 1 ] do
                        profile.RunBackward i
                        profile.RunForward i

                    Expect.equal profile.Images batch "images"
                    Expect.throwsT<ArgumentOutOfRangeException> (fun () -> profile.RunForward -1) "before the first"

                    Expect.throwsT<ArgumentOutOfRangeException>
                        (fun () -> profile.RunBackward profile.Stages.Count)
                        "behind the last"

                    (profile :> IDisposable).Dispose()
                    Expect.throwsT<ObjectDisposedException> (fun () -> profile.RunForward 0) "after the end")
            }
            test "the numbers that stages run on are those of the model" {
                eachCase (fun model profile ->
                    Expect.sequenceEqual
                        (profile.Logits.ToArray())
                        (model.Logits(images model, 1).ToArray())
                        $"logits of {model.Architecture}")
            }
            test "images without labels are refused" {
                let model = create "flatten, dense 10"

                Expect.throwsT<CnnException>
                    (fun () -> PlanProfile.Create(model, images model, labels.Slice 1) |> ignore)
                    "one label too few"
            }
            test "the loop of the peak does what it counts, at every width" {
                for bits in [ 512; 256; 128; 0 ] do
                    // x / 2 + 1 / 2 tends to 1, and rounds to it
                    Expect.equal (Processor.OfBits<float32>(bits).Peak 100L) 12f $"float32 with {bits} bits"
                    Expect.equal (Processor.OfBits<float>(bits).Peak 100L) 12.0 $"float64 with {bits} bits"

                Expect.equal (VectorUnit.RunSinglePrecision 5L) (int64 (2 * 12 * VectorUnit.SingleLanes * 5)) "float32"
                Expect.equal (VectorUnit.RunDoublePrecision 5L) (int64 (2 * 12 * VectorUnit.DoubleLanes * 5)) "float64"

                Expect.throwsT<ArgumentException> (fun () -> VectorUnit.RunSinglePrecision 0L |> ignore) "no rounds"
            }
        ]
