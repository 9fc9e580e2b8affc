/// Numbers in and out of the memory that kernels work on.
module Cnn.Tests.Kernels.KernelMemory

#nowarn "9"

open System
open System.Numerics
open Cnn.Kernels
open Microsoft.FSharp.NativeInterop

/// Bits of all vectors; 0 for the portable path. All run everywhere.
let internal widths = [ 512; 256; 128; 0 ]

/// Numbers in memory.
let internal write<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (memory: Workspace)
    (values: float[])
    : nativeptr<'T> =
    let p = memory.Take<'T> values.Length
    values |> Array.iteri (fun i v -> NativePtr.set p i ('T.CreateTruncating v))
    p

let internal read<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (p: nativeptr<'T>) (count: int) =
    Array.init count (fun i -> Double.CreateTruncating(NativePtr.get p i))

let internal table (memory: Workspace) (values: nativeint[]) : nativeptr<nativeint> =
    let p = memory.Take<nativeint> values.Length
    values |> Array.iteri (NativePtr.set p)
    p
