namespace Cnn.Training

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

/// An optimiser at one step, with all that stays the same for every number.
[<AbstractClass>]
type internal UpdateRule<'T when 'T: unmanaged>() =
    abstract Averages: int
    abstract Apply: numbers: inref<Numbers<'T>> -> unit

[<Sealed>]
type internal UpdateRule<'T, 'F
    when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'F: struct and 'F :> IUpdate<'T>>(formulas: 'F) =
    inherit UpdateRule<'T>()
    override _.Averages = formulas.Averages

    override _.Apply numbers =
        Kernel<'T>.Best.Update(formulas, &numbers)

/// The rules of a step: decay is for weights, which have at least two axes.
type internal StepRules<'T when 'T: unmanaged> =
    {
        Weights: UpdateRule<'T>
        Others: UpdateRule<'T>
    }

/// What a step replaces.
[<Struct; NoComparison; NoEquality>]
type internal Learned<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Parameters: Parameters<'T>
        OptimizerState: OptimizerState<'T>
        /// The moving average of the parameters.
        Average: Parameters<'T> option
    }

/// A step under way: parameters and averages as they are, and memory for those to come, which `Apply` fills part by part, from any
/// thread. The memory is fresh, unless the caller has a state that nobody will look at any more: it is then overwritten.
///
/// The moving average, where there is one, goes the part `averagePart` of its way to the new parameters.
[<Sealed>]
type internal Successor<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (rules: StepRules<'T>, averagePart: 'T, learned: Learned<'T>, spent: Learned<'T> voption) =
    let state = learned.OptimizerState
    let current = Parameters.tensors learned.Parameters |> Array.ofList

    let ruleOf =
        current
        |> Array.map (fun tensor ->
            match tensor.Shape with
            | []
            | [ _ ] -> rules.Others
            | _ -> rules.Weights)

    let isAlike (a: Tensor<'T>) (p: Tensor<'T>) =
        obj.ReferenceEquals(a.Shape, p.Shape) || a.Shape = p.Shape

    let arrays (of': Parameters<'T>) : 'T[][] =
        let tensors = Parameters.tensors of' |> Array.ofList

        if tensors.Length <> current.Length || not (Array.forall2 isAlike tensors current) then
            invalidArg (nameof state) "the optimizer's state belongs to a different network"

        tensors |> Array.map (fun tensor -> tensor.Values)

    let room (of': Learned<'T> -> Parameters<'T>) : 'T[][] =
        match spent with
        | ValueSome before -> arrays (of' before)
        | ValueNone -> current |> Array.map (fun tensor -> GC.AllocateUninitializedArray tensor.Count)

    /// What there is of something that not every step has, and room for what will be.
    let optional (isThere: bool) (of': Learned<'T> -> Parameters<'T>) : struct ('T[][] * 'T[][]) =
        if isThere then
            struct (arrays (of' learned), room of')
        else
            struct (null, null)

    let averages = rules.Others.Averages
    let before = arrays learned.Parameters
    let newParameters = room _.Parameters
    let struct (first, newFirst) = optional (averages > 0) _.OptimizerState.First
    let struct (second, newSecond) = optional (averages > 1) _.OptimizerState.Second

    let struct (average, newAverage) =
        optional learned.Average.IsSome (fun l -> Option.defaultValue Empty l.Average)

    // only ever set to false, from any thread
    let mutable isFinite = true

    let own (all: 'T[][]) (t: int) : 'T[] = if isNull all then null else all[t]

    let place (array: nativeptr<'T>) (start: int) : nativeptr<'T> =
        if NativePtr.isNullPtr array then
            array
        else
            NativePtr.add array start

    let rebuild (values: 'T[][]) =
        if isNull values then
            Empty
        else
            Parameters.rebuild
                (Seq.map2 (fun (old: Tensor<'T>) v -> Tensor(old.Shape, v)) current values)
                learned.Parameters

    /// Takes the step for the `count` numbers of tensor t from `start` on, given their gradient.
    member _.Apply(t: int, start: int, count: int, gradient: nativeptr<'T>) =
        use parameter = fixed before[t]
        use firstAverage = fixed (own first t)
        use secondAverage = fixed (own second t)
        use newParameter = fixed newParameters[t]
        use newFirstAverage = fixed (own newFirst t)
        use newSecondAverage = fixed (own newSecond t)

        let numbers =
            {
                Count = count
                Gradient = gradient
                Parameter = place parameter start
                First = place firstAverage start
                Second = place secondAverage start
                NewParameter = place newParameter start
                NewFirst = place newFirstAverage start
                NewSecond = place newSecondAverage start
            }

        ruleOf[t].Apply &numbers

        // while they are in the cache. A gradient that is not finite leaves nothing finite; one that is may still be too large.
        if
            not (
                Elementwise.isFinite numbers.NewParameter count
                && (isNull newFirst || Elementwise.isFinite numbers.NewFirst count)
                && (isNull newSecond || Elementwise.isFinite numbers.NewSecond count)
            )
        then
            isFinite <- false

        if not (isNull average) then
            // the new parameters are still in the cache
            Kernel<'T>
                .Best.Map2(
                    Towards<'T> averagePart,
                    ReadOnlySpan(average[t], start, count),
                    ReadOnlySpan(newParameters[t], start, count),
                    Span(newAverage[t], start, count)
                )

    /// Whether all new numbers so far are finite.
    member _.IsFinite = isFinite

    /// What there is after the step, once every number has been through it.
    member _.Result: Learned<'T> =
        {
            Parameters = rebuild newParameters
            OptimizerState =
                {
                    Steps = state.Steps + 1L
                    First = rebuild newFirst
                    Second = rebuild newSecond
                }
            Average = learned.Average |> Option.map (fun _ -> rebuild newAverage)
        }
