namespace Cnn.Networks

open System.Numerics
open Cnn.Tensors
open Cnn.Operations

/// What layers keep beside parameters: numbers that training updates and that no gradient reaches, such as the running statistics of
/// batch normalisation. The form is that of the network, as for Parameters.
type LayerState<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    /// Nothing to keep.
    | Stateless
    | Running of BatchNorm.Running<'T>
    /// Those of the parts of a composite, in order.
    | States of LayerState<'T> list

/// What layers saw of some examples that a state may learn from. Observations of parts of a batch add up, in their order, to those of
/// the whole: a monoid, as the gradients are.
type Observed<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    | Nothing
    | Moments of BatchNorm.Moments<'T>
    /// Those of the parts of a composite, in order.
    | Parts of Observed<'T> list

    static member Zero: Observed<'T> = Nothing

    static member (+)(x: Observed<'T>, y: Observed<'T>) : Observed<'T> =
        match x, y with
        | Nothing, other
        | other, Nothing -> other
        | Moments a, Moments b -> Moments(BatchNorm.merge a b)
        | Parts xs, Parts ys when xs.Length = ys.Length -> Parts(List.map2 (+) xs ys)
        | _ -> invalidArg (nameof y) "observations of different networks cannot be added"

module LayerState =

    /// The state after a step of training, from what its batch showed.
    let rec update (observed: Observed<'T>) (state: LayerState<'T>) : LayerState<'T> =
        match observed, state with
        | Nothing, _ -> state
        | Moments moments, Running running ->
            Running(BatchNorm.Running.update BatchNorm.DefaultMomentum running moments)
        | Parts parts, States states when parts.Length = states.Length -> States(List.map2 update parts states)
        | _ -> invalidArg (nameof observed) "what was observed and the state belong to different networks"

    /// Every tensor under its name, in order: "1.running_mean", "1.running_var", …, as PyTorch calls them.
    let named (state: LayerState<'T>) : (string * Tensor<'T>) list =
        let rec walk (prefix: string) (part: LayerState<'T>) =
            match part with
            | Stateless -> []
            | Running r -> [ prefix + "running_mean", r.Mean; prefix + "running_var", r.Variance ]
            | States parts -> parts |> List.mapi (fun i p -> walk $"{prefix}{i}." p) |> List.concat

        walk "" state

    /// Applies a function to every tensor.
    let rec map (f: Tensor<'T> -> Tensor<'U>) (state: LayerState<'T>) : LayerState<'U> =
        match state with
        | Stateless -> Stateless
        | Running r ->
            Running
                {
                    Mean = f r.Mean
                    Variance = f r.Variance
                }
        | States parts -> States(List.map (map f) parts)

    /// The same form with other tensors, which are taken in order.
    let rebuild (tensors: Tensor<'U> seq) (state: LayerState<'T>) : LayerState<'U> =
        use next = tensors.GetEnumerator()

        let take _ =
            if not (next.MoveNext()) then
                invalidArg (nameof tensors) "there are fewer tensors than the state has"

            next.Current

        map take state

    /// Applies a function to every pair of tensors that stand in the same place.
    let rec map2 (f: Tensor<'T> -> Tensor<'T> -> Tensor<'T>) (x: LayerState<'T>) (y: LayerState<'T>) : LayerState<'T> =
        match x, y with
        | Stateless, Stateless -> Stateless
        | Running a, Running b ->
            Running
                {
                    Mean = f a.Mean b.Mean
                    Variance = f a.Variance b.Variance
                }
        | States xs, States ys when xs.Length = ys.Length -> States(List.map2 (map2 f) xs ys)
        | _ -> invalidArg (nameof y) "the states belong to different networks"

    /// Whether every number is finite.
    let rec isFinite (state: LayerState<'T>) : bool =
        match state with
        | Stateless -> true
        | Running r -> Tensor.isFinite r.Mean && Tensor.isFinite r.Variance
        | States parts -> List.forall isFinite parts

    /// Whether a state can be that of a training: no variance is negative.
    let rec internal isPossible (state: LayerState<'T>) : bool =
        match state with
        | Stateless -> true
        | Running r -> Array.forall (fun v -> 'T.op_GreaterThanOrEqual (v, 'T.Zero)) (r.Variance.ToArray())
        | States parts -> List.forall isPossible parts
