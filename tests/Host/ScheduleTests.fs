/// Schedules are pure functions of the step: what holds for all of them, and what each promises.
module Cnn.Tests.Host.ScheduleTests

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open Cnn.Host
open Cnn.Host.Training

/// A schedule in words, with the peak and the length of a run.
type private Case =
    {
        Text: string
        Peak: float
        StepsPerEpoch: int64
        TotalSteps: int64
    }

    member case.Rate(step: int64) =
        Schedule.Parse(case.Text, case.Peak).LearningRate(step, case.StepsPerEpoch, case.TotalSteps)

    member case.Rates = [ for step in 0L .. case.TotalSteps - 1L -> case.Rate step ]

    // said with every step of every case: the usual form would take most of the time
    override case.ToString() =
        String.Join(' ', case.Text, "at", case.Peak, "for", case.TotalSteps, "steps")

let private number (value: float) =
    value.ToString("R", Globalization.CultureInfo.InvariantCulture)

let private warmUps = Gen.choose (0, 95) |> Gen.map (fun n -> float n / 100.0)

let private steps =
    gen {
        let! factor = Gen.choose (1, 99)
        let! parts = Gen.nonEmptyListOf (Gen.choose (1, 99))

        let at =
            parts
            |> List.distinct
            |> List.sort
            |> List.map (fun n -> number (float n / 100.0))

        return String.concat " " ("step" :: number (float factor / 100.0) :: at)
    }

let private texts =
    Gen.oneof
        [
            Gen.elements [ "constant"; "linear"; "cosine"; "one-cycle"; "step"; "guide" ]
            Gen.elements [ "linear"; "cosine"; "one-cycle" ]
            |> Gen.bind (fun name -> warmUps |> Gen.map (fun w -> $"{name} {number w}"))
            steps
        ]

let private casesOf (texts: Gen<string>) =
    gen {
        let! text = texts
        let! peak = Gen.elements [ 1e-4; 0.05; 3.0 ]
        let! epochs = Gen.choose (1, 14)
        let! stepsPerEpoch = Gen.choose (1, 30)

        return
            {
                Text = text
                Peak = peak
                StepsPerEpoch = int64 stepsPerEpoch
                TotalSteps = int64 (epochs * stepsPerEpoch)
            }
    }
    |> Arb.fromGen

let private forAll (name: string) (texts: Gen<string>) (law: Case -> unit) =
    testCase name (fun () -> Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll (casesOf texts) law))

/// Steps in which the rate rises, as the text says or its name does.
let private warmUpSteps (case: Case) =
    match case.Text.Split ' ' with
    | [| _; part |] -> float part * float case.TotalSteps
    | [| "one-cycle" |] -> 0.3 * float case.TotalSteps
    | _ -> 0.0

let private withWarmUp (name: string) =
    warmUps |> Gen.map (fun w -> $"{name} {number w}")

/// The plain names as they have always been, written out.
let private plain =
    let anneal from target progress =
        target + (from - target) * (1.0 + Math.Cos(Math.PI * progress)) / 2.0

    [
        "constant", (fun _ _ -> 1.0)
        "step",
        (fun step total ->
            let progress = float step / float total

            if progress < 0.5 then 1.0
            elif progress < 0.75 then 0.1
            else 0.01)
        "cosine", (fun step total -> anneal 1.0 0.0 (float step / float total))
        "one-cycle",
        (fun step total ->
            let top = 0.3 * float total - 1.0
            let s = float step

            if s <= top then
                anneal (1.0 / 25.0) 1.0 (s / top)
            else
                anneal 1.0 (1.0 / 25.0 / 1e4) ((s - top) / (float (total - 1L) - top)))
    ]

