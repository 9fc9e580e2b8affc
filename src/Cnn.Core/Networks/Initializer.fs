namespace Cnn.Networks

open System.Numerics
open MathNet.Numerics.Distributions
open Cnn.Tensors

/// How the weights of a fresh network are drawn; biases start at 0.
/// fanIn and fanOut count the inputs of one output and the outputs that one input reaches.
type Initializer =
    /// Normal with mean 0 and this standard deviation (the guide's 0.01 in parts 5 and 6).
    | SmallNormal of standardDeviation: float
    /// Normal with standard deviation sqrt(2 / fanIn): keeps the variance through ReLU
    /// (He et al. 2015, "Delving deep into rectifiers", equation 10).
    | He
    /// Uniform on ± sqrt(6 / (fanIn + fanOut))
    /// (Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", equation 16).
    | Glorot

module Initializer =

    /// "he", "glorot" or "normal:0.01".
    let parse (text: string) : Result<Initializer, string> =
        let expected = "he, glorot or normal:DEVIATION such as normal:0.01"

        match text.Trim().ToLowerInvariant().Split(':') with
        | [| "he" |] -> Ok He
        | [| "glorot" |] -> Ok Glorot
        | [| "normal"; number |] ->
            match
                System.Double.TryParse(
                    number,
                    System.Globalization.NumberStyles.Float,
                    System.Globalization.CultureInfo.InvariantCulture
                )
            with
            | true, deviation when deviation > 0.0 && System.Double.IsFinite deviation -> Ok(SmallNormal deviation)
            | _ -> Error $"'{number}' is not a standard deviation: it must be a positive number, such as normal:0.01"
        | _ -> Error $"'{text}' is not an initialisation: expected {expected}"

    /// A tensor of fresh weights. The numbers are drawn in double precision, so that both precisions start alike.
    let draw<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (initializer: Initializer)
        (seed: Seed)
        (fanIn: int)
        (fanOut: int)
        (shape: Shape)
        : Tensor<'T> =
        let distribution: IContinuousDistribution =
            let generator = Seed.generator seed

            match initializer with
            | SmallNormal deviation -> Normal(0.0, deviation, generator)
            | He -> Normal(0.0, sqrt (2.0 / float fanIn), generator)
            | Glorot ->
                let limit = sqrt (6.0 / float (fanIn + fanOut))
                ContinuousUniform(-limit, limit, generator)

        Tensor.init shape (fun _ -> 'T.CreateTruncating(distribution.Sample()))
