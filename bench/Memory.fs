/// Numbers for kernels to work on: which ones does not matter to their speed, as long as they are not all alike.
module internal Cnn.Bench.Memory

#nowarn "9"

open System
open System.Numerics
open Cnn.Kernels
open Microsoft.FSharp.NativeInterop

/// Numbers from -1 to 1, the same for the same seed.
let random<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) (count: int) : 'T[] =
    let generator = Random seed
    Array.init count (fun _ -> 'T.CreateTruncating(2.0 * generator.NextDouble() - 1.0))

/// The same in memory of a workspace.
let take<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (workspace: Workspace)
    (seed: int)
    (count: int)
    : nativeptr<'T> =
    let memory = workspace.Take<'T> count
    Span<'T>(random seed count).CopyTo(Span<'T>(NativePtr.toVoidPtr memory, count))
    memory

/// A map whose cells are filled; the lanes without a channel are 0.
let fill<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) (map: FeatureMap<'T>) =
    FeatureMap.load (ReadOnlySpan(random<'T> seed (map.Examples * map.Channels * map.Cells))) map

/// 0, 1, 2, … in bytes: the offsets of numbers that lie one after the other.
let offsets<'T when 'T: unmanaged> (workspace: Workspace) (count: int) : nativeptr<nativeint> =
    let memory = workspace.Take<nativeint> count

    for i in 0 .. count - 1 do
        NativePtr.set memory i (nativeint i * nativeint sizeof<'T>)

    memory
