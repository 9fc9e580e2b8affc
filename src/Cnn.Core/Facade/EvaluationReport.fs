namespace Cnn

open System
open Cnn.Training

/// How a model did on labelled images. Reports of parts add up to that of the whole.
[<Sealed>]
type EvaluationReport internal (evaluation: Evaluation) =
    let toNullable = Option.toNullable

    let check (label: int) =
        let classes = evaluation.Confusion.Shape.Head

        if label < 0 || label >= classes then
            raise (
                ArgumentOutOfRangeException(
                    nameof label,
                    label,
                    $"the classes are counted from 0, and there are {classes}"
                )
            )

    member internal _.Evaluation = evaluation

    /// Images that the model was asked about.
    member _.Examples = Evaluation.examples evaluation

    /// Those of them that it put into their own class.
    member _.Correct = Evaluation.correct evaluation

    /// Classes that the model knows.
    member _.Classes = evaluation.Confusion.Shape.Head

    /// Between 0 and 1; NaN for no examples.
    member _.Accuracy = Evaluation.accuracy evaluation

    /// Mean cross-entropy in nats; NaN for no examples.
    member _.Loss = Evaluation.meanLoss evaluation

    /// Examples of class `truth` that were taken for class `predicted`. Raises ArgumentOutOfRangeException for what is not a class.
    member report.Confusion(truth: int, predicted: int) =
        check truth
        check predicted
        evaluation.Confusion[truth * report.Classes + predicted]

    /// Of the examples taken for this class, the part that belongs there; null when there are none. Raises
    /// ArgumentOutOfRangeException for what is not a class.
    member _.Precision(label: int) =
        check label
        toNullable (Evaluation.precision evaluation label)

    /// Of the examples of this class, the part that was recognised; null when there are none. Raises ArgumentOutOfRangeException
    /// for what is not a class.
    member _.Recall(label: int) =
        check label
        toNullable (Evaluation.recall evaluation label)

    /// The report of the images of both.
    member _.Add(other: EvaluationReport) =
        EvaluationReport(evaluation + other.Evaluation)
