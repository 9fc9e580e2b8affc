/// dotnet run -c Release --project bench -- --filter '*'
///
/// With --filter '*Product*' some of them, with --job Dry each only once, to see that it works.
module Cnn.Bench.Program

open System
open System.IO
open BenchmarkDotNet.Configs
open BenchmarkDotNet.Running

/// Beside all else that is built, not in the folder where it happens to be started.
let private reports =
    Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "benchmarks"))

[<EntryPoint>]
let main arguments =
    let config = DefaultConfig.Instance.WithArtifactsPath reports

    let summaries =
        BenchmarkSwitcher.FromAssembly(typeof<UpdateBenchmarks>.Assembly).Run(arguments, config)

    // --list and the like run nothing, and that is no failure
    if
        summaries
        |> Seq.forall (fun summary -> summary.Reports |> Seq.forall (fun report -> report.Success))
    then
        0
    else
        1
