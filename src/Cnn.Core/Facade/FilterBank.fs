namespace Cnn

open System
open System.Collections.Generic
open Cnn.Tensors
open Cnn.Networks

/// Numbers in a shape, the last axis fastest.
[<Sealed>]
type NumberGrid internal (shape: Shape, values: float32[]) =
    /// Extents of the axes, outermost first.
    member _.Shape: IReadOnlyList<int> = Array.ofList shape :> _
    /// As many as the product of the extents.
    member _.Values = ReadOnlyMemory<float32> values

/// The filters of one convolution, as they are in the model.
[<Sealed>]
type FilterBank internal (name: string, text: string, weight: Tensor<float32>, bias: Tensor<float32>) =
    /// The name of the layer in the model file: "0", or "3.0.1" for a layer of a residual block.
    member _.Name = name
    /// The layer in the text form, such as "conv 8 3".
    member _.Text = text

    /// [ filters; channels; rows; columns ]; a convolution over signals has one row.
    member _.Weights =
        match weight.Shape with
        | [ filters; channels; length ] -> NumberGrid([ filters; channels; 1; length ], weight.ToArray())
        | shape -> NumberGrid(shape, weight.ToArray())

    /// One a filter.
    member _.Biases = NumberGrid(bias.Shape, bias.ToArray())

    /// The convolutions of a model, in order, those in residual blocks too.
    static member Of(model: Model) : IReadOnlyList<FilterBank> =
        let rec walk (prefix: string) (layers: Layer list) (parts: Parameters<float32> list) : FilterBank list =
            List.zip layers parts
            |> List.mapi (fun i (layer, parameters) ->
                match layer, parameters with
                | (Conv1d _ | Conv2d _), Affine p ->
                    [ FilterBank($"{prefix}{i}", Architecture.formatLayer layer, p.Weight, p.Bias) ]
                | Residual config, Block [ Block body; Block shortcut ] ->
                    walk $"{prefix}{i}.0." config.Body body
                    @ walk $"{prefix}{i}.1." config.Shortcut shortcut
                | _ -> [])
            |> List.concat

        match model.Trained.Parameters with
        | Block parts -> walk "" model.Trained.Network.Layers parts |> Array.ofList :> _
        | _ -> [||] :> _
