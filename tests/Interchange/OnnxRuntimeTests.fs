/// What ONNX Runtime computes, and what we compute.
module Cnn.Tests.Interchange.OnnxRuntimeTests

open System
open System.IO
open System.Text.Json
open Expecto
open Cnn
open Cnn.Host.Data
open Cnn.Host.Onnx
open Cnn.Interchange
open Cnn.Networks
open Cnn.Storage
open Cnn.Tensors
open Cnn.Tests.NetworkCases
open Cnn.Tests.Properties
open Cnn.Tests.Support
open Cnn.Tests.Interchange.GraphCases

/// Differences of logits that count as none, relative to the largest logit of an example.
[<Literal>]
let private Tolerance = 1e-5

/// Networks that the program has a name for, with whether their inputs are normalised.
let private named: (string * string * bool) list =
    let recipes = Path.Combine(AppContext.BaseDirectory, "recipes")

    let ofRecipe (file: string) =
        use recipe =
            JsonDocument.Parse(File.ReadAllText file, JsonDocumentOptions(CommentHandling = JsonCommentHandling.Skip))

        let normalizes =
            match recipe.RootElement.TryGetProperty "normalize" with
            | true, value -> value.GetBoolean()
            | _ -> false

        $"recipe {Path.GetFileNameWithoutExtension file}",
        recipe.RootElement.GetProperty("arch").GetString().Replace("classes", "10"),
        normalizes

    [
        for KeyValue(name, architecture) in Model.Presets 10 -> $"preset {name}", architecture, false
        yield! Directory.GetFiles(recipes, "*.json") |> Array.sort |> Array.map ofRecipe
    ]

let private data = lazy DataSource.Open DataSource.Default

/// A model after a few steps from a seed: enough that no weight and no statistic is what it starts as.
let private trained (architecture: string) (normalizes: bool) (seed: int) : Model =
    let images = data.Value.LoadTraining(ImageForm.Any).Slice(1000 * seed, 640)
    let fresh = Model.Create(architecture, 1, 28, 28, "he", seed)

    let model =
        if normalizes then
            let struct (mean, deviation) = Model.NormalizationOf(ReadOnlyMemory images.Pixels)
            fresh.WithNormalization(mean, deviation)
        else
            fresh

    (Trainer.Start(model, "nesterov", seed), [ 0..4 ])
    ||> List.fold (fun trainer i ->
        let batch = images.Slice(128 * i, 128)
        trainer.Step(ReadOnlyMemory batch.Pixels, ReadOnlyMemory batch.Labels, 0.02, 2).Trainer)
    |> _.Model

let private judged =
    testSequenced
    <| testList
        "by ONNX Runtime, on all test images"
        [
            for index, (name, architecture, normalizes) in List.indexed named do
                test name {
                    let model = trained architecture normalizes (index + 1)
                    let images = data.Value.LoadTest(ImageForm.Any)
                    Expect.equal images.Count 10_000 "test images"
                    let ours = model.Logits(ReadOnlyMemory images.Pixels, 2)

                    let theirs =
                        OnnxJudge.run
                            (OnnxWriter.Encode(ModelGraph.Export model))
                            (List.ofSeq model.InputShape)
                            (Array.map float32 images.Pixels)

                    let difference = OnnxJudge.compare Tolerance 10 (ours.ToArray()) theirs

                    Console.Out.WriteLine(
                        $"{name}: largest relative difference {difference.Largest:E1}, "
                        + $"{difference.Decided} of {images.Count} images decided, {difference.Otherwise} of them otherwise"
                    )

                    Expect.isLessThanOrEqual difference.Largest Tolerance "largest relative difference"
                    Expect.equal difference.Otherwise 0 "images that are classified otherwise"
                    Expect.isGreaterThan difference.Decided 9_900 "images that are not on the edge"
                }
        ]

