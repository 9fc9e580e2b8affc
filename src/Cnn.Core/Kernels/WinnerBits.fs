namespace Cnn.Kernels

#nowarn "9"

open System
open System.Runtime.Intrinsics
open Microsoft.FSharp.NativeInterop

/// The winners of some cells in the two orders in which Patch goes through them.
module internal WinnerBits =

    /// Cells that are ordered at once: as many as a word has bits.
    [<Literal>]
    let Cells = 64

    /// Positions of a window that are told apart at once: by two bits.
    [<Literal>]
    let Positions = 4

    /// Filters in a word.
    [<Literal>]
    let private Group = 32

    /// Bits that go the other way: target[step * f], bit c = source[c], bit f, for 64 c and the first f.
    let private transpose (source: nativeptr<uint32>) (filters: int) (target: nativeptr<uint64>) (step: int) =
        let v0 = Vector512.Load source
        let v1 = Vector512.Load(source +! 16)
        let v2 = Vector512.Load(source +! 32)
        let v3 = Vector512.Load(source +! 48)
        let mutable filter = 0

        while filter < filters do
            let left = Group - 1 - filter
            let b0 = Vector512.ExtractMostSignificantBits(Vector512.ShiftLeft(v0, left))
            let b1 = Vector512.ExtractMostSignificantBits(Vector512.ShiftLeft(v1, left))
            let b2 = Vector512.ExtractMostSignificantBits(Vector512.ShiftLeft(v2, left))
            let b3 = Vector512.ExtractMostSignificantBits(Vector512.ShiftLeft(v3, left))
            NativePtr.set target (step * filter) (b0 ||| (b1 <<< 16) ||| (b2 <<< 32) ||| (b3 <<< 48))
            filter <- filter + 1

    /// Numbers that `order` needs to work with.
    let WorkSize = 3 * Cells

    let byPlaceSize (filters: int) =
        Checked.(*) ((filters + Group - 1) / Group) (Cells * Positions)

    /// winners [ cell; vector of `lanes` filters; position ], of which positions from `first` on are taken, to
    /// byPlace [ group of 32 filters; 64 cells; 4 positions ], a bit for each filter, and to
    /// byFilter [ filter; 3 ], a bit for each cell: whether one of the positions won, and which, in two bits.
    let order
        (work: nativeptr<uint32>)
        (winners: nativeptr<uint32>)
        (cells: int)
        (lanes: int)
        (vectors: int)
        (positions: int)
        (first: int)
        (filters: int)
        (byPlace: nativeptr<uint32>)
        (byFilter: nativeptr<uint64>)
        =
        let live, low, high = work, work +! Cells, work +! (2 * Cells)
        let here = min Positions (positions - first)
        Span<uint32>(NativePtr.toVoidPtr work, WorkSize).Clear()
        let mutable group = 0

        while group < filters do
            let count = min Group (filters - group)
            // lanes without a filter win too where nothing is clamped
            let mask = UInt32.MaxValue >>> (Group - count)
            let firstVector = group / lanes
            let beyondVector = min vectors ((group + Group) / lanes)
            let mutable places = byPlace +! (group / Group * Cells * Positions)
            let mutable cell = 0

            while cell < cells do
                let mutable a = 0u
                let mutable b = 0u
                let mutable c = 0u
                let mutable d = 0u
                let mutable own = winners +! ((cell * vectors + firstVector) * positions + first)
                let mutable shift = 0
                let mutable k = firstVector

                while k < beyondVector do
                    a <- a ||| (NativePtr.read own <<< shift)

                    if here > 1 then
                        b <- b ||| (NativePtr.get own 1 <<< shift)

                    if here > 2 then
                        c <- c ||| (NativePtr.get own 2 <<< shift)

                    if here > 3 then
                        d <- d ||| (NativePtr.get own 3 <<< shift)

                    own <- own +! positions
                    shift <- shift + lanes
                    k <- k + 1

                a <- a &&& mask
                b <- b &&& mask
                c <- c &&& mask
                d <- d &&& mask
                NativePtr.write places a
                NativePtr.set places 1 b
                NativePtr.set places 2 c
                NativePtr.set places 3 d
                NativePtr.set live cell (a ||| b ||| c ||| d)
                NativePtr.set low cell (b ||| d)
                NativePtr.set high cell (c ||| d)
                places <- places +! Positions
                cell <- cell + 1

            let own = byFilter +! (3 * group)
            transpose live count own 3
            transpose low count (own +! 1) 3
            transpose high count (own +! 2) 3
            group <- group + Group
