/// The two inner loops, the update and the pooled rows at every width against plain loops; exact, because the numbers are small
/// integers.
module Cnn.Tests.Kernels.TileTests

#nowarn "9"

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Support
open Microsoft.FSharp.NativeInterop

let private widths = [ 512; 256; 128; 0 ]

let private write<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (memory: Workspace)
    (values: float[])
    : nativeptr<'T> =
    let p = memory.Take<'T> values.Length
    values |> Array.iteri (fun i v -> NativePtr.set p i ('T.CreateTruncating v))
    p

let private read<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (p: nativeptr<'T>) (count: int) =
    Array.init count (fun i -> Double.CreateTruncating(NativePtr.get p i))

let private table (memory: Workspace) (values: nativeint[]) : nativeptr<nativeint> =
    let p = memory.Take<nativeint> values.Length
    values |> Array.iteri (NativePtr.set p)
    p

/// Lines of rows whose numbers stand wherever a table says, as in a convolution; the columns are whole vectors.
let private product<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: ProductCase) (fromC: bool) =
    let random = Random case.Seed
    let lines = 1 + case.Seed % 3
    let size = sizeof<'T>

    for bits in widths do
        use memory = Workspace.Rent()
        let processor = Processor.OfBits<'T> bits

        let columns =
            (case.Columns + processor.Lanes - 1) / processor.Lanes * processor.Lanes

        let whole () = float (random.Next(-4, 5))
        let reach = 2 * case.Depth
        let offsets = Array.init case.Depth (fun _ -> random.Next reach)
        let rowStep, lineStep = random.Next(0, 4), random.Next(0, 9)

        let a =
            Array.init ((lines - 1) * lineStep + (case.Rows - 1) * rowStep + reach) (fun _ -> whole ())

        // one b for all lines, or one for each
        let bLine = if case.Seed % 2 = 0 then 0 else case.Depth * columns
        let b = Array.init (lines * case.Depth * columns) (fun _ -> whole ())

        let start =
            Array.init (if fromC then lines * case.Rows * columns else columns) (fun _ -> whole ())

        let number (l: int) (r: int) (j: int) =
            let first = start[if fromC then (l * case.Rows + r) * columns + j else j]

            (first, Seq.init case.Depth id)
            ||> Seq.fold (fun sum k ->
                sum
                + a[l * lineStep + r * rowStep + offsets[k]] * b[l * bLine + k * columns + j])

        let expected =
            [|
                for l in 0 .. lines - 1 do
                    for r in 0 .. case.Rows - 1 do
                        for j in 0 .. columns - 1 -> number l r j
            |]

        let c = memory.Take<'T> expected.Length
        let initial = write<'T> memory start

        if fromC then
            for i in 0 .. expected.Length - 1 do
                NativePtr.set c i (NativePtr.get initial i)

        let product =
            {
                Lines = lines
                Rows = case.Rows
                Columns = columns
                Depth = case.Depth
                A = write<'T> memory a
                ALine = lineStep
                AStep = rowStep
                Offsets = table memory (offsets |> Array.map (fun o -> nativeint (o * size)))
                B = write<'T> memory b
                BLine = bLine
                BStep = columns
                Start = if fromC then c else initial
                StartLine = if fromC then case.Rows * columns else 0
                StartStep = if fromC then columns else 0
                C = c
                CLine = case.Rows * columns
                CStep = columns
            }

        processor.Multiply &product
        Expect.sequenceEqual (read c expected.Length) expected $"{typeof<'T>.Name}, {bits} bits"

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

/// Every formula on integers and powers of two, so that both precisions have to agree exactly, at lengths around all widths.
let private updates<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> () =
    let number (value: float) : 'T = 'T.CreateTruncating value
    let mean = Decayed<'T>(number 0.5, number 2.0)

    let check (name: string) (f: #IUpdate<'T>) (rule: float * float * float * float -> float * float * float) =
        for bits in widths do
            for count in [ 0; 1; 3; 4; 7; 8; 15; 16; 17; 33; 100 ] do
                use memory = Workspace.Rent()

                let draw k =
                    (integers (count + k) [ count ]).ToArray()

                let g, p, m = draw 1, draw 2, draw 3
                let v = draw 4 |> Array.map (fun x -> x * x)

                let out () =
                    write<'T> memory (Array.zeroCreate count)

                let numbers =
                    {
                        Count = count
                        Gradient = write<'T> memory g
                        Parameter = write<'T> memory p
                        First = write<'T> memory m
                        Second = write<'T> memory v
                        NewParameter = out ()
                        NewFirst = out ()
                        NewSecond = out ()
                    }

                Processor.OfBits<'T>(bits).Update(f, &numbers)

                let expected =
                    Array.init count (fun i -> rule (0.5 * g[i] + 2.0 * p[i], p[i], m[i], v[i]))

                let what part =
                    $"{name}: {part} of {count}, {bits} bits, {typeof<'T>.Name}"

                let pick f = Array.map f expected

                Expect.sequenceEqual (read numbers.NewParameter count) (pick (fun (x, _, _) -> x)) (what "parameter")

                if (f :> IUpdate<'T>).Averages > 0 then
                    Expect.sequenceEqual (read numbers.NewFirst count) (pick (fun (_, x, _) -> x)) (what "first")

                if (f :> IUpdate<'T>).Averages > 1 then
                    Expect.sequenceEqual (read numbers.NewSecond count) (pick (fun (_, _, x) -> x)) (what "second")

    check "sgd" (SgdUpdate<'T>(mean, number -4.0)) (fun (g, p, _, _) -> p - 4.0 * g, 0.0, 0.0)

    check
        "nesterov"
        (MomentumUpdate<'T>(mean, number -4.0, number 0.5, number 1.0, number 0.5, number 1e-30))
        (fun (g, p, m, _) ->
            let next = 0.5 * m + g
            p - 4.0 * (g + 0.5 * next), next, 0.0)

    // sqrt(0 v) + 1 is 1: the quotient stays whole
    check
        "adam"
        (AdamUpdate<'T>(
            mean,
            number 0.5,
            number -4.0,
            number 0.0,
            number 1.0,
            number 0.5,
            number 2.0,
            number 0.5,
            number 4.0,
            number 1e-30
        ))
        (fun (g, p, m, v) ->
            let first, second = 0.5 * m + 2.0 * g, 0.5 * v + 4.0 * g * g
            0.5 * p - 4.0 * first, first, second)

let private vanishing =
    test "averages that fade away become 0, not subnormal numbers" {
        for bits in widths do
            use memory = Workspace.Rent()
            let zeros = write<float32> memory (Array.zeroCreate 20)

            let numbers =
                {
                    Count = 20
                    Gradient = zeros
                    Parameter = zeros
                    First = write<float32> memory (Array.init 20 (fun i -> if i = 19 then nan else 1.05e-30))
                    Second = NativePtr.nullPtr
                    NewParameter = memory.Take<float32> 20
                    NewFirst = memory.Take<float32> 20
                    NewSecond = NativePtr.nullPtr
                }

            let rule =
                MomentumUpdate<float32>(Decayed<float32>(1f, 0f), -0.1f, 0.9f, 0f, 1f, Tiny.least<float32>())

            Processor.OfBits<float32>(bits).Update(rule, &numbers)
            let first = read numbers.NewFirst 20
            Expect.all (Array.take 19 first) (fun v -> v = 0.0) $"{bits} bits"
            Expect.isTrue (Double.IsNaN first[19]) $"{bits} bits: a NaN stays one"
    }

/// One row of pooled cells, of windows of any kind: with the winners, and without.
let private pooling<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) =
    let random = Random seed
    let rows, columns = random.Next(4, 9), random.Next(4, 9)
    let square = random.Next 2 = 0
    let kernel () = if square then 2 else random.Next(1, 4)
    let kernelRows, kernelColumns = kernel (), kernel ()
    let padding = if square then 0 else random.Next(0, 2)
    let least = min kernelRows kernelColumns

    match
        Window.create
            (rows, columns)
            (kernelRows, kernelColumns)
            (random.Next(1, 4), random.Next(1, 4))
            (min padding (least - 1), min padding (least - 1))
    with
    | Error _ -> ()
    | Ok pool ->
        for bits in widths do
            use memory = Workspace.Rent()
            let processor = Processor.OfBits<'T> bits
            let lanes = processor.Lanes * random.Next(1, 3)

            let values =
                Array.init (rows * columns * lanes) (fun _ ->
                    if random.Next 40 = 0 then
                        nan
                    else
                        float (random.Next(-4, 5)))

            let band: PooledRows.Band<'T> =
                {
                    Data = write memory values
                    First = 0
                    Pitch = columns * lanes
                }

            let relu = random.Next 2 = 0
            let count = pool.Columns.Output * lanes
            let winners = memory.Take<uint32>(pool.OutputSize * lanes * pool.KernelSize)

            for row in 0 .. pool.Rows.Output - 1 do
                let pooled (winners: nativeptr<uint32>) =
                    let target = memory.Take<'T> count
                    processor.Pool(pool, relu, band, row, lanes, target, winners)
                    read target count |> Array.map BitConverter.DoubleToInt64Bits

                Expect.equal (pooled NativePtr.nullPtr) (pooled winners) $"{bits} bits, row {row}, seed {seed}"

let tests =
    testList
        "inner loops"
        [
            property "a product started from one row agrees with its formula" (fun (case: ProductCase) ->
                product<float32> case false
                product<float> case false)
            property "a product added to its target agrees with its formula" (fun (case: ProductCase) ->
                product<float32> case true
                product<float> case true)
            property "sums of patches agree with their formula" (fun (seed: int) ->
                patches<float32> seed
                patches<float> seed)
            property "winners are ordered by place and by filter" orderedWinners
            property "the weight gradient of one channel agrees with its formula" (fun (seed: int) ->
                channelWeights<float32> seed
                channelWeights<float> seed)
            test "float32: every optimiser's formulas at every width, exactly on integers" { updates<float32>() }
            test "float64: every optimiser's formulas at every width, exactly on integers" { updates<float>() }
            property "pooled rows are the same whether or not somebody wants the winners" (fun (seed: int) ->
                pooling<float32> seed
                pooling<float> seed)
            vanishing
        ]
