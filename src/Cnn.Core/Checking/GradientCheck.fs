namespace Cnn.Checking

open System
open MathNet.Numerics.Distributions
open Cnn.Tensors

/// What a forward pass gives to the check: its output, and which way each of its kinks went.
type Probe =
    {
        Output: Tensor<float>
        Branches: int[]
    }

/// One function with its hand-derived gradient, and the point at which to check it.
type Subject =
    {
        /// The operation, such as "conv2d".
        Operation: string
        /// What is special about this case, such as "5x8, kernel 2x4, stride 3x2".
        Case: string
        /// The tensors that the gradient is taken for, by name.
        Inputs: (string * Tensor<float>) list
        Forward: Tensor<float> list -> Probe
        /// The gradients for all inputs, given the gradient for the output.
        Backward: Tensor<float> list -> Tensor<float> -> Tensor<float> list
    }

/// The verdict on the gradient of one tensor.
type Finding =
    {
        Operation: string
        Case: string
        Tensor: string
        /// max |analytic - numeric| / max(max |analytic|, max |numeric|) over the entries that were compared; the divisor is no less than
        /// what makes the rounding error of a numeric gradient pass, for some gradients are 0: batch normalisation hides a bias before it.
        Error: float
        /// Entries that were probed.
        Entries: int
        /// Of these, the entries that were left out because a kink lies between the two probes.
        Kinks: int
    }

    /// The most that Error may be.
    static member Tolerance = 1e-7

    /// The largest part of the entries that may be left out.
    static member MostKinks = 0.02

    member finding.Passed =
        finding.Error <= Finding.Tolerance
        && float finding.Kinks <= Finding.MostKinks * float finding.Entries

/// Compares gradients that were derived on paper with central differences, in double precision:
///
///   numeric[i] = (L(x + h e_i) - L(x - h e_i)) / 2h,   L(x) = sum of dy * forward(x),   dy random
///
/// The random dy matters: with all ones, a gradient that mixes up its entries can go unseen. The truncation error
/// falls with h², the rounding error grows with 1/h; in double precision they meet near h = 1e-5. Here h = 1e-6: the
/// rounding error is still far below the tolerance, and kinks lie between the probes ten times less often.
///
/// ReLU and max-pooling have kinks, where the two probes see different functions. A kink is an entry for which a mask
/// or an arg-max differs between the probes, never a mere disagreement of the two gradients.
module GradientCheck =

    /// h, the same for every entry.
    [<Literal>]
    let StepSize = 1e-6

    /// Entries of a tensor that are probed, at most; a larger tensor is sampled.
    [<Literal>]
    let MostEntries = 128

    /// Rounding errors of a sum of numbers of this size, in a central difference.
    let private rounding (size: float) : float =
        16.0 * (1.0 - Double.BitDecrement 1.0) * size / StepSize

    let private replace (index: int) (value: float) (x: Tensor<float>) : Tensor<float> =
        Tensor.create
            x.Shape
            (Fill(fun values ->
                x.Span.CopyTo values
                values[index] <- value))

    let private dot (x: Tensor<float>) (y: Tensor<float>) =
        (0.0, Seq.init x.Count id) ||> Seq.fold (fun sum i -> sum + x[i] * y[i])

    /// A tensor of standard normal numbers.
    let normal (seed: Seed) (shape: Shape) : Tensor<float> =
        let distribution = Normal(0.0, 1.0, Seed.generator seed)
        Tensor.init shape (fun _ -> distribution.Sample())

    /// Which entries of a tensor to probe, in order.
    let private sample (seed: Seed) (count: int) : int[] =
        if count <= MostEntries then
            Array.init count id
        else
            MathNet.Numerics.Combinatorics.GeneratePermutation(count, Seed.generator seed)
            |> Array.take MostEntries
            |> Array.sort

    /// Checks every input of a subject, one after the other as the findings are asked for.
    let findings (seed: Seed) (subject: Subject) : Finding seq =
        let inputs = List.map snd subject.Inputs
        let output = (subject.Forward inputs).Output
        let dy = normal (Seed.split 0 seed) output.Shape
        let analytic = subject.Backward inputs dy

        let size = Seq.init output.Count id |> Seq.sumBy (fun i -> abs (output[i] * dy[i]))

        let probe (which: int) (entry: int) (shift: float) =
            inputs
            |> List.mapi (fun i x -> if i = which then replace entry (x[entry] + shift) x else x)
            |> subject.Forward

        List.zip subject.Inputs analytic
        |> Seq.ofList
        |> Seq.mapi (fun which ((name, x), gradient) ->
            let compared =
                sample (Seed.split (which + 1) seed) x.Count
                |> Array.map (fun entry ->
                    let above = probe which entry StepSize
                    let below = probe which entry -StepSize

                    if above.Branches <> below.Branches then
                        None
                    else
                        Some(gradient[entry], (dot above.Output dy - dot below.Output dy) / (2.0 * StepSize)))

            let pairs = Array.choose id compared

            let largest f =
                (0.0, pairs) ||> Array.fold (fun most pair -> max most (abs (f pair)))

            let difference = largest (fun (a, n) -> a - n)
            let least = rounding size / Finding.Tolerance
            let scale = max least (max (largest fst) (largest snd))

            {
                Operation = subject.Operation
                Case = subject.Case
                Tensor = name
                // two gradients of zero agree; a NaN in either makes the error NaN, which never passes
                Error =
                    if pairs |> Array.exists (fun (a, n) -> not (Double.IsFinite(a - n))) then
                        Double.NaN
                    elif difference = 0.0 then
                        0.0
                    else
                        difference / scale
                Entries = compared.Length
                Kinks = compared.Length - pairs.Length
            })

    /// Checks every input of a subject.
    let check (seed: Seed) (subject: Subject) : Finding list = List.ofSeq (findings seed subject)
