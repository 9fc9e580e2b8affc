// The functions behind the facade: one operation forward and backward, its gradient checked by hand, and a training as a fold.
//
//   ./cnn info                      builds what is referred to here
//   dotnet fsi samples/pure.fsx

#r "../artifacts/bin/Cnn.Host/release/Cnn.Core.dll"
#r "../artifacts/bin/Cnn.Host/release/MathNet.Numerics.dll"

open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Training

// ---- one convolution, forward and backward --------------------------------------------------------------------

let random = Seed.generator (Seed.ofInt 1)

let numbers (shape: Shape) : Tensor<float> =
    Tensor.init shape (fun _ -> random.NextDouble() - 0.5)

// two images of one channel, three filters of 3x3, stride 1, a frame of zeros of width 1
let config = Conv2d.square 3 3 1 1
let x, weight, bias = numbers [ 2; 1; 5; 5 ], numbers [ 3; 1; 3; 3 ], numbers [ 3 ]
let struct (y, cache) = Conv2d.forward config weight bias x
printfn $"convolution: {Shape.format x.Shape} -> {Shape.format y.Shape}"

// any loss will do; for sum(dy * y), dy is the gradient of the output
let dy = numbers y.Shape

let loss (w: Tensor<float>) : float =
    let struct (y, _) = Conv2d.forward config w bias x
    Seq.sumBy (fun i -> dy[i] * y[i]) (seq { 0 .. y.Count - 1 })

let gradient = Conv2d.backward weight cache dy

/// The weights with the first one moved a little.
let moved (h: float) =
    Tensor.init weight.Shape (fun i -> if i = 0 then weight[i] + h else weight[i])

let numeric = (loss (moved 1e-5) - loss (moved -1e-5)) / 2e-5
printfn $"d loss / d weight[0]: {gradient.Weight[0]:F6} by backward, {numeric:F6} by a central difference"

// ---- a training, as a fold over mini-batches ------------------------------------------------------------------

// lying and standing bars on 8x8 pixels, with noise
let images, labels = 64, Tensor.init [ 64 ] (fun n -> n % 2)

let bars =
    Tensor.init [ images; 1; 8; 8 ] (fun i ->
        let n, row, column = i / 64, i / 8 % 8, i % 8
        let place = n / 2 % 8

        let bar =
            if (if labels[n] = 0 then row else column) = place then
                1.0f
            else
                0.0f

        bar + float32 (random.NextDouble() - 0.5))

let orRaise (result: Result<'T, string>) = Result.defaultWith failwith result

let network =
    Architecture.parse "conv 4 3 pad 1, relu, pool 2, flatten, dense 2"
    |> Result.bind (Network.create [ 1; 8; 8 ])
    |> orRaise

let adam = Optimizer.named |> List.find (fst >> (=) "adam") |> snd

let start: TrainingState<float32> =
    TrainingState.start adam He (Seed.ofInt 7) network

/// All states of a run; each is a value that can be kept, compared or gone on from.
let run (threads: int) =
    (start, Seq.init 60 (fun step -> step % 4 * 16))
    ||> Seq.scan (fun state first ->
        let batch, classes = Tensor.slice first 16 bars, Tensor.slice first 16 labels
        let struct (next, _) = TrainingState.step threads 0.02 batch classes state
        next)
    |> List.ofSeq

/// Accuracy and loss on all bars.
let report (state: TrainingState<float32>) =
    let evaluation =
        Evaluation.ofLogits (Network.logits network state.Parameters state.State bars) labels

    $"{100.0 * Evaluation.accuracy evaluation:F1} %% right, loss {Evaluation.meanLoss evaluation:F3}"

let states = run 1

for step in [ 0; 20; 60 ] do
    printfn $"after {step, 2} steps: {report states[step]}"

let bits (state: TrainingState<float32>) =
    Parameters.named state.Parameters
    |> List.map (fun (_, tensor) -> tensor.ToArray())

printfn $"two threads, the same bits: {List.map bits (run 2) = List.map bits states}"
