namespace Cnn

open System.Collections.Generic
open Cnn.Checking
open Cnn.Tensors

/// Whether the gradient of one tensor, derived on paper, agrees with central differences.
[<Sealed>]
type GradientFinding internal (finding: Finding) =
    /// The most that Error may be.
    static member Tolerance = Finding.Tolerance

    /// The operation, such as "conv2d".
    member _.Operation = finding.Operation

    /// What is special about this case, such as "5x8, kernel 2x4, stride 3x2".
    member _.Case = finding.Case

    /// The tensor that the gradient is for.
    member _.Tensor = finding.Tensor

    /// The largest difference, as a part of the largest entry.
    member _.Error = finding.Error

    /// Entries that were probed.
    member _.Entries = finding.Entries

    /// Of these, those that were left out because a kink lies between the two probes.
    member _.Kinks = finding.Kinks

    /// Whether the error is within the tolerance, and few enough entries were left out.
    member _.Passed = finding.Passed

/// The gradient check of every operation and of whole networks, for callers outside F#.
[<AbstractClass; Sealed>]
type GradientChecks private () =

    /// The findings, one after the other as they are made.
    static member Run(seed: int) : IEnumerable<GradientFinding> =
        let seed = Seed.ofInt seed

        GradientCases.all Backwards.real (Seed.split 0 seed)
        |> Seq.ofList
        |> Seq.mapi (fun i subject -> GradientCheck.findings (seed |> Seed.split 1 |> Seed.split i) subject)
        |> Seq.collect (Seq.map GradientFinding)
