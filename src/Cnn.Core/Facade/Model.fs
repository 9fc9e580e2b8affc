namespace Cnn

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open System.Threading
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Fusion
open Cnn.Training
open Cnn.Storage

/// A network with its numbers: immutable, safe to share between threads.
/// Images are bytes, [ channels; height; width ] one after the other.
[<Sealed>]
type Model private (trained: TrainedNetwork, plan: Plan, bytes: float32[], isVerified: bool) =

    static let orRaise (result: Result<'T, string>) : 'T =
        match result with
        | Ok value -> value
        | Error reason -> raise (CnnException reason)

    let size = Shape.size trained.Network.Input

    // the network with its numbers packed, made when it is first asked for: most models of a training never are
    let mutable classifier: Classifier<float32> = null

    internal new(trained: TrainedNetwork) =
        Model(trained, Plan.ofNetwork trained.Network, Normalization.table trained.Normalization, true)

    /// The same network with other numbers.
    member internal _.With(parameters: Parameters<float32>, state: LayerState<float32>) : Model =
        Model(
            { trained with
                Parameters = parameters
                State = state
            },
            plan,
            bytes,
            true
        )

    /// The same network for inputs (byte / 255 - mean) / standardDeviation. Raises CnnException unless the first is finite and the
    /// second also above 0, and all inputs are finite with them.
    member _.WithNormalization(mean: float, standardDeviation: float) : Model =
        let inputs =
            Normalization.table
                {
                    Mean = mean
                    StandardDeviation = standardDeviation
                }

        if not (standardDeviation > 0.0 && Array.forall Single.IsFinite inputs) then
            raise (CnnException $"mean {mean} and standard deviation {standardDeviation} cannot normalise an image")

        Model
            { trained with
                Normalization =
                    {
                        Mean = mean
                        StandardDeviation = standardDeviation
                    }
            }

    /// Mean and standard deviation of WithNormalization, as parts of 255; 0 and 1 where inputs are left from 0 to 1.
    member _.Normalization: struct (float * float) =
        struct (trained.Normalization.Mean, trained.Normalization.StandardDeviation)

    /// What makes the mean of all bytes of some images 0 and their variance 1, for WithNormalization: their mean and standard
    /// deviation, as parts of 255. Raises CnnException where all bytes are the same, or there are none.
    static member NormalizationOf(pixels: ReadOnlyMemory<byte>) : struct (float * float) =
        match Normalization.ofBytes pixels.Span with
        | Ok n -> struct (n.Mean, n.StandardDeviation)
        | Error reason -> raise (CnnException reason)

    /// The named networks for this many classes, each in the text form.
    static member Presets(classes: int) : IReadOnlyDictionary<string, string> =
        dict (Architecture.presets classes) :?> _

    /// A fresh network. `architecture` is in the text form ("conv 8 3, relu, …"); `initializer` is "he", "glorot" or
    /// "normal:0.01"; the same seed draws the same weights. Raises CnnException when either text cannot be read or the layers do not
    /// fit the image.
    static member Create
        (
            architecture: string,
            channels: int,
            height: int,
            width: int,
            [<Optional; DefaultParameterValue("he")>] initializer: string,
            [<Optional; DefaultParameterValue(1)>] seed: int
        ) : Model =
        let network =
            Architecture.parse architecture
            |> Result.bind (Network.create [ channels; height; width ])
            |> orRaise

        let initializer = orRaise (Initializer.parse initializer)

        Model
            {
                Network = network
                Parameters =
                    Network.initialize initializer (Seed.stream Stream.Initialization (Seed.ofInt seed)) network
                State = Network.start network
                Normalization = Normalization.unit
                ClassNames = ClassNames.numbers network.Classes
                Command = ""
            }

    /// Reads layers in the text form, whatever image they may fit. Raises CnnException when they cannot be read.
    static member CheckArchitecture(architecture: string) : unit =
        Architecture.parse architecture |> orRaise |> ignore

    /// The model in the bytes of a model file, or of a checkpoint (the moving average of its weights, if it has one). Raises CnnException
    /// with the rest of a sentence that starts with the file's name: "it does not start with …".
    static member Decode(file: ReadOnlyMemory<byte>) : Model =
        let stored = orRaise (ModelFile.decode file)
        let trained = stored.Model

        Model(trained, Plan.ofNetwork trained.Network, Normalization.table trained.Normalization, stored.IsVerified)

    /// The bytes of a model file.
    member _.Encode() : byte[] = ModelFile.encode trained

    member internal _.Trained = trained

    /// False for a model from a file that held no digest of its own: such a file may have been damaged unnoticed.
    member _.IsVerified = isVerified

    /// The name of each class; its number where it has none.
    member _.ClassNames: IReadOnlyList<string> = Array.ofList trained.ClassNames :> _

    /// The same model with names for its classes. Raises CnnException unless there is one for each, all different, and all fit to be shown.
    member _.WithClassNames(names: IEnumerable<string>) : Model =
        Model
            { trained with
                ClassNames = orRaise (ClassNames.check trained.Network.Classes (List.ofSeq names))
            }

    /// The command that repeats the training, as it was noted; empty where none was.
    member _.TrainingCommand = trained.Command

    /// The same model with a note of the command that repeats its training.
    member _.WithTrainingCommand(command: string) : Model =
        Model { trained with Command = command }

    /// The layers in the text form.
    member _.Architecture = Architecture.format trained.Network.Layers

    /// Channels, height and width of an image.
    member _.InputShape: IReadOnlyList<int> = Array.ofList trained.Network.Input :> _

    /// The classes that it tells apart.
    member _.Classes = trained.Network.Classes

    /// Images of a mini-batch that it can be trained on, at least: batch normalisation behind flat layers needs two.
    member _.LeastBatch = plan.LeastExamples

    /// Learnable numbers.
    member _.ParameterCount = Parameters.count trained.Parameters

    /// Whether every number is finite: false after a training that diverged.
    member _.IsFinite =
        Parameters.isFinite trained.Parameters && LayerState.isFinite trained.State

    /// One row a layer.
    member _.Layers: IReadOnlyList<LayerSummary> =
        List.zip3 trained.Network.Layers trained.Network.Inputs trained.Network.Outputs
        |> List.mapi (fun i (layer, input, output) ->
            let parameters = int (Layer.parameterShapes layer input).Count

            LayerSummary(i, Architecture.formatLayer layer, output, parameters, Layer.multiplyAdds layer input output))
        |> Array.ofList
        :> _

    /// Images as the input of the network. Raises CnnException unless they are whole ones.
    member internal _.Input(pixels: ReadOnlyMemory<byte>) : Examples<float32> =
        if pixels.Length = 0 || pixels.Length % size <> 0 then
            raise (
                CnnException
                    $"{pixels.Length} bytes are not a whole number of {Shape.format trained.Network.Input} images of {size} bytes"
            )

        Examples.Bytes(pixels, bytes)

    /// Images as numbers, [ N; channels; height; width ]. Raises CnnException unless they are whole ones.
    member internal model.Numbers(pixels: ReadOnlyMemory<byte>) : Tensor<float32> =
        model.Input pixels |> ignore

        Tensor.create
            (pixels.Length / size :: trained.Network.Input)
            (Fill(fun target ->
                let source = pixels.Span

                for i in 0 .. target.Length - 1 do
                    target[i] <- bytes[int source[i]]))

    /// Labels as the core wants them; raises CnnException for one that is not a class.
    member internal _.Labels(labels: ReadOnlyMemory<byte>) : Tensor<int> =
        let classes = trained.Network.Classes

        Tensor.create
            [ labels.Length ]
            (Fill(fun target ->
                let source = labels.Span

                for i in 0 .. target.Length - 1 do
                    if int source[i] >= classes then
                        raise (
                            CnnException
                                $"label {source[i]} of example {i} is not one of the model's {classes} classes"
                        )

                    target[i] <- int source[i]))

    member internal model.Scores(pixels: ReadOnlyMemory<byte>, threads: int) : Tensor<float32> =
        let ready =
            LazyInitializer.EnsureInitialized(
                &classifier,
                fun () ->
                    let fresh = new Classifier<float32>(plan)
                    fresh.Prepared.PackAll(trained.Parameters, ValueSome trained.State)
                    fresh
            )

        DataParallel.classify threads ready Phases.nothing (model.Input pixels)

    /// The raw scores, computed on at most `threads` threads; how many does not change them. Raises CnnException unless the bytes are
    /// whole images.
    member model.Logits
        (pixels: ReadOnlyMemory<byte>, [<Optional; DefaultParameterValue(1)>] threads: int)
        : ScoreTable<float32> =
        ScoreTable(model.Scores(pixels, threads))

    /// The probability of each class: softmax of the logits, in double precision. Raises CnnException unless the bytes are whole
    /// images.
    member model.Probabilities
        (pixels: ReadOnlyMemory<byte>, [<Optional; DefaultParameterValue(1)>] threads: int)
        : ScoreTable<float> =
        model.Scores(pixels, threads)
        |> Tensor.map float
        |> SoftmaxCrossEntropy.probabilities
        |> ScoreTable

    /// What the model takes each image for. Raises CnnException unless the bytes are whole images, and where the scores of one are no
    /// longer finite, as after a training that diverged.
    member model.PredictAll
        (pixels: ReadOnlyMemory<byte>, [<Optional; DefaultParameterValue(1)>] threads: int)
        : IReadOnlyList<Prediction> =
        let probabilities = model.Probabilities(pixels, threads)
        let names = Array.ofList trained.ClassNames

        Array.init probabilities.Rows (fun image ->
            Prediction(
                Array.init probabilities.Columns (fun label ->
                    match probabilities[image, label] with
                    | p when Double.IsFinite p -> Candidate(label, names[label], p)
                    | _ ->
                        raise (
                            CnnException
                                $"the scores of image {image} are not finite numbers, as after a training that diverged"
                        ))
            ))
        :> _

    /// What the model takes one image for. Raises CnnException unless the bytes are exactly one image, and where its scores are not
    /// finite.
    member model.Predict(image: ReadOnlyMemory<byte>) : Prediction =
        if image.Length <> size then
            raise (
                CnnException
                    $"{image.Length} bytes are not one {Shape.format trained.Network.Input} image of {size} bytes"
            )

        model.PredictAll(image)[0]

    /// How the model does on labelled images, each label a class from 0. Raises CnnException unless the bytes are whole images with as
    /// many labels, all of classes that the model knows.
    member model.Evaluate
        (pixels: ReadOnlyMemory<byte>, labels: ReadOnlyMemory<byte>, [<Optional; DefaultParameterValue(1)>] threads: int) : EvaluationReport =
        if int64 labels.Length * int64 size <> int64 pixels.Length then
            raise (
                CnnException
                    $"{pixels.Length} bytes and {labels.Length} labels do not fit: each image has {size} bytes and one label"
            )

        EvaluationReport(Evaluation.ofLogits (model.Scores(pixels, threads)) (model.Labels labels))
