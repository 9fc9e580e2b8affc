namespace Cnn.Kernels

#nowarn "9"

open System
open System.Runtime.InteropServices
open Microsoft.FSharp.NativeInterop

/// Memory for what a computation needs on its way: aligned to cache lines, which arrays are not, and used again
/// and again, so that it stays in the cache. Nothing of it may be seen after it is given back.
[<Sealed; AllowNullLiteral>]
type internal Workspace private (isRented: bool) =

    static let idle = Idle<Workspace>()

    // a line of the cache, which is also the widest vector
    static let alignment = 64un

    // the last one is taken from
    let blocks = Collections.Generic.List<struct (nativeint * int64)>()
    let mutable block = 0n
    let mutable size = 0L
    let mutable used = 0L

    let free () =
        for struct (address, _) in blocks do
            NativeMemory.AlignedFree(NativePtr.toVoidPtr (NativePtr.ofNativeInt<byte> address))

        if blocks.Count > 0 then
            GC.RemoveMemoryPressure(blocks |> Seq.sumBy (fun struct (_, bytes) -> bytes))

        blocks.Clear()
        size <- 0L
        used <- 0L

    let allocate (bytes: int64) =
        let address = NativeMemory.AlignedAlloc(unativeint bytes, alignment)
        block <- NativePtr.toNativeInt (NativePtr.ofVoidPtr<byte> address)
        size <- bytes
        used <- 0L
        blocks.Add(struct (block, size))
        // what is freed by a finalizer is freed late, unless the collector knows of it
        GC.AddMemoryPressure bytes

    /// A workspace that nobody else uses; dispose of it to give it back.
    static member Rent() : Workspace =
        match idle.TryTake() with
        | null -> new Workspace true
        | workspace -> workspace

    /// A workspace for as long as somebody holds on to it. Whoever uses its memory has to keep it alive.
    static member Own() : Workspace = new Workspace false

    /// Memory for this many numbers, with whatever was in it before.
    member _.Take<'U when 'U: unmanaged>(count: int) : nativeptr<'U> =
        if count < 0 then
            raise (OverflowException())

        // a line apart at least: what lies in the same place of every page would push each other out of the cache
        let bytes = (int64 count * int64 sizeof<'U> + 63L) / 64L * 64L + 64L

        if used + bytes > size then
            allocate (max bytes (max (1L <<< 20) (2L * size)))

        let taken = block + nativeint used
        used <- used + bytes
        NativePtr.ofNativeInt taken

    /// The same, filled with zeros.
    member workspace.TakeZeros<'U when 'U: unmanaged>(count: int) : nativeptr<'U> =
        let memory = workspace.Take<'U> count
        Span<'U>(NativePtr.toVoidPtr memory, count).Clear()
        memory

    /// Forgets all that was taken: it will be taken again.
    member _.Reset() =
        // several blocks become one that is large enough the next time
        if blocks.Count > 1 then
            let total = blocks |> Seq.sumBy (fun struct (_, bytes) -> bytes)
            free ()
            allocate total

        used <- 0L

    override _.Finalize() = free ()

    interface IDisposable with
        member workspace.Dispose() =
            if isRented then
                workspace.Reset()
                idle.Add workspace
            else
                free ()
                GC.SuppressFinalize workspace
