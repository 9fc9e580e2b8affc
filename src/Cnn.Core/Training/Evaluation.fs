namespace Cnn.Training

open Cnn.Tensors
open Cnn.Operations

/// How a network did on labelled examples. Evaluations of parts add up to that of the whole.
type Evaluation =
    {
        /// Summed cross-entropy, in nats.
        Loss: float
        /// Confusion[true class; predicted class], a count of examples. [ K; K ]
        Confusion: Tensor<int>
    }

    static member (+)(x: Evaluation, y: Evaluation) : Evaluation =
        {
            Loss = x.Loss + y.Loss
            Confusion = Tensor.init x.Confusion.Shape (fun i -> x.Confusion[i] + y.Confusion[i])
        }

module Evaluation =

    /// Of logits [ N; K ] against labels [ N ]. Raises ArgumentException for a label that is not a class.
    let ofLogits (logits: Tensor<'T>) (labels: Tensor<int>) : Evaluation =
        let classes = logits.Shape[1]
        let struct (loss, _) = SoftmaxCrossEntropy.forward labels logits
        let predicted = Classification.predictions logits

        {
            Loss = loss
            Confusion =
                Tensor.create
                    [ classes; classes ]
                    (Fill(fun counts ->
                        for n in 0 .. labels.Count - 1 do
                            let cell = labels[n] * classes + predicted[n]
                            counts[cell] <- counts[cell] + 1))
        }

    let private classes (evaluation: Evaluation) = evaluation.Confusion.Shape.Head

    let private count (evaluation: Evaluation) (truth: int) (predicted: int) =
        evaluation.Confusion[truth * classes evaluation + predicted]

    /// How many examples were seen.
    let examples (evaluation: Evaluation) : int =
        Seq.init evaluation.Confusion.Count (fun i -> evaluation.Confusion[i])
        |> Seq.sum

    /// How many were put into their own class.
    let correct (evaluation: Evaluation) : int =
        Seq.init (classes evaluation) (fun k -> count evaluation k k) |> Seq.sum

    /// correct / examples; NaN for no examples.
    let accuracy (evaluation: Evaluation) : float =
        float (correct evaluation) / float (examples evaluation)

    /// Loss per example, in nats; NaN for no examples.
    let meanLoss (evaluation: Evaluation) : float =
        evaluation.Loss / float (examples evaluation)

    let private ratio (part: int) (whole: int) =
        if whole = 0 then None else Some(float part / float whole)

    /// Of the examples put into this class, the part that belongs there; None when there are none.
    let precision (evaluation: Evaluation) (k: int) : float option =
        ratio (count evaluation k k) (Seq.init (classes evaluation) (fun t -> count evaluation t k) |> Seq.sum)

    /// Of the examples of this class, the part that was put there; None when there are none.
    let recall (evaluation: Evaluation) (k: int) : float option =
        ratio (count evaluation k k) (Seq.init (classes evaluation) (fun p -> count evaluation k p) |> Seq.sum)
