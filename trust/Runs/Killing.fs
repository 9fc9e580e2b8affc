/// A run that is killed at random instants, over and over, loses nothing: after each, the last checkpoint is the one before or the one after,
/// whole; and what comes out in the end is what would have without a kill.
module Cnn.Trust.Runs.Killing

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Cnn

type Tally =
    {
        Kills: int
        /// Kills before the first checkpoint was there.
        Early: int
        /// Kills after which the metrics were a line ahead of the checkpoint: between the two.
        Between: int
        /// Temporary files that kills left, each a file that was not finished.
        Unfinished: int
        /// Runs that came to their end in spite of all.
        Completed: int
        /// Those of them that ended with the bits of a run without a kill.
        Right: int
        Failures: string list
    }

let private none =
    {
        Kills = 0
        Early = 0
        Between = 0
        Unfinished = 0
        Completed = 0
        Right = 0
        Failures = []
    }

let private epochs = 300

let private arguments (run: string) : string list =
    [
        "train"
        "--data"
        "."
        "--arch"
        "conv 8 3, batchnorm, relu, pool 2, flatten, dense 200, relu, dense classes"
        "--epochs"
        string epochs
        "--batch-size"
        "20"
        "--optimizer"
        "adam"
        "--lr"
        "0.001"
        "--augment"
        "shift 1"
        "--ema"
        "0.9"
        "--validation"
        "60"
        "--run"
        run
        "--out"
        run + ".bin"
    ]

/// Judges what a kill has left; the moment may not be one before that of the kill before.
let private judge (run: string) (before: RunFiles.Moment option) (tally: Tally) : RunFiles.Moment option * Tally =
    let unfinished =
        if Directory.Exists run then
            Directory.GetFiles(run, ".cnn-*.tmp").Length
        else
            0

    let tally =
        { tally with
            Kills = tally.Kills + 1
            Unfinished = tally.Unfinished + unfinished
        }

    let fail (reason: string) =
        { tally with
            Failures = $"kill {tally.Kills}: {reason}" :: tally.Failures
        }

    try
        match before, RunFiles.last run with
        | None, None -> None, { tally with Early = tally.Early + 1 }
        | Some old, None -> before, fail $"the checkpoint of step {old.Step} is gone"
        | Some old, Some now when now.Step < old.Step -> Some now, fail $"from step {old.Step} back to {now.Step}"
        | _, Some now ->
            match RunFiles.epochs run - now.Epoch with
            | 0 -> Some now, tally
            | 1 ->
                Some now,
                { tally with
                    Between = tally.Between + 1
                }
            | ahead -> Some now, fail $"the metrics are {ahead} epochs ahead of the checkpoint"
    with :? CnnException as cause ->
        before, fail $"the checkpoint cannot be read: {cause.Message}"

/// Runs and kills until there are so many kills, and lets the last run come to its end. `progress` is told of each kill.
let run (folder: string) (kills: int) (seed: int) (progress: Tally -> unit) : Tally =
    let random = Random seed
    SmallData.write folder 12 400 60
    let reference = Path.Combine(folder, "reference")
    Program.runOk folder (arguments reference) |> ignore
    let expected = File.ReadAllBytes(reference + ".bin")

    // one life of the process: true when it came to its end by itself
    let live (run: string) (isToBeKilled: bool) : bool =
        let isBegun = File.Exists(Path.Combine(run, "config.json"))

        use running =
            Program.start
                folder
                (if isBegun then
                     [ "train"; "--resume"; run ]
                 else
                     arguments run)

        let error = running.StandardError.ReadToEndAsync()
        use isTraining = new ManualResetEventSlim()

        let reading =
            Task.Run(fun () ->
                let mutable line = running.StandardOutput.ReadLine()

                while not (isNull line) do
                    isTraining.Set()
                    line <- running.StandardOutput.ReadLine()

                isTraining.Set())

        if isToBeKilled then
            // most while it trains, and some while it starts, whatever the machine is busy with besides
            if random.Next 10 > 0 then
                isTraining.Wait()

            Thread.Sleep(random.Next 250)
            running.Kill()

        running.WaitForExit()
        reading.Wait()

        // SIGKILL, as shells count
        if running.ExitCode = 128 + 9 then
            false
        elif running.ExitCode = 0 then
            true
        else
            failwith $"it ended with {running.ExitCode}: {error.Result}"

    let rec go (round: int) (before: RunFiles.Moment option) (tally: Tally) : Tally =
        let run = Path.Combine(folder, $"round-{round}")

        let isOver =
            try
                Ok(live run (tally.Kills < kills))
            with Failure reason ->
                Error reason

        match isOver with
        | Error reason ->
            { tally with
                Failures = $"after kill {tally.Kills}: {reason}" :: tally.Failures
            }
        | Ok false ->
            let now, next = judge run before tally
            progress next
            go round now next
        | Ok true ->
            let isRight = File.ReadAllBytes(run + ".bin") = expected

            let next =
                { tally with
                    Completed = tally.Completed + 1
                    Right = tally.Right + (if isRight then 1 else 0)
                    Failures =
                        if isRight then
                            tally.Failures
                        else
                            $"round {round} ended with other bits" :: tally.Failures
                }

            Directory.Delete(run, recursive = true)

            if next.Kills < kills then
                go (round + 1) None next
            else
                next

    go 1 None none
