namespace Cnn.Interchange

open System
open System.Globalization
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Interchange.NodeReading

/// What layers learn, from the constants that nodes hold.
module internal NodeNumbers =

    /// One number for each channel, or zeros where there is no such constant.
    let perChannel (what: string) (channels: int) (constant: GraphTensor option) : Result<Tensor<float32>, string> =
        match constant with
        | None -> Ok(Tensor.zeros [ channels ])
        | Some tensor ->
            GraphTensor.singles tensor
            |> Result.bind (fun numbers ->
                if numbers.Shape = [ channels ] then
                    Ok numbers
                else
                    Error $"its {what} is {Shape.format numbers.Shape} for {channels} channels")

    /// A constant that is added along the first axis of an example, as one number for each place of that axis: extents of 1 may stand
    /// before it, and have to stand behind it for every axis of places.
    let spread (channels: int) (places: int) (numbers: Tensor<float32>) : Result<Tensor<float32>, string> =
        let rec skipOnes (shape: Shape) =
            match shape with
            | 1 :: (_ :: _ as rest) when rest.Length > places -> skipOnes rest
            | other -> other

        let shape = skipOnes numbers.Shape

        if shape = channels :: List.replicate places 1 then
            Ok(Tensor.reshape [ channels ] numbers)
        elif numbers.Count = 1 then
            Ok(Tensor.init [ channels ] (fun _ -> numbers[0]))
        else
            Error $"it adds {Shape.format numbers.Shape} to {channels} channels; only one number a channel is a bias"

    let private scaled (factor: float32) (numbers: Tensor<float32>) : Tensor<float32> =
        if factor = 1.0f then
            numbers
        else
            numbers |> Tensor.map (fun value -> factor * value)

    let private transposed (matrix: Tensor<float32>) : Tensor<float32> =
        match matrix.Shape with
        | [ rows; columns ] ->
            Tensor.create
                [ columns; rows ]
                (Fill(fun target ->
                    for row in 0 .. rows - 1 do
                        for column in 0 .. columns - 1 do
                            target[column * rows + row] <- matrix[row * columns + column]))
        | _ -> matrix

    /// The weight [ In; Out ] of a dense layer, from a constant that may be [ Out; In ].
    let matrix (inputs: int) (isTransposed: bool) (factor: float32) (constant: GraphTensor) =
        result {
            let! numbers = GraphTensor.singles constant

            match numbers.Shape with
            | [ _; _ ] ->
                let weight = scaled factor (if isTransposed then transposed numbers else numbers)

                do!
                    refuseUnless
                        (weight.Shape.Head = inputs)
                        $"its weights are for {weight.Shape.Head} inputs, but it gets {inputs}"

                return weight
            | other -> return! Error $"its weights are {Shape.format other}; they must be a matrix"
        }

    /// The bias of a dense layer; zeros where there is none.
    let rowBias (outputs: int) (factor: float32) (constant: GraphTensor option) =
        match constant with
        | None -> Ok(Tensor.zeros [ outputs ])
        | Some tensor ->
            result {
                let! numbers = GraphTensor.singles tensor
                let! bias = spread outputs 0 numbers
                return scaled factor bias
            }

    /// A variance to which this program adds its own epsilon, for one to which another is to be added.
    let variance (epsilon: float32) (numbers: Tensor<float32>) : Result<Tensor<float32>, string> =
        if epsilon = float32 BatchNorm.DefaultEpsilon then
            Ok numbers
        else
            let moved =
                numbers
                |> Tensor.map (fun value -> float32 (float value + float epsilon - BatchNorm.DefaultEpsilon))

            if Array.forall (fun value -> value >= 0.0f) (moved.ToArray()) then
                Ok moved
            else
                Error
                    $"its epsilon of {epsilon} is below ours of {BatchNorm.DefaultEpsilon}, and a variance is too small to make up for that"

    /// A number in double precision whose text is that of the one in single precision, 0.01 for 0.01f, where it becomes the same again.
    let shortest (value: float32) : float =
        let read =
            Double.Parse(value.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)

        if float32 read = value then read else float value
