/// Looking inside a model from the host: the numbers are those of the model itself.
module Cnn.Tests.Facade.InspectionTests

open System
open Expecto
open Cnn
open Cnn.Networks
open Cnn.Tests.Support

let private create (architecture: string) =
    Model.Create(architecture, 2, 8, 7, "he", 5).WithNormalization(0.3, 0.5)

let private model =
    create
        "conv 3 3 pad 1, relu, residual(conv 3 3 pad 1, batchnorm, relu, conv 3 1 | conv 3 1), pool 2, flatten, dense 6, relu, dense 4"

let private pixels (images: int) : ReadOnlyMemory<byte> =
    let bytes = Array.zeroCreate<byte>(images * 2 * 8 * 7)
    Random(4).NextBytes bytes
    ReadOnlyMemory bytes

let private refused (part: string) (action: unit -> 'R) =
    Expect.throwsC (action >> ignore) (fun problem ->
        Expect.isTrue (problem :? CnnException) $"{problem}"
        Expect.stringContains problem.Message part "what the refusal says")

let tests =
    testList
        "Facade.Inspection"
        [
            test "filters have the names and the numbers of the model file, in residual blocks too" {
                let named = Parameters.named model.Trained.Parameters |> Map.ofList
                let banks = List.ofSeq (FilterBank.Of model)
                Expect.equal [ for bank in banks -> bank.Name ] [ "0"; "2.0.0"; "2.0.3"; "2.1.0" ] "names"

                for bank in banks do
                    let weight = named[bank.Name + ".weight"]
                    Expect.sequenceEqual bank.Weights.Shape weight.Shape "shape"
                    Expect.sequenceEqual (bank.Weights.Values.ToArray()) (weight.ToArray()) "weights"
                    Expect.sequenceEqual (bank.Biases.Values.ToArray()) (named[bank.Name + ".bias"].ToArray()) "biases"

                Expect.equal banks[0].Text "conv 3 3 pad 1" "text"
                Expect.isEmpty (FilterBank.Of(create "flatten, dense 3")) "no convolutions"
            }
            test "logits, probabilities and answer are those of the model" {
                let image = pixels 1
                let inspection = Inspection.Of(model, image)
                let logits = tensor (model.Logits(image, 1))
                expectClose 1e-5 "logits" (numbers logits) (Seq.map float inspection.Logits |> Array.ofSeq)

                expectClose
                    1e-5
                    "probabilities"
                    (model.Probabilities(image, 1).ToArray())
                    (Array.ofSeq inspection.Probabilities)

                let last = Seq.last inspection.Layers
                Expect.sequenceEqual (last.Output.Values.ToArray()) inspection.Logits "the last layer"

                Expect.equal
                    inspection.Predicted
                    (Seq.indexed inspection.Logits |> Seq.maxBy snd |> fst)
                    "the largest of them"
            }
            test "the input is normalised, layers are in order, with their shapes" {
                let image = pixels 1
                let inspection = Inspection.Of(model, image)
                Expect.sequenceEqual inspection.Input.Shape [ 2; 8; 7 ] "shape"
                let first = (float image.Span[0] / 255.0 - 0.3) / 0.5
                Expect.floatClose Accuracy.medium (float inspection.Input.Values.Span[0]) first "the first pixel"

                for layer, summary in Seq.zip inspection.Layers model.Layers do
                    Expect.equal layer.Layer.Text summary.Text "layer"

                    Expect.equal (String.Join("x", layer.Output.Shape)) summary.OutputShape $"what {summary.Text} gives"

                Expect.sequenceEqual (inspection.Saliency 3).Shape [ 2; 8; 7 ] "saliency"
                Expect.sequenceEqual (inspection.GradCam(3, 1)).Shape [ 4; 3 ] "heat"
            }
            test "an embedding does not hang on the threads, and sees images apart from each other" {
                let images = pixels 70
                let one = Embedding.Of(model, 6, images, 1)
                let three = Embedding.Of(model, 6, images, 3)
                Expect.equal one.Count 70 "images"

                for image in 0..69 do
                    for axis in 0..1 do
                        Expect.equal (three.Point(image, axis)) (one.Point(image, axis)) "the same bits"

                Expect.isGreaterThanOrEqual (one.Explained 0) (one.Explained 1) "the first explains most"
                Expect.equal (Embedding.LastHidden model) (Nullable 6) "relu behind dense 6"
                Expect.equal (Embedding.LastHidden(create "flatten, dense 3")) (Nullable 0) "flatten"
            }
            test "what is not there is refused in a sentence" {
                let inspection = Inspection.Of(model, pixels 1)
                refused "not one 2x8x7 image of 112 bytes" (fun () -> Inspection.Of(model, pixels 2))
                refused "class 4 is not one of the model's 4 classes" (fun () -> inspection.Saliency 4)
                refused "class -1" (fun () -> inspection.GradCam(0, -1))
                refused "layer 8 is not one of the model's 8 layers" (fun () -> inspection.GradCam(8, 0))
                refused "has a flat output" (fun () -> inspection.GradCam(4, 0))
                refused "layer 9" (fun () -> Embedding.Of(model, 9, pixels 2, 1))
            }
        ]