/// LeNet as PyTorch exports a Sequential: inputs that are normalised before, weights of dense layers [ Out; In ].
let private lenet (flatten: GraphNode list) (flattenConstants: GraphTensor list) : OperatorGraph =
    let convolution (name: string) (input: string) (padding: int64) =
        node
            "Conv"
            [ input; name + ".weight"; name + ".bias" ]
            $"{name}_output"
            [
                "dilations", Integers [ 1L; 1L ]
                "group", Integer 1L
                "kernel_shape", Integers [ 5L; 5L ]
                "pads", Integers(List.replicate 4 padding)
                "strides", Integers [ 1L; 1L ]
            ]

    let pool (input: string) (output: string) =
        node
            "MaxPool"
            [ input ]
            output
            [
                "ceil_mode", Integer 0L
                "dilations", Integers [ 1L; 1L ]
                "kernel_shape", Integers [ 2L; 2L ]
                "pads", Integers [ 0L; 0L; 0L; 0L ]
                "strides", Integers [ 2L; 2L ]
            ]

    let dense (name: string) (input: string) (output: string) =
        node
            "Gemm"
            [ input; name + ".weight"; name + ".bias" ]
            output
            [ "alpha", Number 1.0f; "beta", Number 1.0f; "transB", Integer 1L ]

    graph
        (images 1 28 28)
        ([
            convolution "0" "x" 2L
            node "Relu" [ "0_output" ] "1" []
            pool "1" "2"
            convolution "3" "2" 0L
            node "Relu" [ "3_output" ] "4" []
            pool "4" "5"
         ]
         @ flatten
         @ [
             dense "7" "6" "7_output"
             node "Relu" [ "7_output" ] "8" []
             dense "9" "8" "9_output"
             node "Relu" [ "9_output" ] "10" []
             dense "11" "10" "y"
         ])
        ([
            constant "0.weight" [ 6; 1; 5; 5 ] 1
            constant "0.bias" [ 6 ] 2
            constant "3.weight" [ 16; 6; 5; 5 ] 3
            constant "3.bias" [ 16 ] 4
            constant "7.weight" [ 120; 400 ] 5
            constant "7.bias" [ 120 ] 6
            constant "9.weight" [ 84; 120 ] 7
            constant "9.bias" [ 84 ] 8
            constant "11.weight" [ 10; 84 ] 9
            constant "11.bias" [ 10 ] 10
         ]
         @ flattenConstants)

/// What Keras or an older exporter might write: another epsilon, no biases, products, padding in words, a softmax at the end.
let private mixed: OperatorGraph =
    let variance =
        normals 20 [ 4 ] |> Tensor.map (fun value -> 0.5 + value * value) |> cast

    graph
        (images 1 28 28)
        [
            node "Conv" [ "x"; "a" ] "c" [ "auto_pad", Text "SAME_UPPER"; "kernel_shape", Integers [ 3L; 3L ] ]
            node
                "BatchNormalization"
                [ "c"; "scale"; "shift"; "mean"; "variance" ]
                "n"
                [ "epsilon", Number 1e-3f; "momentum", Number 0.99f ]
            node "LeakyRelu" [ "n" ] "l" [ "alpha", Number 0.2f ]
            node "AveragePool" [ "l" ] "p" [ "kernel_shape", Integers [ 2L; 2L ]; "strides", Integers [ 2L; 2L ] ]
            node "Conv" [ "p"; "b"; "bb" ] "d" [ "strides", Integers [ 2L; 2L ]; "pads", Integers [ 1L; 1L; 1L; 1L ] ]
            node "Conv" [ "p"; "e" ] "f" [ "strides", Integers [ 2L; 2L ] ]
            node "Add" [ "f"; "eb" ] "fb" []
            node "Add" [ "d"; "fb" ] "s" []
            node "Sigmoid" [ "s" ] "gate" []
            node "Mul" [ "gate"; "s" ] "silu" []
            node "ReduceMean" [ "silu"; "axes" ] "g" [ "keepdims", Integer 0L ]
            node "Tanh" [ "g" ] "t" []
            node "MatMul" [ "t"; "w" ] "m" []
            node "Add" [ "m"; "wb" ] "logits" []
            node "Identity" [ "logits" ] "y" []
        ]
        [
            constant "a" [ 4; 1; 3; 3 ] 11
            constant "scale" [ 4 ] 12
            constant "shift" [ 4 ] 13
            constant "mean" [ 4 ] 14
            GraphTensor.ofTensor "variance" variance
            constant "b" [ 8; 4; 3; 3 ] 15
            constant "bb" [ 8 ] 16
            constant "e" [ 8; 4; 1; 1 ] 17
            constant "eb" [ 8; 1; 1 ] 18
            constant "w" [ 8; 10 ] 19
            constant "wb" [ 10 ] 21
            whole "axes" [ 2L; 3L ]
        ]

