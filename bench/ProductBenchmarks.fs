namespace Cnn.Bench

#nowarn "9"

open System
open System.Numerics
open BenchmarkDotNet.Attributes
open Cnn
open Cnn.Kernels

/// Plain matrix products of the shapes that the layers of our networks give: rows x depth x columns.
[<GenericTypeArguments(typeof<float32>)>]
[<GenericTypeArguments(typeof<float>)>]
type ProductBenchmarks<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>() =
    let workspace = Workspace.Rent()
    let mutable processor = Kernel<'T>.Best
    let mutable product = Unchecked.defaultof<Product<'T>>

    /// Bits in a vector.
    [<ParamsSource("Widths")>]
    member val Bits = 0 with get, set

    /// Rows, depth and columns; a multiply-add for each triple.
    [<Params("784x9x16", "196x144x32", "196x576x128", "32x1568x32", "1568x32x128")>]
    member val Shape = "" with get, set

    /// Those that the processor has.
    member _.Widths: seq<int> =
        if VectorUnit.Widths.Count = 0 then
            Seq.singleton 0
        else
            VectorUnit.Widths

    [<GlobalSetup>]
    member b.Setup() =
        let extents = b.Shape.Split 'x' |> Array.map int
        let rows, depth, columns = extents[0], extents[1], extents[2]
        processor <- Processor.OfBits<'T> b.Bits
        let c = workspace.Take<'T>(rows * columns)

        product <-
            {
                Lines = 1
                Rows = rows
                Columns = columns
                Depth = depth
                A = Memory.take workspace 1 (rows * depth)
                ALine = 0
                AStep = depth
                Offsets = Memory.offsets<'T> workspace depth
                B = Memory.take workspace 2 (depth * columns)
                BLine = 0
                BStep = columns
                Start = workspace.TakeZeros<'T> columns
                StartLine = 0
                StartStep = 0
                C = c
                CLine = 0
                CStep = columns
            }

    [<Benchmark>]
    member _.Multiply() = processor.Multiply &product

    [<GlobalCleanup>]
    member _.Cleanup() = (workspace :> IDisposable).Dispose()
