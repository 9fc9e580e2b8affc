namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open System
open System.Numerics
open System.Runtime.Intrinsics
open Cnn.Tensors

/// The vector kernels of one processor, for one precision. All of them write into `target` alone.
[<AbstractClass>]
type internal Processor<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>() =
    /// Bits in a vector; those of a single number on the portable path.
    abstract VectorBits: int
    /// target += a b
    abstract MultiplyAdd: a: Matrix<'T> * b: Matrix<'T> * target: Span<'T> -> unit
    /// target[i] = f x[i]; target may be x.
    abstract Map<'F when 'F: struct and 'F :> IMap<'T>> : f: 'F * x: ReadOnlySpan<'T> * target: Span<'T> -> unit

    /// target[i] = f (x[i], y[i]); target may be x or y.
    abstract Map2<'F when 'F: struct and 'F :> IMap2<'T>> :
        f: 'F * x: ReadOnlySpan<'T> * y: ReadOnlySpan<'T> * target: Span<'T> -> unit

    /// The sum of all elements.
    abstract Sum: x: ReadOnlySpan<'T> -> 'T

    /// Numbers in a vector.
    abstract Lanes: int

    /// The numbers of as many whole vectors as these take.
    member p.RoundUp(numbers: int) : int =
        (numbers + p.Lanes - 1) / p.Lanes * p.Lanes

    /// See Peak.
    abstract Peak: rounds: int64 -> 'T
    /// Copies rows of `columns` numbers, whole vectors of them, from rows that are `step` numbers apart to rows without gaps.
    abstract CopyColumns: rows: int * columns: int * source: nativeptr<'T> * step: int * target: nativeptr<'T> -> unit

    /// See Transpose.
    abstract Transpose:
        rows: int * columns: int * source: nativeptr<'T> * sourceStep: int * target: nativeptr<'T> * targetStep: int ->
            unit

    /// See Update.
    abstract Update<'F when 'F: struct and 'F :> IUpdate<'T>> : f: 'F * numbers: inref<Numbers<'T>> -> unit

    /// See Product.
    abstract Multiply: product: inref<Product<'T>> -> unit

    /// See Patch.
    abstract AddToWeights: entries: inref<LiveEntries<'T>> -> unit

    /// See Patch.
    abstract AddToInput: entries: inref<LiveEntries<'T>> -> unit

    /// See ChannelWeights.
    abstract AddToChannelWeights: w: inref<ChannelWeights<'T>> -> unit

    /// See Stencil.
    abstract Stencil: stencil: inref<Stencil<'T>> -> unit

    /// See Winograd.
    abstract WinogradInput:
        grid: Winograd.Grid * source: nativeptr<'T> * rowPitch: int * step: int * target: nativeptr<'T> * plane: int ->
            unit

    /// See Winograd.
    abstract WinogradOutput:
        grid: Winograd.Grid *
        count: int *
        source: nativeptr<'T> *
        plane: int *
        bias: nativeptr<'T> *
        target: nativeptr<'T> *
        rowPitch: int *
        step: int ->
            unit

    /// See Winograd.
    abstract WinogradKernel: source: nativeptr<'T> * tap: int * target: nativeptr<'T> * plane: int -> unit

    /// See PooledRows.
    abstract Pool:
        pool: Window *
        relu: bool *
        band: PooledRows.Band<'T> *
        row: int *
        lanes: int *
        target: nativeptr<'T> *
        bits: nativeptr<uint32> ->
            unit

    /// See Unpooling.
    abstract Unpool:
        pool: Window *
        gradient: nativeptr<'T> *
        pitch: int *
        bits: nativeptr<uint32> *
        lanes: int *
        target: nativeptr<'T> *
        bias: nativeptr<'T> ->
            unit

    /// See Unpooling.
    abstract SumWinners:
        pool: Window * gradient: nativeptr<'T> * pitch: int * bits: nativeptr<uint32> * lanes: int * sum: nativeptr<'T> ->
            unit

    /// See CellRows.
    abstract Moments:
        rows: inref<CellRows<'T>> * pivot: nativeptr<'T> * sum: nativeptr<'T> * squares: nativeptr<'T> -> unit

    /// See CellRows.
    abstract Transform<'F when 'F: struct and 'F :> IActivation<'T>> :
        f: 'F * rows: inref<CellRows<'T>> * constants: inref<ChannelConstants<'T>> -> unit

    /// See CellRows.
    abstract GradientSums<'F when 'F: struct and 'F :> IActivation<'T>> :
        f: 'F *
        rows: inref<CellRows<'T>> *
        constants: inref<ChannelConstants<'T>> *
        sum: nativeptr<'T> *
        products: nativeptr<'T> ->
            unit

    /// See CellRows.
    abstract Combine:
        rows: inref<CellRows<'T>> *
        constants: inref<ChannelConstants<'T>> *
        target: nativeptr<'T> *
        pitch: int *
        step: int ->
            unit

    /// See CellRows.
    abstract Activate<'F when 'F: struct and 'F :> IActivation<'T>> : f: 'F * rows: inref<CellRows<'T>> -> unit

    /// See CellRows.
    abstract ActivationGradient<'F when 'F: struct and 'F :> IActivation<'T>> :
        f: 'F * rows: inref<CellRows<'T>> * target: nativeptr<'T> * pitch: int * step: int -> unit

    /// See CellRows.
    abstract AddCells: rows: inref<CellRows<'T>> -> unit