let private expectImported (name: string) (architecture: string) (graph: OperatorGraph) =
    test name {
        let file = OnnxWriter.Encode graph
        let model = ModelGraph.Import(OnnxReader.Decode file, "0.1307 0.3081").Model
        Expect.equal model.Architecture architecture "layers"
        let images = data.Value.LoadTest(ImageForm.Any).Slice(0, 500)

        let inputs =
            Normalization.table
                {
                    Mean = 0.1307
                    StandardDeviation = 0.3081
                }

        let theirs =
            OnnxJudge.run file (List.ofSeq model.InputShape) (images.Pixels |> Array.map (fun byte -> inputs[int byte]))

        let ours = model.Logits(ReadOnlyMemory images.Pixels, 2).ToArray()
        let difference = OnnxJudge.compare Tolerance model.Classes ours theirs
        Expect.isLessThanOrEqual difference.Largest Tolerance "largest relative difference"
        Expect.equal difference.Otherwise 0 "images that are classified otherwise"
    }

let private imported =
    let flattened = "conv 6 5 pad 2, relu, pool 2, conv 16 5, relu, pool 2, flatten"
    let layers = flattened + ", dense 120, relu, dense 84, relu, dense 10"

    testList
        "files of other programs give the logits that ONNX Runtime gives"
        [
            lenet [ node "Flatten" [ "5" ] "6" [ "axis", Integer 1L ] ] []
            |> expectImported "LeNet as PyTorch writes it" layers
            lenet [ node "Reshape" [ "5"; "shape" ] "6" [ "allowzero", Integer 1L ] ] [ whole "shape" [ -1L; 400L ] ]
            |> expectImported "LeNet with its flat layer as a shape" layers
            mixed
            |> expectImported
                "batch normalisation with another epsilon, a residual sum, silu, tanh, products"
                ("conv 4 3 pad 1, batchnorm, leakyrelu 0.2, avgpool 2, "
                 + "residual(conv 8 3 stride 2 pad 1 | conv 8 1 stride 2), silu, gap, tanh, dense 10")
        ]

let private noted =
    test "names of classes and documentation are there for programs" {
        let model =
            Model
                .Create("flatten, dense 2", 1, 2, 2, "he", 1)
                .WithNormalization(0.25, 0.5)
                .WithClassNames([ "cat"; "ein \"Hund\"" ])
                .WithTrainingCommand("cnn train --seed 1")

        let notes, documentation =
            OnnxJudge.notes (OnnxWriter.Encode(ModelGraph.Export model))

        Expect.equal notes["format"] "functional-cnn" "format"
        Expect.equal notes["architecture"] "flatten, dense 2" "architecture"
        Expect.equal notes["mean"] "0.25" "mean"
        Expect.equal notes["command"] "cnn train --seed 1" "command"

        Expect.sequenceEqual
            (JsonSerializer.Deserialize<string[]> notes["class_names"])
            [ "cat"; "ein \"Hund\"" ]
            "names"

        Expect.stringContains documentation "pixels from 0 to 255" "documentation"
    }

let tests = testList "Interchange.OnnxRuntime" [ imported; noted; judged ]
