namespace Cnn.Networks

open System.Numerics
open Cnn.Tensors
open Cnn.Kernels

/// The learnable numbers of a layer that multiplies and adds.
type Affine<'T> =
    { Weight: Tensor<'T>; Bias: Tensor<'T> }

/// The learnable numbers of a layer, or of a whole network. Their gradients, and the averages that an optimiser
/// keeps of those, have the same form and so the same type.
///
/// Parameters form a monoid: `+` adds number by number, and `Zero` adds nothing. So the gradient of a mini-batch is
/// the sum of the gradients of its parts, and training on several cores is a fold. Floating-point addition is not
/// associative: the laws hold exactly for integers, and within rounding otherwise, which is why the order of a
/// sum is always fixed beforehand (see DataParallel).
type Parameters<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    /// Nothing to learn.
    | Empty
    | Affine of Affine<'T>
    /// The parts of a composite, in order.
    | Block of Parameters<'T> list

    static member Zero: Parameters<'T> = Empty

    static member (+)(x: Parameters<'T>, y: Parameters<'T>) : Parameters<'T> =
        match x, y with
        | Empty, other
        | other, Empty -> other
        | Affine a, Affine b ->
            let add (u: Tensor<'T>) (v: Tensor<'T>) =
                if u.Shape <> v.Shape then
                    invalidArg
                        (nameof y)
                        $"parameters of shapes {Shape.format u.Shape} and {Shape.format v.Shape} cannot be added"

                Vectorized.map2 (Add<'T>()) u v

            Affine
                {
                    Weight = add a.Weight b.Weight
                    Bias = add a.Bias b.Bias
                }
        | Block xs, Block ys when xs.Length = ys.Length -> Block(List.map2 (+) xs ys)
        | _ -> invalidArg (nameof y) "parameters of different networks cannot be added"

module Parameters =

    /// Applies a function to every tensor.
    let rec map (f: Tensor<'T> -> Tensor<'U>) (x: Parameters<'T>) : Parameters<'U> =
        match x with
        | Empty -> Empty
        | Affine a -> Affine { Weight = f a.Weight; Bias = f a.Bias }
        | Block parts -> Block(List.map (map f) parts)

    /// Every tensor, in order.
    let tensors (x: Parameters<'T>) : Tensor<'T> list =
        let rec walk (part: Parameters<'T>) (after: Tensor<'T> list) =
            match part with
            | Empty -> after
            | Affine a -> a.Weight :: a.Bias :: after
            | Block parts -> List.foldBack walk parts after

        walk x []

    /// The same form with other tensors, which are taken in order.
    let rebuild (tensors: Tensor<'U> seq) (x: Parameters<'T>) : Parameters<'U> =
        use next = tensors.GetEnumerator()

        let take _ =
            if not (next.MoveNext()) then
                invalidArg (nameof tensors) "there are fewer tensors than parameters"

            next.Current

        map take x

    /// Applies a function to every pair of tensors that stand in the same place.
    let rec map2 (f: Tensor<'T> -> Tensor<'T> -> Tensor<'T>) (x: Parameters<'T>) (y: Parameters<'T>) : Parameters<'T> =
        match x, y with
        | Empty, Empty -> Empty
        | Affine a, Affine b ->
            Affine
                {
                    Weight = f a.Weight b.Weight
                    Bias = f a.Bias b.Bias
                }
        | Block xs, Block ys when xs.Length = ys.Length -> Block(List.map2 (map2 f) xs ys)
        | _ -> invalidArg (nameof y) "the parameters belong to different networks"

    /// Every tensor under its name, in order: "0.weight", "0.bias", "3.weight", … where the number is that of
    /// the layer, as PyTorch's Sequential counts.
    let named (x: Parameters<'T>) : (string * Tensor<'T>) list =
        let rec walk (prefix: string) (part: Parameters<'T>) =
            match part with
            | Empty -> []
            | Affine a -> [ prefix + "weight", a.Weight; prefix + "bias", a.Bias ]
            | Block parts -> parts |> List.mapi (fun i p -> walk $"{prefix}{i}." p) |> List.concat

        walk "" x

    /// How many numbers there are.
    let count (x: Parameters<'T>) : int =
        named x |> List.sumBy (fun (_, tensor) -> tensor.Count)

    /// alpha x, number by number.
    let scale (alpha: float) (x: Parameters<'T>) : Parameters<'T> =
        map (Vectorized.map (Scale<'T>('T.CreateTruncating alpha))) x

    /// Zeros in the same form.
    let zerosLike (x: Parameters<'T>) : Parameters<'T> =
        x |> map (fun tensor -> Tensor.zeros tensor.Shape)

    /// Whether every number is finite.
    let isFinite (x: Parameters<'T>) : bool =
        tensors x |> List.forall Tensor.isFinite
