namespace Cnn.Interchange

open System
open System.Globalization
open Cnn.Networks
open Cnn.Storage
open Cnn.Interchange.NodeReading

/// x -> Scale x + Shift, what nodes at the start of a graph have done to the pixels.
type PixelScale = { Scale: float; Shift: float }

/// How the pixels of a graph become those of a model, whose inputs are always (byte / 255 - mean) / deviation. What a graph is given for
/// a byte has the same form: bytes as they are have a mean of 0 and a deviation of 1/255.
module PixelScale =

    /// What the graph is given: bytes as they are.
    let bytes: Normalization =
        {
            Mean = 0.0
            StandardDeviation = 1.0 / 255.0
        }

    /// Pixels as they come: no node has changed them.
    let none: PixelScale = { Scale = 1.0; Shift = 0.0 }

    /// Reads "bytes", "unit", or a mean and a deviation such as "0.1307 0.3081"; the Error is a sentence.
    let parse (text: string) : Result<Normalization, string> =
        let number (word: string) =
            match Double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, value when Double.IsFinite value -> Some value
            | _ -> None

        match
            text.Split([| ' '; ',' |], 3, StringSplitOptions.RemoveEmptyEntries)
            |> List.ofArray
        with
        | [ "bytes" ] -> Ok bytes
        | [ "unit" ] -> Ok Normalization.unit
        | [ mean; deviation ] ->
            match number mean, number deviation with
            | Some mean, Some deviation when deviation > 0.0 ->
                Ok
                    {
                        Mean = mean
                        StandardDeviation = deviation
                    }
            | _ -> Error $"{Quotation.quote text} is not a mean and a deviation above 0, such as \"0.1307 0.3081\""
        | _ -> Error $"{Quotation.quote text} is not bytes, unit, or a mean and a deviation such as \"0.1307 0.3081\""

    /// What a node with one constant makes of pixels: `operator` is Add, Sub, Mul or Div, and `isFirst` says that the pixels stand before
    /// the constant.
    let apply
        (operator: string)
        (isFirst: bool)
        (constant: GraphTensor)
        (scale: PixelScale)
        : Result<PixelScale, string> =
        result {
            let! numbers = GraphTensor.singles constant
            do! refuseUnless (numbers.Count > 0) "it has a constant without numbers"
            let number = float numbers[0]

            do!
                refuseUnless
                    (Array.forall (fun value -> value = numbers[0]) (numbers.ToArray()))
                    "it normalises each channel by a number of its own; here all pixels are normalised alike"

            let! changed =
                match operator with
                | "Add" ->
                    Ok
                        { scale with
                            Shift = scale.Shift + number
                        }
                | "Sub" when isFirst ->
                    Ok
                        { scale with
                            Shift = scale.Shift - number
                        }
                | "Mul" ->
                    Ok
                        {
                            Scale = scale.Scale * number
                            Shift = scale.Shift * number
                        }
                | "Div" when isFirst ->
                    Ok
                        {
                            Scale = scale.Scale / number
                            Shift = scale.Shift / number
                        }
                | _ -> Error "it takes pixels from a constant, or divides one by them; no normalisation here does that"

            do!
                refuseUnless
                    (Double.IsFinite changed.Scale
                     && Double.IsFinite changed.Shift
                     && changed.Scale > 0.0)
                    "it does not normalise pixels: it turns them round, or makes them infinite or 0"

            return changed
        }

    /// Inputs of a network beyond this are none that anyone trains with: such a graph must expect pixels from 0 to 1.
    [<Literal>]
    let private Largest = 100.0

    /// What a graph expects that nobody has said it of: bytes if its own nodes scale them down, else parts of 255.
    let assumed (scale: PixelScale) : Normalization =
        if scale.Scale * 255.0 <= Largest then
            bytes
        else
            Normalization.unit

    /// The normalisation of the model, for a graph that is given pixels as `given` says and then changes them by `scale`.
    let compose (given: Normalization) (scale: PixelScale) : Normalization =
        {
            Mean = given.Mean - scale.Shift / scale.Scale * given.StandardDeviation
            StandardDeviation = given.StandardDeviation / scale.Scale
        }
