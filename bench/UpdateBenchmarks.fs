namespace Cnn.Bench

#nowarn "9"

open System
open BenchmarkDotNet.Attributes
open Cnn.Kernels

/// One step of each optimiser on single-precision numbers. Nothing goes back into what is read, so that every step is the same.
type UpdateBenchmarks() =
    static let mean = Decayed<float32>(1f / 32f, 0f)

    let workspace = Workspace.Rent()
    let kernel = Kernel<float32>.Best
    let mutable numbers = Unchecked.defaultof<Numbers<float32>>

    /// Numbers: those of an L1 cache, and those of the largest layer of the preset 'deep'.
    [<Params(1024, 200704)>]
    member val Count = 0 with get, set

    [<GlobalSetup>]
    member b.Setup() =
        let take (seed: int) = Memory.take workspace seed b.Count
        let second = take 4

        // averages of squares
        let squares = Span<float32>(NativeInterop.NativePtr.toVoidPtr second, b.Count)

        for i in 0 .. squares.Length - 1 do
            squares[i] <- abs squares[i]

        numbers <-
            {
                Count = b.Count
                Gradient = take 1
                Parameter = take 2
                First = take 3
                Second = second
                NewParameter = take 5
                NewFirst = take 6
                NewSecond = take 7
            }

    [<Benchmark>]
    member _.Sgd() =
        kernel.Update(SgdUpdate<float32>(mean, -0.01f, 0f), &numbers)

    [<Benchmark>]
    member _.Nesterov() =
        kernel.Update(MomentumUpdate<float32>(mean, -0.01f, 0f, 0.9f, 1f, 0.9f, 1e-30f), &numbers)

    [<Benchmark>]
    member _.Adam() =
        kernel.Update(AdamUpdate<float32>(mean, 0f, -0.001f, 1f, 1e-8f, 0.9f, 0.1f, 0.999f, 0.001f, 1e-30f), &numbers)

    [<GlobalCleanup>]
    member _.Cleanup() = (workspace :> IDisposable).Dispose()
