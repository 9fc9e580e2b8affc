namespace Cnn.Operations

open Cnn.Tensors

/// The classic kernels of image processing, as weights of one filter over one channel: [ 1; 1; KH; KW ].
module ImageKernels =

    let private kernel (rows: float list list) : Tensor<float> =
        Tensor.ofSeq [ 1; 1; rows.Length; rows.Head.Length ] (List.concat rows)

    /// Answers to vertical edges: brightness that changes from left to right (Sobel and Feldman 1968).
    let sobelX = kernel [ [ -1.0; 0.0; 1.0 ]; [ -2.0; 0.0; 2.0 ]; [ -1.0; 0.0; 1.0 ] ]

    /// Answers to horizontal edges: brightness that changes from top to bottom.
    let sobelY = kernel [ [ -1.0; -2.0; -1.0 ]; [ 0.0; 0.0; 0.0 ]; [ 1.0; 2.0; 1.0 ] ]

    /// The image plus its difference from its neighbours; keeps the mean brightness.
    let sharpen = kernel [ [ 0.0; -1.0; 0.0 ]; [ -1.0; 5.0; -1.0 ]; [ 0.0; -1.0; 0.0 ] ]

    /// The mean of 5 x 5 cells.
    let blur = kernel (List.replicate 5 (List.replicate 5 (1.0 / 25.0)))

    /// Each kernel under the name that a command line would use.
    let all = [ "sobel-x", sobelX; "sobel-y", sobelY; "sharpen", sharpen; "blur", blur ]
