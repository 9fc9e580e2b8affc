namespace Cnn.Trust.Files

open System
open System.Globalization

/// What became of the inputs of a reader so far. Threads may add to it.
type Tally(reader: Reader) =
    let mutable inputs = 0L
    let mutable accepted = 0L
    let mutable refused = 0L
    let mutable crashed = 0L
    let mutable hung = 0L
    let mutable corrupt = 0L
    let mutable gorged = 0L
    let mutable perByte = 0.0
    let mutable ofBound = 0.0
    let mutable slowest = 0.0
    let sync = obj ()

    /// Adds an input, and gives how many have failed so far if this one has.
    member _.Add(trial: Trial) : int64 option =
        lock sync (fun () ->
            inputs <- inputs + 1L
            perByte <- max perByte trial.PerByte
            ofBound <- max ofBound (float trial.Allocated / float trial.Bound)
            slowest <- max slowest trial.Milliseconds

            match trial.Verdict with
            | Accepted -> accepted <- accepted + 1L
            | Refused _ -> refused <- refused + 1L
            | Crashed _ -> crashed <- crashed + 1L
            | Hung -> hung <- hung + 1L
            | Corrupt _ -> corrupt <- corrupt + 1L
            | Gorged _ -> gorged <- gorged + 1L

            if trial.Verdict.IsAccepted || trial.Verdict.IsRefused then
                None
            else
                Some(crashed + hung + corrupt + gorged))

    member _.Inputs = inputs
    member _.Accepted = accepted
    member _.Refused = refused
    member _.Failures = crashed + hung + corrupt + gorged

    static member Headings =
        [
            "reader"
            "inputs"
            "accepted"
            "refused"
            "crashes"
            "hangs"
            "corrupt accepted"
            "over bound"
            "bound, bytes"
            "most of bound"
            "most per byte"
            "slowest, ms"
        ]

    member _.Row: string list =
        let whole (n: int64) =
            n.ToString("N0", CultureInfo.InvariantCulture)

        [
            reader.Name
            whole inputs
            whole accepted
            whole refused
            whole crashed
            whole hung
            whole corrupt
            whole gorged
            $"{reader.Constant / 1024L} KiB + {reader.Factor} x size"
            String.Format(CultureInfo.InvariantCulture, "{0:F0} %", 100.0 * ofBound)
            String.Format(CultureInfo.InvariantCulture, "{0:F1}", perByte)
            String.Format(CultureInfo.InvariantCulture, "{0:F1}", slowest)
        ]
