namespace Cnn

open Cnn.Tensors

/// One row of a network's summary.
[<Sealed>]
type LayerSummary internal (index: int, text: string, output: Shape, parameters: int, multiplyAdds: int64) =
    /// Position, counted from 0, as in the names of the parameters.
    member _.Index = index
    /// The layer in the text form, such as "conv 16 3 pad 1".
    member _.Text = text
    /// What it gives for one example, such as "16x28x28".
    member _.OutputShape = Shape.format output
    /// Learnable numbers.
    member _.Parameters = parameters
    /// Multiplications that one example costs going forward.
    member _.MultiplyAdds = multiplyAdds
