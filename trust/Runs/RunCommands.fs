/// The commands on runs.
module Cnn.Trust.Runs.RunCommands

open System
open System.CommandLine
open System.Globalization
open System.IO
open System.Threading.Tasks
open Cnn.Trust.Output

let private inFolder (work: string -> 'T) : 'T =
    // on a disk, not in memory: that is where runs are
    let folder = (Directory.CreateTempSubdirectory "cnn-trust-").FullName

    try
        work folder
    finally
        Directory.Delete(folder, recursive = true)

let private command (name: string) (description: string) (options: Option list) (work: ParseResult -> int) : Command =
    let command = Command(name, description)

    for option in options do
        command.Options.Add option

    command.SetAction work
    command

let private whole (name: string) (byDefault: int) (description: string) =
    Option<int>(name, Description = description, DefaultValueFactory = fun _ -> byDefault)

let private failed (failures: int) : int = if failures = 0 then 0 else 1

let private resume () : Command =
    let every = whole "--every" 1 "Try each N-th case alone."

    command
        "resume"
        "Stops runs, resumes them, and compares the models with those of runs that never stopped: every optimiser, schedule and augmentation."
        [ every ]
        (fun parsed ->
            let step = max 1 (parsed.GetValue every)

            let cases =
                Resuming.all
                |> List.indexed
                |> List.filter (fun (i, _) -> i % step = 0)
                |> List.map snd

            inFolder (fun folder ->
                SmallData.write folder 10 120 30
                let results = Array.zeroCreate cases.Length
                let cases = Array.ofList cases

                Parallel.For(
                    0,
                    cases.Length,
                    ParallelOptions(MaxDegreeOfParallelism = 2),
                    fun i ->
                        results[i] <- Resuming.check folder cases[i]

                        match results[i] with
                        | Some reason -> printfn $"%A{cases[i]}: {reason}"
                        | None -> ()
                )
                |> ignore

                let both = Array.zip cases results

                table
                    [ "optimizer"; "runs"; "stops"; "equal to the last bit" ]
                    [
                        for optimizer, own in both |> Array.groupBy (fun (case, _) -> case.Optimizer) ->
                            [
                                optimizer
                                string own.Length
                                string (own |> Array.sumBy (fun (case, _) -> case.Stops.Length))
                                string (own |> Array.filter (fun (_, result) -> result.IsNone) |> Array.length)
                            ]
                    ]
                |> print

                let wrong = results |> Array.filter Option.isSome |> Array.length

                printfn
                    $"{cases.Length} runs stopped and resumed, {wrong} ended otherwise than the run that never stopped"

                failed wrong))

let private kill () : Command =
    let kills = whole "--kills" 200 "How many kills."
    let seed = whole "--seed" 1 "Where the instants come from."

    command
        "crash"
        "Kills a run at random instants (SIGKILL), looks at what is left, and lets it go on, over and over."
        [ kills; seed ]
        (fun parsed ->
            inFolder (fun folder ->
                let progress (tally: Killing.Tally) =
                    if tally.Kills % 20 = 0 then
                        eprintfn $"{tally.Kills} kills"

                let tally =
                    Killing.run folder (parsed.GetValue kills) (parsed.GetValue seed) progress

                for failure in List.rev tally.Failures do
                    printfn $"{failure}"

                printfn
                    $"{tally.Kills} kills (seed {parsed.GetValue seed}): {tally.Early} before the first checkpoint, {tally.Between} between the line of an epoch and its checkpoint, {tally.Unfinished} in the middle of a file"

                printfn
                    $"{tally.Completed} runs came to their end in spite of them, {tally.Right} with the bits of a run without a kill"

                printfn $"{tally.Failures.Length} checkpoints lost or damaged, or runs that ended otherwise"
                failed tally.Failures.Length))

let private trace () : Command =
    command "trace" "Shows the system calls by which a checkpoint reaches the disk (needs strace)." [] (fun _ ->
        if not (Tracing.isPossible ()) then
            eprintfn "trust: there is no strace on the PATH; install it to see system calls."
            2
        else
            inFolder (fun folder ->
                let all = Tracing.checkpoints folder

                for i, calls in List.indexed all do
                    printfn $"checkpoint {i + 1}"

                    for call in calls do
                        printfn $"  {call.Shown}"

                let wrong = all |> List.filter (not << Tracing.isSafe) |> List.length
                printfn $"{all.Length} checkpoints, {wrong} in an order that a crash could harm"
                failed (if all.IsEmpty then 1 else wrong)))

let private troubles () : Command =
    command
        "disk"
        "Full disks, read-only folders, vanished data, damaged checkpoints, a second run in the same folder (disks need unshare and mount)."
        []
        (fun _ ->
            inFolder (fun folder ->
                let withDisks = DiskTroubles.arePossible ()

                if not withDisks then
                    eprintfn "trust: this system lets nobody make a disk in memory; those cases are left out."

                let results =
                    RunTroubles.all @ (if withDisks then DiskTroubles.all else [])
                    |> List.mapi (fun i trouble ->
                        let sentence, wrong = Trouble.meet (Path.Combine(folder, string i)) trouble
                        let mark = if wrong.IsSome then "!" else " "
                        printfn $"{mark} {trouble.Name} (exit code {trouble.Code})"
                        printfn $"    {sentence}"
                        wrong |> Option.iter (fun reason -> printfn $"    WRONG: {reason}")
                        wrong)

                let wrong = results |> List.filter Option.isSome |> List.length
                printfn $"{results.Length} troubles, {wrong} without a clear sentence or with a loss"
                failed (if withDisks then wrong else max wrong 1)))

let private soak () : Command =
    let epochs = whole "--epochs" 100 "How many short epochs; at least 30."

    command "soak" "Trains for many short epochs, and watches the memory." [ epochs ] (fun parsed ->
        inFolder (fun folder ->
            let samples = Soaking.run folder (max 30 (parsed.GetValue epochs))

            let mb (bytes: int64) =
                (float bytes / 1e6).ToString("F1", CultureInfo.InvariantCulture)

            printfn "the least of every ten epochs"

            table
                [ "to epoch"; "managed MB"; "resident MB" ]
                [
                    for (epoch, managed), (_, resident) in
                        List.zip (Soaking.floors _.Managed samples) (Soaking.floors _.Resident samples) ->
                        [ string epoch; mb managed; mb resident ]
                ]
            |> print

            let managed = Soaking.growth _.Managed samples
            let resident = Soaking.growth _.Resident samples

            String.Format(
                CultureInfo.InvariantCulture,
                "from epochs 11 to 20 to the last ten: managed memory {0:+0.0 %;-0.0 %}, resident memory {1:+0.0 %;-0.0 %}",
                managed,
                resident
            )
            |> Console.Out.WriteLine

            failed (if managed < 0.05 && resident < 0.05 then 0 else 1)))

/// The commands.
let all () : Command list =
    [ resume (); kill (); trace (); troubles (); soak () ]
