namespace Cnn

open System
open System.Collections.Generic
open System.Globalization
open System.Runtime.InteropServices

/// A class that an image may be of, and how probable that is to a model.
[<Sealed>]
type Candidate internal (label: int, name: string, probability: float) =
    /// The number of the class, from 0.
    member _.Label = label

    /// Its name; its number where it has none.
    member _.Name = name

    /// From 0 to 1.
    member _.Probability = probability

    /// Name and probability apart: `foreach ((string name, double probability) in prediction.Candidates)`.
    member _.Deconstruct([<Out>] name': byref<string>, [<Out>] probability': byref<float>) : unit =
        name' <- name
        probability' <- probability

    /// Such as "7 (99.87 %)".
    override _.ToString() =
        String.Format(CultureInfo.InvariantCulture, "{0} ({1:0.00} %)", name, 100.0 * probability)

/// What a model takes an image for.
[<Sealed>]
type Prediction internal (classes: Candidate[]) =
    // the sort is stable: of equal ones, the first class is the answer, as it is for the logits
    let ranked =
        classes |> Array.sortWith (fun a b -> b.Probability.CompareTo a.Probability)

    /// The number of the most probable class, from 0; of equal ones the first.
    member _.Label = ranked[0].Label

    /// Its name; its number where it has none.
    member _.Name = ranked[0].Name

    /// How probable it is to the model, from 0 to 1.
    member _.Probability = ranked[0].Probability

    /// All classes, the most probable first.
    member _.Candidates: IReadOnlyList<Candidate> = Array.AsReadOnly ranked :> _

    /// The probability of each class, in the order of the classes.
    member _.Probabilities: IReadOnlyList<float> =
        classes |> Array.map (fun one -> one.Probability) :> _

    /// Such as "7 (99.87 %)".
    override _.ToString() = ranked[0].ToString()
