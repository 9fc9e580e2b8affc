namespace Cnn.Bench

#nowarn "9"

open System
open BenchmarkDotNet.Attributes
open Cnn.Kernels
open Microsoft.FSharp.NativeInterop

/// Convolution, ReLU and pooling of single-precision images, forward and both ways backward. Times are those of one image.
type ConvolutionBenchmarks() =
    let workspace = Workspace.Rent()
    let mutable conv = Unchecked.defaultof<FusedConvolution>
    let mutable sparse = Unchecked.defaultof<PreparedConvolution<float32>>
    let mutable dense = Unchecked.defaultof<PreparedConvolution<float32>>
    let mutable x = Unchecked.defaultof<FeatureMap<float32>>
    let mutable y = Unchecked.defaultof<FeatureMap<float32>>
    let mutable gradient = Unchecked.defaultof<FeatureMap<float32>>
    let mutable dx = Unchecked.defaultof<FeatureMap<float32>>
    let mutable winners: nativeptr<uint32> = NativePtr.nullPtr
    let mutable dweight: nativeptr<float32> = NativePtr.nullPtr
    let mutable dbias: nativeptr<float32> = NativePtr.nullPtr

    let forward () =
        use memory = Workspace.Rent()
        FusedConvolutionForward.forward memory conv dense x y winners

    let backward (prepared: PreparedConvolution<float32>) =
        use memory = Workspace.Rent()

        FusedConvolutionGradients.backward memory conv prepared gradient winners x (ValueSome dx) dweight dbias

    /// Channels -> filters, kernel and image.
    [<ParamsSource("Cases")>]
    member val Case = "" with get, set

    member _.Cases = ConvolutionCases.names

    [<GlobalSetup>]
    member b.Setup() =
        conv <- ConvolutionCases.create b.Case
        let lanes = ConvolutionCases.lanes conv
        sparse <- ConvolutionCases.prepare workspace conv { lanes with Sparse = true }
        dense <- ConvolutionCases.prepare workspace conv { lanes with Sparse = false }
        x <- ConvolutionCases.input workspace conv lanes
        y <- ConvolutionCases.output workspace conv lanes
        gradient <- ConvolutionCases.output workspace conv lanes
        Memory.fill 4 gradient
        dx <- FeatureMap.like workspace x
        winners <- ConvolutionCases.winners workspace conv lanes
        dweight <- workspace.Take<float32>(conv.Filters * conv.PatchSize)
        dbias <- workspace.Take<float32> conv.Filters
        // the gradients follow the winners
        forward ()

    [<Benchmark(OperationsPerInvoke = ConvolutionCases.Batch)>]
    member _.Forward() = forward ()

    /// Both gradients through the entries that are not 0.
    [<Benchmark(OperationsPerInvoke = ConvolutionCases.Batch)>]
    member _.SparseGradients() = backward sparse

    /// Both gradients as matrix products.
    [<Benchmark(OperationsPerInvoke = ConvolutionCases.Batch)>]
    member _.DenseGradients() = backward dense

    [<GlobalCleanup>]
    member _.Cleanup() = (workspace :> IDisposable).Dispose()
