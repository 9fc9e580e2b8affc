namespace Cnn.Fusion

open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks

/// One operation of a plan, which does the work of one layer or of several.
[<NoComparison>]
type Operation =
    /// A convolution, the ReLU behind it, and the max-pooling behind that.
    | FusedConvolution of FusedConvolution
    /// A dense layer, the flatten before it, and the ReLU behind it.
    | FusedDense of FusedDense
    /// Batch normalisation and the activation function behind it.
    | Normalization of Activation
    /// An activation function.
    | Pointwise of Activation
    /// Dropout, in training.
    | Dropping of rate: float
    /// Max-pooling.
    | Pooling of Window
    | GlobalAverage
    /// A copy of what a residual block reads, for its shortcut.
    | Aside
    /// The sum of what the body and the shortcut of a residual block give.
    | Join
    /// A layer as it is.
    | Unfused of Layer

/// A step of a plan: which layers it stands for, what it reads, and the shapes of one example around it. Stage i gives map i + 1; map 0 is
/// the input of the network.
[<NoComparison>]
type Stage =
    {
        /// Where its first layer stands: its index in the network, or in a residual block that stands there (0 for its body, 1 for its
        /// shortcut) and so on.
        Path: int list
        /// The layers that are computed as one, in their order; none for what holds a residual block together.
        Layers: Layer list
        Operation: Operation
        /// The map that it reads.
        Source: int
        /// The second map that a sum reads.
        Other: int
        /// The layer among them that learns, if one does.
        Learning: int list option
        /// The batch normalisation that inference takes into the weights of that layer.
        Folded: int list option
        Input: Shape
        Output: Shape
    }

    /// Whether it is the first one that meets the input of the network, which needs no gradient.
    member stage.ReadsInput = stage.Source = 0
