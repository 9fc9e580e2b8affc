namespace Cnn.Storage

open System
open System.Collections.Generic
open System.Globalization
open Cnn.Tensors
open Cnn.Networks
open Cnn.Training

/// A run at one moment, in a file: a safetensors file with all that the next step depends on and that is not known before the first
/// one. What is known then (network, optimiser, options, seed) is written down as well, so that a file of another run is refused.
///
/// Tensors: "parameters.0.weight", …; "first." and "second." for the averages of the optimiser; "state." for what layers keep;
/// "average." and "average_state." for the moving averages.
module CheckpointFile =

    [<Literal>]
    let private Version = "1"

    let private averages (average: OptimizerState<float32>) =
        [ "first.", average.First; "second.", average.Second ]

    /// Every tensor of a state, under its name.
    let private named (state: TrainingState<float32>) : (string * Tensor<float32>) list =
        let below (prefix: string) =
            List.map (fun (name, tensor) -> prefix + name, tensor)

        let parameters =
            [
                "parameters.", state.Parameters
                yield! averages state.OptimizerState
                "average.", Option.defaultValue Empty state.Average
            ]
            |> List.collect (fun (prefix, p) -> below prefix (Parameters.named p))

        let states =
            [
                "state.", state.State
                "average_state.", Option.defaultValue Stateless state.AverageState
            ]
            |> List.collect (fun (prefix, s) -> below prefix (LayerState.named s))

        parameters @ states

    let private texts (numbers: float list) =
        numbers |> List.map ModelMetadata.exact |> String.concat " "

    let private ofOptimizer (optimizer: Optimizer) : string =
        let adam (name: string) (c: AdamConfig) =
            name + " " + texts [ c.Beta1; c.Beta2; c.Epsilon; c.WeightDecay ]

        match optimizer with
        | Sgd decay -> "sgd " + texts [ decay ]
        | Momentum(momentum, decay) -> "momentum " + texts [ momentum; decay ]
        | Nesterov(momentum, decay) -> "nesterov " + texts [ momentum; decay ]
        | Adam config -> adam "adam" config
        | AdamW config -> adam "adamw" config

    let private ofOptions (options: LearningOptions) : string =
        let orNone = Option.map ModelMetadata.exact >> Option.defaultValue "none"

        $"decay {ModelMetadata.exact options.WeightDecay}, smoothing {ModelMetadata.exact options.LabelSmoothing}, clip {orNone options.ClipNorm}, average {orNone options.AverageDecay}"

    /// What is known before the first step, and cannot be otherwise in a later moment of the same run.
    let private identity
        (run: string)
        (model: TrainedNetwork)
        (state: TrainingState<float32>)
        : (string * string) list =
        let (Seed seed) = state.Seed

        ModelMetadata.write model
        @ [
            "run", run
            "optimizer", ofOptimizer state.Optimizer
            "options", ofOptions state.Options
            "seed", string seed
        ]

    let private whole (value: int64) =
        value.ToString CultureInfo.InvariantCulture

    /// How far the run is.
    let private position (state: TrainingState<float32>) : (string * string) list =
        [
            "epoch", whole (int64 state.Epoch)
            "step", whole state.Step
            "optimizer_steps", whole state.OptimizerState.Steps
            "examples", whole (int64 state.Progress.Examples)
            "loss", ModelMetadata.exact state.Progress.Loss
            "correct", whole (int64 state.Progress.Correct)
            match state.Best with
            | Some best ->
                "best_epoch", whole (int64 best.Epoch)
                "best_accuracy", ModelMetadata.exact best.Accuracy
            | None -> ()
        ]

    /// The bytes of the file, or a sentence where they would be too many.
    let encode (run: string) (model: TrainedNetwork) (state: TrainingState<float32>) : Result<byte[], string> =
        let format = [ "format", ModelFile.CheckpointFormat; "version", Version ]
        let tensors = named state

        if Safetensors.fits tensors then
            Ok(
                Safetensors.encode
                    {
                        Metadata = readOnlyDict (format @ identity run model state @ position state)
                        Tensors = tensors
                    }
            )
        else
            Error "the state of so large a network does not fit into a checkpoint, which may have 2 GB"

    let private integer (metadata: IReadOnlyDictionary<string, string>) (key: string) : Result<int64, string> =
        ModelMetadata.find metadata key
        |> Result.bind (fun text ->
            match Int64.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, value -> Ok value
            | _ -> Error $"its {key} is not a whole number")

    let private count (metadata: IReadOnlyDictionary<string, string>) (key: string) : Result<int, string> =
        integer metadata key
        |> Result.bind (fun value ->
            if value <= int64 Int32.MaxValue then
                Ok(int value)
            else
                Error $"its {key} is too large")

    let private number (metadata: IReadOnlyDictionary<string, string>) (key: string) : Result<float, string> =
        ModelMetadata.find metadata key |> Result.bind (ModelMetadata.number key)

    let private best (metadata: IReadOnlyDictionary<string, string>) : Result<Score option, string> =
        if metadata.ContainsKey "best_epoch" then
            match count metadata "best_epoch", number metadata "best_accuracy" with
            | Ok epoch, Ok accuracy -> Ok(Some { Epoch = epoch; Accuracy = accuracy })
            | Error reason, _
            | _, Error reason -> Error reason
        else
            Ok None

    /// `start`, moved to where the metadata say.
    let private moved (metadata: IReadOnlyDictionary<string, string>) (start: TrainingState<float32>) =
        match integer metadata "step", integer metadata "optimizer_steps", best metadata with
        | Ok step, Ok steps, Ok best ->
            match
                count metadata "epoch", count metadata "examples", number metadata "loss", count metadata "correct"
            with
            | Ok epoch, Ok _, Ok _, Ok _ when step < int64 epoch || best |> Option.exists (fun b -> b.Epoch > epoch) ->
                Error "it is of a moment that no run can have"
            | Ok epoch, Ok examples, Ok loss, Ok correct ->
                Ok
                    { start with
                        Epoch = epoch
                        Step = step
                        Progress =
                            {
                                Examples = examples
                                Loss = loss
                                Correct = correct
                            }
                        Best = best
                        OptimizerState =
                            { start.OptimizerState with
                                Steps = steps
                            }
                    }
            | Error reason, _, _, _
            | _, Error reason, _, _
            | _, _, Error reason, _
            | _, _, _, Error reason -> Error reason
        | Error reason, _, _
        | _, Error reason, _
        | _, _, Error reason -> Error reason

    /// Whether variances, and averages of squares, are such as a training can give.
    let private hasPossibleStates (tensors: (string * Tensor<float32>) list) : bool =
        tensors
        |> List.filter (fun (name, _) ->
            name.EndsWith(".running_var", StringComparison.Ordinal)
            || name.StartsWith("second.", StringComparison.Ordinal))
        |> List.forall (fun (_, tensor) -> Array.forall (fun value -> value >= 0.0f) (tensor.ToArray()))

    /// `state` with the tensors of a file in the place of its own, all of the same names and shapes.
    let private filled (tensors: (string * Tensor<float32>) list) (state: TrainingState<float32>) =
        let places = named state |> List.map (fun (name, tensor) -> name, tensor.Shape)

        if places <> (tensors |> List.map (fun (name, tensor) -> name, tensor.Shape)) then
            Error "its tensors are not those of such a run"
        elif not (tensors |> List.forall (fun (_, tensor) -> Tensor.isFinite tensor)) then
            Error "it holds numbers that are not finite"
        elif not (hasPossibleStates tensors) then
            Error "it holds a negative variance"
        else
            let table = dict tensors

            let parameters (prefix: string) (old: Parameters<float32>) =
                Parameters.rebuild (Parameters.named old |> List.map (fun (name, _) -> table[prefix + name])) old

            let layers (prefix: string) (old: LayerState<float32>) =
                LayerState.rebuild (LayerState.named old |> List.map (fun (name, _) -> table[prefix + name])) old

            Ok
                { state with
                    Parameters = parameters "parameters." state.Parameters
                    OptimizerState =
                        { state.OptimizerState with
                            First = parameters "first." state.OptimizerState.First
                            Second = parameters "second." state.OptimizerState.Second
                        }
                    State = layers "state." state.State
                    Average = state.Average |> Option.map (parameters "average.")
                    AverageState = state.AverageState |> Option.map (layers "average_state.")
                }

    /// The moment of a run that the bytes hold, for a run that starts with `start`; or what is wrong with them, as the rest of a sentence
    /// that starts with the file's name. `run` is what it was encoded with.
    let restore
        (run: string)
        (model: TrainedNetwork)
        (start: TrainingState<float32>)
        (file: ReadOnlyMemory<byte>)
        : Result<TrainingState<float32>, string> =
        let isHeld (metadata: IReadOnlyDictionary<string, string>) (key: string, value: string) =
            match metadata.TryGetValue key with
            | true, held -> held = value
            | _ -> false

        Safetensors.decode file
        |> Result.bind (fun contents ->
            let metadata = contents.Metadata

            if not (isHeld metadata ("format", ModelFile.CheckpointFormat)) then
                Error "it is not a checkpoint"
            elif not (isHeld metadata ("version", Version)) then
                Error $"it is not of version {Version}, the one that this program reads"
            elif not (metadata.ContainsKey FileDigest.Key) then
                Error $"it is damaged: its {FileDigest.Key} is missing"
            else
                match identity run model start |> List.tryFind (not << isHeld metadata) with
                | Some("run", _) -> Error "it belongs to another run, or this one has other settings now"
                | Some(key, _) ->
                    Error $"it belongs to another run, or this one was given other settings: its {key} is not the same"
                | None -> moved metadata start |> Result.bind (filled contents.Tensors))
