/// ONNX files run by ONNX Runtime, which shares no code with this project.
module Cnn.Tests.Interchange.OnnxJudge

open System
open Expecto
open Microsoft.ML.OnnxRuntime

/// Inputs of a run, at most: enough to keep both threads at work, few enough for any machine.
[<Literal>]
let private Batch = 500

/// What the only output of a file is for inputs of `shape` (one example), as many as there are; two threads.
let run (file: byte[]) (shape: int list) (inputs: float32[]) : float32[] =
    use options =
        new SessionOptions(IntraOpNumThreads = 2, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR)

    use session = new InferenceSession(file, options)
    use settings = new RunOptions()
    let input = Seq.exactlyOne session.InputNames
    let size = List.fold (*) 1 shape

    inputs
    |> Array.chunkBySize (Batch * size)
    |> Array.collect (fun chunk ->
        let extents = [| int64 (chunk.Length / size); yield! List.map int64 shape |]
        use tensor = OrtValue.CreateTensorValueFromMemory<float32>(chunk, extents)
        use outputs = session.Run(settings, [| input |], [| tensor |], session.OutputNames)
        outputs[0].GetTensorDataAsSpan<float32>().ToArray())

/// What a file notes beside its graph, as a program with ONNX Runtime finds it; and its documentation.
let notes (file: byte[]) : Map<string, string> * string =
    use session = new InferenceSession(file)
    let metadata = session.ModelMetadata
    Map [ for KeyValue(key, text) in metadata.CustomMetadataMap -> key, text ], metadata.Description

/// How the logits of two programs differ.
type Difference =
    {
        /// The largest difference of two logits, relative to the largest of our logits for that example.
        Largest: float
        /// Examples whose two best classes are further apart than the tolerance; all of them must be classified alike.
        Decided: int
        /// Examples among those that are classified otherwise.
        Otherwise: int
        /// Examples whose two best classes are too near to each other to tell.
        Undecided: int
    }

let private best (row: float32[]) : int = Array.IndexOf(row, Array.max row)

/// The differences of logits [ N; classes ], where numbers within `tolerance` of the largest in a row count as equal.
let compare (tolerance: float) (classes: int) (ours: float32[]) (theirs: float32[]) : Difference =
    Expect.equal theirs.Length ours.Length "logits"

    (({
        Largest = 0.0
        Decided = 0
        Otherwise = 0
        Undecided = 0
      },
      Array.chunkBySize classes ours,
      Array.chunkBySize classes theirs)
     |||> Array.fold2 (fun all ours theirs ->
         let scale = ours |> Array.map (float >> abs) |> Array.max

         let difference =
             Array.map2 (fun (a: float32) (b: float32) -> abs (float a - float b)) ours theirs
             |> Array.max

         let relative = if difference = 0.0 then 0.0 else difference / scale
         let sorted = ours |> Array.map float |> Array.sortDescending
         let isDecided = classes = 1 || sorted[0] - sorted[1] > tolerance * scale

         {
             // a NaN is to stay
             Largest = if relative <= all.Largest then all.Largest else relative
             Decided = all.Decided + Convert.ToInt32 isDecided
             Otherwise = all.Otherwise + Convert.ToInt32(isDecided && best ours <> best theirs)
             Undecided = all.Undecided + Convert.ToInt32(not isDecided)
         }))
