namespace Cnn

open System
open System.Collections.Generic
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Explanations

/// What a layer makes of one image.
[<Sealed>]
type LayerOutput internal (layer: LayerSummary, output: NumberGrid) =
    /// The layer.
    member _.Layer = layer

    /// [ channels; height; width ], [ channels; length ] or [ features ].
    member _.Output = output

/// One image on its way through a model, layer by layer, and back: which numbers each layer gave, and on what a score hangs.
/// It computes with the layers one after the other, not with the fused kernels: they agree within rounding.
[<Sealed>]
type Inspection private (model: Model, trace: LayerForward<float32> list, x: Tensor<float32>) =

    let withoutBatch (tensor: Tensor<float32>) =
        NumberGrid(tensor.Shape.Tail, tensor.ToArray())

    let logits = (List.last trace).Output

    let checkLabel (label: int) =
        if label < 0 || label >= model.Classes then
            raise (CnnException $"class {label} is not one of the model's {model.Classes} classes")

    let checkLayer (layer: int) =
        if layer < 0 || layer >= trace.Length then
            raise (CnnException $"layer {layer} is not one of the model's {trace.Length} layers, counted from 0")

    /// Runs one image, [ channels; height; width ] bytes. Raises CnnException where the bytes are not exactly one image.
    static member Of(model: Model, image: ReadOnlyMemory<byte>) : Inspection =
        let network = model.Trained.Network

        if image.Length <> Shape.size network.Input then
            raise (
                CnnException
                    $"{image.Length} bytes are not one {Shape.format network.Input} image of {Shape.size network.Input} bytes"
            )

        let x = model.Numbers image
        Inspection(model, Network.forward (Inference model.Trained.State) network model.Trained.Parameters x, x)

    /// The image as the network gets it: normalised. [ channels; height; width ]
    member _.Input = withoutBatch x

    /// What each layer gives, in order; the last are the logits.
    member _.Layers: IReadOnlyList<LayerOutput> =
        Seq.map2
            (fun layer (forward: LayerForward<float32>) -> LayerOutput(layer, withoutBatch forward.Output))
            model.Layers
            trace
        |> Array.ofSeq
        :> _

    /// The score of each class.
    member _.Logits: IReadOnlyList<float32> = logits.ToArray() :> _

    /// softmax of the logits.
    member _.Probabilities: IReadOnlyList<float> =
        logits
        |> Tensor.map float
        |> SoftmaxCrossEntropy.probabilities
        |> fun probabilities -> probabilities.ToArray() :> _

    /// The class with the largest score; of equal ones the first.
    member _.Predicted = (Classification.predictions logits)[0]

    /// The gradient of the score of a class for the input: how much a brighter pixel would raise it. [ channels; height; width ]
    /// Raises CnnException for a label that is not a class.
    member _.Saliency(label: int) : NumberGrid =
        checkLabel label
        withoutBatch (Saliency.ofInput label trace)

    /// Where a layer saw what speaks for a class, by Grad-CAM: one number, 0 or above, a cell of its output. [ height; width ] or
    /// [ length ]. Raises CnnException for a label that is not a class, and for a layer that is not there or has a flat output.
    member inspection.GradCam(layer: int, label: int) : NumberGrid =
        checkLayer layer
        checkLabel label

        if trace[layer].Output.Shape.Length < 3 then
            raise (
                CnnException
                    $"layer {layer}, {model.Layers[layer].Text}, has a flat output without places; Grad-CAM needs feature maps"
            )

        withoutBatch (GradCam.heat layer label trace)
