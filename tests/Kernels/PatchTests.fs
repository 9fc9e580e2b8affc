/// Sparse gradients at every width against plain loops; exact, because the numbers are small integers.
module Cnn.Tests.Kernels.PatchTests

#nowarn "9"

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Tests.Properties
open Cnn.Tests.Support
open Cnn.Tests.Kernels.KernelMemory
open Microsoft.FSharp.NativeInterop

/// Both sums over the live entries, with cells and patches wherever tables say.
let private patches<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) =
    let random = Random seed
    let size = sizeof<'T>
    let whole _ = float (random.Next(-4, 5))

    for bits in widths do
        use memory = Workspace.Rent()
        let processor = Processor.OfBits<'T> bits
        let rows, columns = random.Next(1, 6), processor.Lanes * random.Next(1, 8)
        let filters, cells = random.Next(1, 40), random.Next(1, 65)
        let pitch = columns + random.Next 3
        let filterSize = rows * columns
        let kernel = Array.init (filters * filterSize) whole
        let image = Array.init (40 + rows * pitch) whole
        let gradient = Array.init (cells * filters) whole
        let cellStarts = Array.init cells (fun cell -> (cells - 1 - cell) * filters)
        let placeStarts = Array.init (4 * cells) (fun _ -> random.Next 40)
        let kernelSum, imageSum = Array.copy kernel, Array.copy image
        let byFilter = memory.TakeZeros<uint64>(3 * filters)
        let byPlace = memory.TakeZeros<uint32>(WinnerBits.byPlaceSize filters)

        let inline set (p: nativeptr<_>) (i: int) bit =
            NativePtr.set p i (NativePtr.get p i ||| bit)

        for cell in 0 .. cells - 1 do
            for filter in 0 .. filters - 1 do
                if random.Next 12 = 0 then
                    let position = random.Next 4
                    set byFilter (3 * filter) (1UL <<< cell)
                    set byFilter (3 * filter + 1) (uint64 (position &&& 1) <<< cell)
                    set byFilter (3 * filter + 2) (uint64 (position >>> 1) <<< cell)
                    set byPlace (filter / 32 * 256 + 4 * cell + position) (1u <<< filter % 32)
                    let value = gradient[cellStarts[cell] + filter]

                    for r in 0 .. rows - 1 do
                        for j in 0 .. columns - 1 do
                            let k = filter * filterSize + r * columns + j
                            let p = placeStarts[4 * cell + position] + r * pitch + j
                            kernelSum[k] <- kernelSum[k] + value * image[p]
                            imageSum[p] <- imageSum[p] + value * kernel[k]

        let bytes (starts: int[]) =
            table memory (starts |> Array.map (fun start -> nativeint (start * size)))

        let entries =
            {
                Filters = filters
                Cells = cells
                ByFilter = byFilter
                ByPlace = byPlace
                CellOffsets = bytes cellStarts
                PlaceOffsets = bytes placeStarts
                Gradient = write<'T> memory gradient
                Kernel = write<'T> memory kernel
                Rows = rows
                Columns = columns
                Image = write<'T> memory image
                Pitch = pitch
            }

        let what =
            $"{typeof<'T>.Name}, {bits} bits, {filters} filters of {rows} x {columns}"

        let weights =
            { entries with
                Kernel = write<'T> memory kernel
            }

        processor.AddToWeights &weights
        Expect.isTrue (read weights.Kernel kernel.Length = kernelSum) $"weights: {what}"

        let input =
            { entries with
                Image = write<'T> memory image
            }

        processor.AddToInput &input
        Expect.isTrue (read input.Image image.Length = imageSum) $"input: {what}"

