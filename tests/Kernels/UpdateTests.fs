/// The optimisers' formulas at every width against plain ones; exact, because the numbers are integers and powers of two.
module Cnn.Tests.Kernels.UpdateTests

#nowarn "9"

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Tests.Support
open Cnn.Tests.Kernels.KernelMemory
open Microsoft.FSharp.NativeInterop

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

    check "sgd" (SgdUpdate<'T>(mean, number -4.0, number 3.0)) (fun (g, p, _, _) -> p - 4.0 * (g + 3.0 * p), 0.0, 0.0)

    check
        "nesterov"
        (MomentumUpdate<'T>(mean, number -4.0, number 3.0, number 0.5, number 1.0, number 0.5, number 1e-30))
        (fun (g, p, m, _) ->
            let next = 0.5 * m + g
            p - 4.0 * (g + 0.5 * next + 3.0 * p), next, 0.0)

    // sqrt(0 v) + 1 is 1: the quotient stays whole
    check
        "adam"
        (AdamUpdate<'T>(
            mean,
            number -0.5,
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
                MomentumUpdate<float32>(Decayed<float32>(1f, 0f), -0.1f, 0f, 0.9f, 0f, 1f, Tiny.least<float32>())

            Processor.OfBits<float32>(bits).Update(rule, &numbers)
            let first = read numbers.NewFirst 20
            Expect.all (Array.take 19 first) (fun v -> v = 0.0) $"{bits} bits"
            Expect.isTrue (Double.IsNaN first[19]) $"{bits} bits: a NaN stays one"
    }

let tests =
    testList
        "updates"
        [
            test "float32: every optimiser's formulas at every width, exactly on integers" { updates<float32>() }
            test "float64: every optimiser's formulas at every width, exactly on integers" { updates<float>() }
            vanishing
        ]
