namespace Cnn

open System
open Cnn.Tensors
open Cnn.Networks
open Cnn.Training
open Cnn.Explanations

/// The outputs of one layer for many images, on the plane in which they differ most.
[<Sealed>]
type Embedding private (projection: Projection) =

    // images that go through the layers at once: their numbers stay in the cache
    static let shard = 32

    /// Images.
    member _.Count = projection.Points.Shape.Head

    /// Where an image lies on a component: 0 is the one with the largest variance.
    member _.Point(image: int, axis: int) =
        projection.Points[image * projection.Explained.Length + axis]

    /// The part of the variance that lies along a component.
    member _.Explained(axis: int) = projection.Explained[axis]

    /// The index of the last hidden layer of a model, whose output the last layer with parameters gets; null where that
    /// gets the image itself.
    static member LastHidden(model: Model) : Nullable<int> =
        let last =
            model.Layers
            |> Seq.tryFindIndexBack (fun layer -> layer.Parameters > 0)
            |> Option.defaultValue 0

        if last = 0 then Nullable() else Nullable(last - 1)

    /// Projects what a layer gives for some images on their first two principal components. Raises CnnException for a layer that is
    /// not there, or bytes that are not whole images.
    static member Of(model: Model, layer: int, pixels: ReadOnlyMemory<byte>, threads: int) : Embedding =
        let network = model.Trained.Network

        if layer < 0 || layer >= network.Layers.Length then
            raise (
                CnnException $"layer {layer} is not one of the model's {network.Layers.Length} layers, counted from 0"
            )

        let x = model.Numbers pixels
        let count = x.Shape.Head
        let width = Shape.size network.Outputs[layer]
        let shards = (count + shard - 1) / shard
        let outputs: Tensor<float32>[] = Array.zeroCreate shards

        let run (i: int) =
            let part = Tensor.slice (i * shard) (min shard (count - i * shard)) x

            let trace =
                Network.forward (Inference model.Trained.State) network model.Trained.Parameters part

            outputs[i] <- trace[layer].Output |> Tensor.reshape [ part.Shape.Head; width ]

        Phases.run threads [| Phases.phase shards run |]
        let rows = Tensor.concat (List.ofArray outputs)

        if not (Tensor.isFinite rows) then
            raise (CnnException $"layer {layer} gives numbers that are not finite")

        Embedding(PrincipalComponents.project 2 rows)
