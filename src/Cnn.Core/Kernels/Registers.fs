namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop

/// One step each of loops whose sums stand in registers. Whether it is wanted is known when the JIT compiles the loop for its size: what
/// is not wanted is not there.
module internal Registers =

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    let load<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (wanted: bool) (source: nativeptr<'T>) : 'V =
        if wanted then 'S.Load source else Unchecked.defaultof<'V>

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    let store<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (wanted: bool)
        (target: nativeptr<'T>)
        (value: 'V)
        =
        if wanted then
            'S.Store(target, value)

    /// A number in every lane.
    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    let splat<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (wanted: bool) (source: nativeptr<'T>) : 'V =
        if wanted then
            'S.Splat(NativePtr.read source)
        else
            Unchecked.defaultof<'V>

    /// sum + x y
    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    let add<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (wanted: bool) (x: 'V) (y: 'V) (sum: 'V) : 'V =
        if wanted then 'S.MultiplyAdd(x, y, sum) else sum
