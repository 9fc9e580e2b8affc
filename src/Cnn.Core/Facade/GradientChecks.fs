namespace Cnn

open System.Collections.Generic
open Cnn.Checking
open Cnn.Tensors

/// The gradient check of every operation and of whole networks, for callers outside F#.
[<AbstractClass; Sealed>]
type GradientChecks private () =

    /// The findings, one after the other as they are made.
    static member Run(seed: int) : IEnumerable<Finding> =
        let seed = Seed.ofInt seed

        GradientCases.all Backwards.real (Seed.split 0 seed)
        |> Seq.ofList
        |> Seq.mapi (fun i subject -> GradientCheck.findings (seed |> Seed.split 1 |> Seed.split i) subject)
        |> Seq.collect id