/// Winners in the two orders, told apart by their bits.
let private orderedWinners (seed: int) =
    let random = Random seed
    use memory = Workspace.Rent()
    let lanes = pown 2 (random.Next 5)

    let filters, cells, positions =
        random.Next(1, 80), random.Next(1, 65), random.Next(1, 10)

    let vectors = (filters + lanes - 1) / lanes
    let first = random.Next((positions + 3) / 4) * 4
    // who won for each cell and filter, the lanes without a filter included; some nobody
    let winner =
        Array.init cells (fun _ -> Array.init (vectors * lanes) (fun _ -> random.Next(-2, positions)))

    let winners = memory.TakeZeros<uint32>(cells * vectors * positions)

    for cell in 0 .. cells - 1 do
        for lane in 0 .. vectors * lanes - 1 do
            if winner[cell][lane] >= 0 then
                let word = (cell * vectors + lane / lanes) * positions + winner[cell][lane]
                NativePtr.set winners word (NativePtr.get winners word ||| (1u <<< lane % lanes))

    let work = memory.Take<uint32> WinnerBits.WorkSize
    let byPlace = memory.Take<uint32>(WinnerBits.byPlaceSize filters)
    let byFilter = memory.Take<uint64>(3 * filters)
    WinnerBits.order work winners cells lanes vectors positions first filters byPlace byFilter

    for filter in 0 .. filters - 1 do
        let bit (i: int) (cell: int) =
            int (NativePtr.get byFilter (3 * filter + i) >>> cell) &&& 1

        for cell in 0 .. WinnerBits.Cells - 1 do
            let position = if cell < cells then winner[cell][filter] - first else -1
            let isLive = position >= 0 && position < 4
            Expect.equal (bit 0 cell = 1) isLive "live"

            if isLive then
                Expect.equal (bit 1 cell + 2 * bit 2 cell) position "position"

            if cell < cells then
                for p in 0..3 do
                    let word = NativePtr.get byPlace (filter / 32 * 256 + 4 * cell + p)
                    Expect.equal ((word >>> filter % 32) &&& 1u = 1u) (isLive && p = position) "by place"

    for cell in 0 .. cells - 1 do
        for p in 0..3 do
            let rest =
                NativePtr.get byPlace (filters / 32 * 256 + 4 * cell + p) >>> filters % 32

            Expect.isTrue (filters % 32 = 0 || rest = 0u) "lanes without a filter"

/// The weight gradient of one channel behind windows of 2 by 2, of which some cells have no winner.
let private channelWeights<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) =
    let random = Random seed
    let whole _ = float (random.Next(-4, 5))

    for bits in widths do
        use memory = Workspace.Rent()
        let processor = Processor.OfBits<'T> bits
        let lanes = processor.Lanes * random.Next(1, 4)
        let rows, columns = random.Next(1, 9), random.Next(1, 9)
        let height, width = random.Next(2, 9), random.Next(2, 9)

        let pool =
            match Window.create (height, width) (2, 2) (random.Next(1, 4), random.Next(1, 4)) (0, 0) with
            | Ok pool -> pool
            | Error reason -> failtest reason

        let pitch = width + columns - 1 + random.Next 3
        let gradientPitch = pool.Columns.Output * lanes + random.Next 3
        let image = Array.init ((height + rows - 1) * pitch) whole
        let gradient = Array.init (pool.Rows.Output * gradientPitch) whole
        let weight, bias = Array.init (rows * columns * lanes) whole, Array.init lanes whole
        let weightSum, biasSum = Array.copy weight, Array.copy bias

        let winners =
            memory.TakeZeros<uint32>(pool.OutputSize * lanes / processor.Lanes * 4)

        for row in 0 .. pool.Rows.Output - 1 do
            for column in 0 .. pool.Columns.Output - 1 do
                for lane in 0 .. lanes - 1 do
                    let position = random.Next 6

                    if position < 4 then
                        let cell = row * pool.Columns.Output + column

                        let word =
                            4 * (cell * (lanes / processor.Lanes) + lane / processor.Lanes) + position

                        NativePtr.set winners word (NativePtr.get winners word ||| (1u <<< lane % processor.Lanes))
                        let value = gradient[row * gradientPitch + column * lanes + lane]
                        let down = row * pool.Rows.Stride + position / 2
                        let right = column * pool.Columns.Stride + position % 2
                        biasSum[lane] <- biasSum[lane] + value

                        for i in 0 .. rows - 1 do
                            for j in 0 .. columns - 1 do
                                let k = (i * columns + j) * lanes + lane
                                weightSum[k] <- weightSum[k] + value * image[(down + i) * pitch + right + j]

        let own =
            {
                Pool = pool
                Gradient = write<'T> memory gradient
                GradientPitch = gradientPitch
                Lanes = lanes
                Winners = winners
                Image = write<'T> memory image
                Pitch = pitch
                Rows = rows
                Columns = columns
                Weight = write<'T> memory weight
                Bias = write<'T> memory bias
            }

        let biasAlone = write<'T> memory bias
        processor.AddToChannelWeights &own
        processor.SumWinners(pool, own.Gradient, gradientPitch, winners, lanes, biasAlone)
        let what = $"{typeof<'T>.Name}, {bits} bits, {rows} x {columns}"
        Expect.isTrue (read own.Weight weight.Length = weightSum) $"weights: {what}"
        Expect.sequenceEqual (read own.Bias lanes) biasSum $"bias: {what}"
        Expect.sequenceEqual (read biasAlone lanes) biasSum $"bias alone: {what}"

let tests =
    testList
        "sparse gradients"
        [
            property "sums of patches agree with their formula" (fun (seed: int) ->
                patches<float32> seed
                patches<float> seed)
            property "winners are ordered by place and by filter" orderedWinners
            property "the weight gradient of one channel agrees with its formula" (fun (seed: int) ->
                channelWeights<float32> seed
                channelWeights<float> seed)
        ]
