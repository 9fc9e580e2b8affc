/// How exact the activation functions of the kernels are, at every width of vector.
module Cnn.Tests.Kernels.ActivationFunctionTests

#nowarn "9"

open System
open System.Numerics
open Expecto
open Cnn.Kernels
open Cnn.Operations
open Cnn.Fusion
open Cnn.Tests.Kernels.KernelMemory

/// Values and derivatives of an activation by its kernels, for numbers that fill vectors one after the other.
let private run<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (bits: int)
    (activation: Activation)
    (x: float[])
    : float[] * float[] =
    let kernel = Processor.OfBits<'T> bits
    use memory = Workspace.Rent()
    let count = (x.Length + kernel.Lanes - 1) / kernel.Lanes * kernel.Lanes
    let padded = Array.append x (Array.zeroCreate (count - x.Length))

    let rows: CellRows<'T> =
        {
            Rows = 1
            Cells = count / kernel.Lanes
            Width = kernel.Lanes
            X = write memory padded
            XPitch = 0
            XStep = kernel.Lanes
            Y = write memory padded
            YPitch = 0
            YStep = kernel.Lanes
        }

    // dx = f'(x) · 1
    let slopes =
        { rows with
            Y = write memory (Array.replicate count 1.0)
        }

    let target = write<'T> memory (Array.zeroCreate count)

    ActivationPass.run
        activation
        { new IForActivation<'T> with
            member _.Run f =
                kernel.Activate(f, &rows)
                kernel.ActivationGradient(f, &slopes, target, 0, kernel.Lanes)
        }

    read rows.Y x.Length, read target x.Length

/// Numbers of every scale and both signs, close to each other where the formula changes and where tanh comes near 1.
let private scales<'T when 'T :> IBinaryFloatingPointIeee754<'T>> : float[] =
    [|
        for exponent in -37 .. 38 do
            for digit in [ 1.0; 1.7; 2.9; 4.3; 7.9 ] do
                digit * 10.0 ** float exponent
        for i in 0..4000 do
            float i / 200.0
        for i in -200 .. 200 do
            0.4 + float i * 1e-5
    |]
    |> Array.collect (fun x -> [| x; -x |])
    // what the precision under test makes of them
    |> Array.map (fun x -> Double.CreateTruncating('T.CreateTruncating x))

/// The largest distance from the exact numbers, relative to them, in units of rounding (of 1: 2^-23 or 2^-52).
let private errorOf (unit: float) (exact: float -> float) (x: float[]) (found: float[]) : float =
    (x, found)
    ||> Array.map2 (fun x found ->
        let exact = exact x

        if found = exact then
            0.0
        else
            // infinite where the one is 0 and the other is not, NaN where one is
            abs (found - exact) / abs exact / unit)
    // a NaN is passed on
    |> Array.reduce (fun a b -> Math.Max(a, b))

let private tanhIsExact<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (unit: float) =
    test $"tanh and its derivative, relative to their size, in {typeof<'T>.Name}" {
        let x = scales<'T>
        // where the derivative is a normal number
        let middle = x |> Array.filter (fun x -> abs x < 40.0)

        for bits in widths do
            let values, _ = run<'T> bits Activation.Tanh x
            let _, slopes = run<'T> bits Activation.Tanh middle
            let valueError = errorOf unit Math.Tanh x values

            let slopeError =
                errorOf unit (fun x -> 1.0 / Math.Cosh x / Math.Cosh x) middle slopes

            // written so that a NaN does not pass
            Expect.isTrue (valueError <= 3.0) $"{bits} bits: tanh is {valueError} units of rounding off"
            Expect.isTrue (slopeError <= 5.0) $"{bits} bits: its derivative is {slopeError} units of rounding off"
            // odd to the last bit; neighbours are x and -x
            for pair in Array.chunkBySize 2 values do
                Expect.equal pair[1] -pair[0] $"{bits} bits: odd"
    }

let private tanhAtTheEnds<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'T :> IMinMaxValue<'T>>
    (unit: float)
    =
    test $"tanh of infinity, of the largest, the smallest and of no number, in {typeof<'T>.Name}" {
        let number (x: 'T) : float = Double.CreateTruncating x
        let least, most = number 'T.Epsilon, number 'T.MaxValue

        let x = [| infinity; -infinity; most; -most; 0.0; -0.0; least; -least; nan |]

        for bits in widths do
            let values, slopes = run<'T> bits Activation.Tanh x

            Expect.sequenceEqual
                (Array.take 8 values)
                [ 1.0; -1.0; 1.0; -1.0; 0.0; 0.0; least; -least ]
                $"{bits} bits: values"

            Expect.sequenceEqual (Array.take 4 slopes) [ 0.0; 0.0; 0.0; 0.0 ] $"{bits} bits: derivatives far out"

            // the exponential of single precision is not always 1 at 0
            for slope in Array.sub slopes 4 4 do
                Expect.isTrue (abs (slope - 1.0) <= unit) $"{bits} bits: a derivative of {slope} at 0"

            Expect.isTrue (Double.IsNaN values[8] && Double.IsNaN slopes[8]) $"{bits} bits: a NaN stays one"
    }

let tests =
    testList
        "activation functions"
        [
            tanhIsExact<float>(2.0 ** -52.0)
            tanhIsExact<float32>(2.0 ** -23.0)
            tanhAtTheEnds<float>(2.0 ** -52.0)
            tanhAtTheEnds<float32>(2.0 ** -23.0)
        ]
