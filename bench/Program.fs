module Cnn.Bench.Program

open BenchmarkDotNet.Running

[<EntryPoint>]
let main arguments =
    BenchmarkSwitcher.FromAssembly(typeof<UpdateBenchmarks>.Assembly).Run arguments
    |> ignore

    0
