namespace Cnn.Bench

#nowarn "9"

open System
open BenchmarkDotNet.Attributes
open Cnn.Kernels
open Microsoft.FSharp.NativeInterop

/// Dense layers with the flatten before them and the ReLU behind them, on single-precision maps. Times are those of one image.
type DenseBenchmarks() =
    let workspace = Workspace.Rent()
    let mutable dense = Unchecked.defaultof<FusedDense>
    let mutable prepared = Unchecked.defaultof<PreparedDense<float32>>
    let mutable x = Unchecked.defaultof<FeatureMap<float32>>
    let mutable flat = Unchecked.defaultof<FeatureMap<float32>>
    let mutable y = Unchecked.defaultof<FeatureMap<float32>>
    let mutable dy = Unchecked.defaultof<FeatureMap<float32>>
    let mutable dx = Unchecked.defaultof<FeatureMap<float32>>
    let mutable dbias: nativeptr<float32> = NativePtr.nullPtr
    let mutable starts: nativeptr<nativeint> = NativePtr.nullPtr
    let mutable gradient: nativeptr<float32> = NativePtr.nullPtr

    let forward () =
        FusedDense.flatten dense prepared x flat
        FusedDense.forward dense prepared flat y

    /// Channels x cells -> outputs.
    [<Params("32x49->128", "16x25->120", "128x1->10", "128x49->512")>]
    member val Case = "" with get, set

    [<GlobalSetup>]
    member b.Setup() =
        let sizes =
            b.Case.Split([| 'x'; '-'; '>' |], StringSplitOptions.RemoveEmptyEntries)
            |> Array.map int

        dense <-
            {
                Channels = sizes[0]
                Cells = sizes[1]
                Outputs = sizes[2]
                Relu = true
            }

        let weight = Memory.take workspace 1 (dense.Inputs * dense.Outputs)
        let bias = Memory.take workspace 2 dense.Outputs
        let batch = ConvolutionCases.Batch
        prepared <- FusedDense.prepare workspace dense dense.Channels
        FusedDense.packBias dense prepared bias

        for panel in 0 .. FusedDense.panels dense prepared - 1 do
            FusedDense.pack dense prepared weight panel

        x <- FeatureMap.take workspace batch dense.Channels dense.Channels (1, dense.Cells) (0, 0)
        Memory.fill 3 x
        flat <- FusedDense.takeFlat workspace dense batch
        y <- FeatureMap.take workspace batch dense.Outputs prepared.OutPitch (1, 1) (0, 0)
        dy <- FeatureMap.take workspace batch dense.Outputs prepared.OutPitch (1, 1) (0, 0)
        Memory.fill 4 dy
        dx <- FeatureMap.like workspace x
        dbias <- workspace.Take<float32> dense.Outputs
        starts <- DenseWeightGradient.starts workspace prepared batch
        gradient <- workspace.Take<float32>(DenseWeightGradient.room prepared batch)
        forward ()

    [<Benchmark(OperationsPerInvoke = ConvolutionCases.Batch)>]
    member _.Forward() = forward ()

    /// The gradients of input and bias.
    [<Benchmark(OperationsPerInvoke = ConvolutionCases.Batch)>]
    member _.InputGradient() =
        use memory = Workspace.Rent()
        FusedDense.backward memory dense prepared y dy (ValueSome dx) dbias

    /// The gradient of the weights, a few rows at a time.
    [<Benchmark(OperationsPerInvoke = ConvolutionCases.Batch)>]
    member _.WeightGradient() =
        for group in 0 .. DenseWeightGradient.groups dense prepared - 1 do
            let rows = DenseWeightGradient.rows dense prepared group
            DenseWeightGradient.multiply dense prepared flat dy starts rows gradient

    [<GlobalCleanup>]
    member _.Cleanup() = (workspace :> IDisposable).Dispose()
