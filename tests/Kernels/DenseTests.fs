/// Dense layers on feature maps against plain loops, and transposing; exact, because the numbers are small integers.
module Cnn.Tests.Kernels.DenseTests

#nowarn "9"

open System
open System.Numerics
open Expecto
open Cnn.Kernels
open Cnn.Tests.Properties
open Cnn.Tests.Kernels.KernelMemory
open Microsoft.FSharp.NativeInterop

let private write<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (memory: Workspace) (values: int[]) =
    write<'T> memory (Array.map float values)

let private read<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (p: nativeptr<'T>) (count: int) =
    read p count |> Array.map int

let private transposed<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) =
    let random = Random seed
    let rows, columns = random.Next(0, 40), random.Next(0, 40)
    let sourceStep, targetStep = columns + random.Next 3, rows + random.Next 3

    for bits in widths do
        use memory = Workspace.Rent()
        let source = Array.init (rows * sourceStep) id
        let target = Array.init (columns * targetStep) (fun i -> -i)

        let expected =
            target
            |> Array.mapi (fun i v ->
                let c, r = i / targetStep, i % targetStep
                if r < rows then source[r * sourceStep + c] else v)

        let into = write<'T> memory target

        Processor.OfBits<'T>(bits).Transpose(rows, columns, write<'T> memory source, sourceStep, into, targetStep)

        Expect.sequenceEqual (read into target.Length) expected $"{typeof<'T>.Name}, {bits} bits, {rows} x {columns}"

/// One layer on cells with and without gaps between them: values, and all gradients.
let private layer<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) =
    let random = Random seed

    let dense =
        {
            Channels = random.Next(1, 36)
            Cells = random.Next(1, 8)
            Outputs = [| 1; 10; 17; 33; 50; 64; 70; 100; 128; 130 |][random.Next 10]
            Relu = false
        }

    // a few examples, or more than a block of the depth
    let examples =
        if random.Next 6 = 0 then
            random.Next(120, 270)
        else
            random.Next(1, 34)

    use memory = Workspace.Rent()

    let draw count =
        Array.init count (fun _ -> random.Next(-4, 5))

    let inputs, outputs = dense.Inputs, dense.Outputs
    let weight, bias = draw (inputs * outputs), draw outputs
    let x, dy = draw (examples * inputs), draw (examples * outputs)
    let step = dense.Channels + random.Next 3

    let prepared = FusedDense.prepare memory dense step
    FusedDense.packBias dense prepared (write<'T> memory bias)

    let packed = write<'T> memory weight

    for panel in 0 .. FusedDense.panels dense prepared - 1 do
        FusedDense.pack dense prepared packed panel

    let map, dx =
        let take () =
            FeatureMap.take<'T> memory examples dense.Channels step (1, dense.Cells) (0, 0)

        take (), take ()

    let load (values: int[]) (into: FeatureMap<'T>) =
        FeatureMap.load (ReadOnlySpan(values |> Array.map (fun v -> 'T.CreateTruncating v))) into

    let store (from: FeatureMap<'T>) =
        let values: 'T[] = Array.zeroCreate (examples * from.Channels * from.Cells)
        FeatureMap.store from (Span values)
        values |> Array.map (fun v -> Int32.CreateTruncating v)

    let flat = FusedDense.takeFlat<'T> memory dense examples

    let y, gradient =
        let take () =
            FeatureMap.take<'T> memory examples outputs prepared.OutPitch (1, 1) (0, 0)

        take (), take ()

    load x map
    load dy gradient
    FusedDense.flatten dense prepared map flat
    FusedDense.forward dense prepared flat y
    let dbias = memory.Take<'T> outputs
    FusedDense.backward memory dense prepared y gradient (ValueSome dx) dbias

    let what part =
        $"{part}, {typeof<'T>.Name}, {dense.Channels} x {dense.Cells} -> {outputs}, {examples} examples"

    let table count (f: int -> int -> int) width =
        Array.init (count * width) (fun i -> f (i / width) (i % width))

    let expected =
        table
            examples
            (fun n o ->
                bias[o]
                + Seq.sumBy (fun i -> x[n * inputs + i] * weight[i * outputs + o]) (seq { 0 .. inputs - 1 }))
            outputs

    Expect.sequenceEqual (store y) expected (what "values")

    let expected =
        table
            examples
            (fun n i -> Seq.sumBy (fun o -> dy[n * outputs + o] * weight[i * outputs + o]) (seq { 0 .. outputs - 1 }))
            inputs

    Expect.sequenceEqual (store dx) expected (what "input gradient")

    let expected =
        Array.init outputs (fun o -> Seq.sumBy (fun n -> dy[n * outputs + o]) (seq { 0 .. examples - 1 }))

    Expect.sequenceEqual (read dbias outputs) expected (what "bias gradient")

    let expected =
        table
            inputs
            (fun i o -> Seq.sumBy (fun n -> x[n * inputs + i] * dy[n * outputs + o]) (seq { 0 .. examples - 1 }))
            outputs

    let starts = DenseWeightGradient.starts memory prepared examples
    let group = memory.Take<'T>(DenseWeightGradient.room prepared examples)
    let actual: int[] = Array.create (inputs * outputs) Int32.MinValue

    for g in 0 .. DenseWeightGradient.groups dense prepared - 1 do
        let rows = DenseWeightGradient.rows dense prepared g
        DenseWeightGradient.multiply dense prepared flat gradient starts rows group
        let values = read group (rows.Count * outputs)
        let length = rows.Rows * outputs

        for run in 0 .. rows.Runs - 1 do
            Array.blit values (run * length) actual ((rows.First + run * rows.RunStep) * outputs) length

    Expect.sequenceEqual actual expected (what "weight gradient")

let tests =
    testList
        "dense kernels"
        [
            property "a transposed matrix has the columns as rows" (fun (seed: int) ->
                transposed<float32> seed
                transposed<float> seed)
            property "values and gradients agree with their formulas" (fun (seed: int) ->
                layer<float32> seed
                layer<float> seed)
        ]
