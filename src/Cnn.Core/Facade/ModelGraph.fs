namespace Cnn.Interchange

open System.Collections.Generic
open Cnn
open Cnn.Tensors

/// A model from a graph of operators.
[<Sealed>]
type ImportedModel internal (imported: ImportedNetwork) =
    let model = Model imported.Model

    member _.Model = model

    /// What its user should know of how it was read: lines without a full stop.
    member _.Remarks: IReadOnlyList<string> = Array.ofList imported.Remarks :> _

/// The models of the facade as graphs of operators, the contents of ONNX files.
[<AbstractClass; Sealed>]
type ModelGraph =

    /// The graph that computes the logits of a model from float32 pixels of 0 to 255.
    static member Export(model: Model) : OperatorGraph = GraphExport.ofNetwork model.Trained

    /// The mean and the deviation by which a byte of an image becomes what a network takes for a pixel, (byte / 255 - mean) / deviation:
    /// of "bytes" for 0 to 255 as they are, "unit" for parts of 255, or the two numbers themselves, "0.1307 0.3081". Raises CnnException
    /// when it is none of them.
    static member ReadPixels(pixels: string) : struct (float * float) =
        match PixelScale.parse pixels with
        | Ok normalization -> struct (normalization.Mean, normalization.StandardDeviation)
        | Error reason -> raise (CnnException reason)

    /// The model that a graph is. `pixels` is as in ReadPixels, or null to take what the graph says, or else what is usual. Raises
    /// CnnException with the rest of a sentence that starts with the file's name.
    static member Import(graph: OperatorGraph, pixels: string) : ImportedModel =
        let given =
            match pixels with
            | null -> Ok None
            | text -> PixelScale.parse text |> Result.map Some

        match given |> Result.bind (fun given -> GraphImport.ofGraph given graph) with
        | Ok imported when imported.Model.Network.Input.Length = 3 -> ImportedModel imported
        | Ok imported ->
            let example = Shape.format imported.Model.Network.Input

            raise (
                CnnException
                    $"its examples are {example}; the models here are for images, which are channels x rows x columns"
            )
        | Error reason -> raise (CnnException reason)