/// The kernels compiled for vectors 'V.
[<Sealed>]
type internal Processor<'T, 'V, 'S when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'S :> ISimd<'T, 'V>>
    () =
    inherit Processor<'T>()

    let check (length: int) (target: int) =
        if length <> target then
            invalidArg "target" $"{length} values cannot be mapped onto {target}"

    override _.VectorBits = 8 * sizeof<'T> * 'S.Width
    override _.MultiplyAdd(a, b, target) = Gemm.multiplyAdd<'T, 'V, 'S> a b target

    override _.Map(f, x, target) =
        check x.Length target.Length
        Elementwise.map<'T, 'V, 'S, _> f x target

    override _.Map2(f, x, y, target) =
        check x.Length target.Length
        check y.Length target.Length
        Elementwise.map2<'T, 'V, 'S, _> f x y target

    override _.Sum x = Elementwise.sum x
    override _.Lanes = 'S.Width
    override _.Peak rounds = Peak.run<'T, 'V, 'S> rounds
    override _.Update(f, numbers) = Update.run<'T, 'V, 'S, _> f &numbers

    override _.CopyColumns(rows, columns, source, step, target) =
        Elementwise.copyColumns<'T, 'V, 'S> rows columns source step target

    override _.Transpose(rows, columns, source, sourceStep, target, targetStep) =
        Transpose.run<'T, 'V, 'S> rows columns source sourceStep target targetStep

    override _.Multiply product = Product.run<'T, 'V, 'S> &product

    override _.AddToWeights entries = Patch.addToWeights<'T, 'V, 'S> &entries
    override _.AddToInput entries = Patch.addToInput<'T, 'V, 'S> &entries

    override _.AddToChannelWeights w = ChannelWeights.run<'T, 'V, 'S> &w

    override _.Stencil stencil = Stencil.compute<'T, 'V, 'S> &stencil

    override _.WinogradInput(grid, source, rowPitch, step, target, plane) =
        Winograd.input<'T, 'V, 'S> grid source rowPitch step target plane

    override _.WinogradOutput(grid, count, source, plane, bias, target, rowPitch, step) =
        Winograd.output<'T, 'V, 'S> grid count source plane bias target rowPitch step

    override _.WinogradKernel(source, tap, target, plane) =
        Winograd.kernel<'T, 'V, 'S> source tap target plane

    override _.Pool(pool, relu, band, row, lanes, target, bits) =
        PooledRows.pool<'T, 'V, 'S> pool relu band row lanes target bits

    override _.Unpool(pool, gradient, pitch, bits, lanes, target, bias) =
        Unpooling.unpool<'T, 'V, 'S> pool gradient pitch bits lanes target bias

    override _.SumWinners(pool, gradient, pitch, bits, lanes, sum) =
        Unpooling.sumWinners<'T, 'V, 'S> pool gradient pitch bits lanes sum

    override _.Moments(rows, pivot, sum, squares) =
        CellRows.moments<'T, 'V, 'S> &rows pivot sum squares

    override _.Transform(f, rows, constants) =
        CellRows.transform<'T, 'V, 'S, _> f &rows &constants

    override _.GradientSums(f, rows, constants, sum, products) =
        CellRows.gradientSums<'T, 'V, 'S, _> f &rows &constants sum products

    override _.Combine(rows, constants, target, pitch, step) =
        CellRows.combine<'T, 'V, 'S> &rows &constants target pitch step

    override _.Activate(f, rows) =
        CellRows.activate<'T, 'V, 'S, _> f &rows

    override _.ActivationGradient(f, rows, target, pitch, step) =
        CellRows.activationGradient<'T, 'V, 'S, _> f &rows target pitch step

    override _.AddCells rows = CellRows.add<'T, 'V, 'S> &rows