let tests =
    testList
        "Host.Schedule"
        [
            forAll "every rate is above 0 and at most the peak" texts (fun case ->
                for rate in case.Rates do
                    Expect.isTrue (rate > 0.0 && rate <= case.Peak) $"{rate} in {case}")

            forAll "a text is read as what writes it, and the other numbers of a name give another" texts (fun case ->
                let schedule = Schedule.Parse(case.Text, case.Peak)
                let again = Schedule.Parse(schedule.Text, case.Peak)
                Expect.equal again schedule "round trip"
                Expect.equal (again.GetHashCode()) (schedule.GetHashCode()) "equal, equal digests"
                Expect.notEqual (Schedule.Parse(case.Text, 2.0 * case.Peak)) schedule "another peak"
                Expect.notEqual (Schedule.Parse("one-cycle 0.987", case.Peak)) schedule "another warm-up")

            testList
                "the plain names, bit for bit"
                [
                    for name, fraction in plain do
                        forAll name (Gen.constant name) (fun case ->
                            for step in 0L .. case.TotalSteps - 1L do
                                Expect.equal
                                    (BitConverter.DoubleToInt64Bits(case.Rate step))
                                    (BitConverter.DoubleToInt64Bits(case.Peak * fraction step case.TotalSteps))
                                    $"step {step} of {case}")
                ]

            testList
                "the smooth ones"
                [
                    for name in [ "linear"; "cosine"; "one-cycle" ] do
                        forAll $"{name}: rises for its part of the run, then falls" (withWarmUp name) (fun case ->
                            let top = warmUpSteps case

                            for step, (before, after) in List.indexed (List.pairwise case.Rates) do
                                // one step on either side of the top may do both
                                if float step + 1.0 <= top - 1.0 then
                                    Expect.isGreaterThan after before $"step {step} of {case}"
                                elif float step >= top then
                                    Expect.isLessThan after before $"step {step} of {case}")

                        forAll
                            $"{name}: comes as near to the peak as a step is wide, and jumps nowhere"
                            (withWarmUp name)
                            (fun case ->
                                let up = max 1.0 (warmUpSteps case - 1.0)
                                let down = max 1.0 (float case.TotalSteps - warmUpSteps case)
                                // no half cosine is steeper than this, and the pair round the top has a share in both
                                let steepest = case.Peak * (Math.PI / 2.0) * (1.0 / up + 1.0 / down)

                                if warmUpSteps case >= 1.0 || name <> "one-cycle" then
                                    Expect.isGreaterThanOrEqual
                                        (List.max case.Rates)
                                        (case.Peak - steepest)
                                        $"peak of {case}"

                                for before, after in List.pairwise case.Rates do
                                    Expect.isLessThanOrEqual
                                        (abs (after - before))
                                        (steepest * 1.000001)
                                        $"a jump in {case}")
                ]

            testList
                "linear and cosine"
                [
                    for name in [ "linear"; "cosine" ] do
                        test $"{name}: equal steps up to exactly the peak, and to 0 one step after the end" {
                            let case =
                                {
                                    Text = $"{name} 0.25"
                                    Peak = 0.5
                                    StepsPerEpoch = 4L
                                    TotalSteps = 16L
                                }

                            for step in 0..3 do
                                Expect.floatClose
                                    Accuracy.high
                                    (case.Rate(int64 step))
                                    (0.1 * float (step + 1))
                                    "on the way"

                            Expect.equal (case.Rate 4L) 0.5 "peak"
                            // halfway down
                            Expect.floatClose Accuracy.high (case.Rate 10L) 0.25 "middle"

                            let last =
                                if name = "linear" then
                                    0.5 / 12.0
                                else
                                    0.25 * (1.0 + cos (Math.PI * 11.0 / 12.0))

                            Expect.floatClose Accuracy.high (case.Rate 15L) last "last"
                        }
                ]

            forAll "one-cycle: from 1/25 of the peak to 1/250,000" (withWarmUp "one-cycle") (fun case ->
                if warmUpSteps case > 1.0 then
                    Expect.floatClose Accuracy.high (case.Rate 0L) (case.Peak / 25.0) $"first of {case}"

                if case.TotalSteps > 1L then
                    Expect.floatClose
                        Accuracy.high
                        (case.Rate(case.TotalSteps - 1L) * 250000.0)
                        case.Peak
                        $"last of {case}")

            test "step: times the factor from each part of the run on" {
                let case =
                    {
                        Text = "step 0.5 0.25 0.5 0.9"
                        Peak = 0.8
                        StepsPerEpoch = 5L
                        TotalSteps = 20L
                    }

                let expected =
                    [
                        for step in 0..19 ->
                            if step < 5 then 0.8
                            elif step < 10 then 0.4
                            elif step < 18 then 0.2
                            else 0.1
                    ]

                for rate, right in List.zip case.Rates expected do
                    Expect.floatClose Accuracy.high rate right "rate"
            }

            test "guide: 0.01 for five epochs, 0.005 for five, then 0.001, whatever the length of the run" {
                for epochs in [ 3L; 12L; 40L ] do
                    let case =
                        {
                            Text = "guide"
                            Peak = 0.01
                            StepsPerEpoch = 7L
                            TotalSteps = 7L * epochs
                        }

                    for step, rate in List.indexed case.Rates do
                        let right =
                            match step / 7 with
                            | epoch when epoch < 5 -> 0.01
                            | epoch when epoch < 10 -> 0.005
                            | _ -> 0.001

                        Expect.floatClose Accuracy.high rate right $"step {step} of {epochs} epochs"
            }

            testList
                "texts that are none"
                [
                    for text, part in
                        [
                            "later", "one-cycle"
                            "", "one-cycle"
                            "cosine 1", "from 0 to below 1"
                            "cosine -0.1", "from 0 to below 1"
                            "cosine 0.1 0.2", "no schedule"
                            "one-cycle high", "'high'"
                            "linear nan", "'nan'"
                            "constant 0.1", "no schedule"
                            "step 0.1", "no schedule"
                            "step 1 0.5", "'1'"
                            "step 0.1 0.75 0.5", "rise"
                            "step 0.1 0.5 0.5", "rise"
                            "step 0.1 0.5 1", "'1'"
                            "guide 5", "no schedule"
                        ] do
                        test $"'{text}'" {
                            let complaint =
                                try
                                    Schedule.Parse(text, 0.1) |> ignore
                                    None
                                with :? CommandException as cause ->
                                    Some cause

                            match complaint with
                            | None -> failtest "it was read"
                            | Some cause ->
                                Expect.equal cause.ExitCode ExitCode.Usage "exit code"
                                Expect.stringContains cause.Message part "sentence"
                        }
                ]

            test "a step outside of the run has no rate" {
                let schedule = Schedule.Parse("linear", 0.1)

                for step, perEpoch, total in [ -1L, 1L, 5L; 5L, 1L, 5L; 0L, 0L, 5L ] do
                    Expect.throwsT<ArgumentOutOfRangeException>
                        (fun () -> schedule.LearningRate(step, perEpoch, total) |> ignore)
                        $"step {step} of {total}"
            }
        ]