/// Chooses the kernels once, for the processor at hand.
[<AbstractClass; Sealed>]
type internal Processor private () =

    /// The kernels that use vectors of 512, 256 or 128 bits; anything else is the portable path.
    /// All widths run everywhere (in software where the processor lacks them), so that tests can compare them.
    static member OfBits<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>(bits: int) : Processor<'T> =
        match bits with
        | 512 -> Processor<'T, Vector512<'T>, Simd512<'T>>()
        | 256 -> Processor<'T, Vector256<'T>, Simd256<'T>>()
        | 128 -> Processor<'T, Vector128<'T>, Simd128<'T>>()
        | _ -> Processor<'T, 'T, Scalar<'T>>()

    /// The widest vectors that the processor has.
    static member WidestBits =
        if Vector512.IsHardwareAccelerated then 512
        elif Vector256.IsHardwareAccelerated then 256
        elif Vector128.IsHardwareAccelerated then 128
        else 0

/// The kernels in use for one precision.
[<AbstractClass; Sealed>]
type internal Kernel<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> private () =
    static let best = Processor.OfBits<'T> Processor.WidestBits

    // every width that the processor has, the narrowest first
    static let widths =
        match [ 128; 256; 512 ] |> List.filter (fun bits -> bits <= Processor.WidestBits) with
        | [] -> [| best |]
        | bits -> bits |> List.map Processor.OfBits<'T> |> Array.ofList

    static member Best = best

    /// For rows of this many numbers: of the vectors that need the fewest for it, the narrowest. So 6 numbers take
    /// one vector of 8, not one of 16.
    static member For(numbers: int) : Processor<'T> =
        let vectors (p: Processor<'T>) = p.RoundUp numbers / p.Lanes
        widths |> Array.minBy vectors

    /// For rows of this many numbers that are to be whole vectors already: the widest that divides it.
    static member Dividing(numbers: int) : Processor<'T> =
        match widths |> Array.tryFindBack (fun p -> numbers % p.Lanes = 0) with
        | Some processor -> processor
        | None -> Processor.OfBits<'T> 0

/// Elementwise functions of tensors, each giving a fresh one.
module internal Vectorized =

    let private fresh (x: Tensor<'T>) : 'T[] = GC.AllocateUninitializedArray x.Count

    let map f (x: Tensor<'T>) : Tensor<'T> =
        let values = fresh x
        Kernel.Best.Map(f, x.Span, Span values)
        Tensor(x.Shape, values)

    let map2 f (x: Tensor<'T>) (y: Tensor<'T>) : Tensor<'T> =
        let values = fresh x
        Kernel.Best.Map2(f, x.Span, y.Span, Span values)
        Tensor(x.Shape, values)
