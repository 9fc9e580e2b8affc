namespace Cnn.Checking

open Cnn.Tensors
open Cnn.Operations

/// The backward passes that are checked. They are a record so that a test can put a wrong one in the place
/// of any of them and see that the check finds it.
type Backwards =
    {
        Conv1d: Tensor<float> -> Conv1d.Cache<float> -> Tensor<float> -> Conv1d.Gradient<float>
        Conv2d: Tensor<float> -> Conv2d.Cache<float> -> Tensor<float> -> Conv2d.Gradient<float>
        MaxPool2d: MaxPool2d.Cache -> Tensor<float> -> MaxPool2d.Gradient<float>
        AvgPool2d: AvgPool2d.Cache -> Tensor<float> -> AvgPool2d.Gradient<float>
        Relu: Relu.Cache<float> -> Tensor<float> -> Relu.Gradient<float>
        Activation: Activation.Cache<float> -> Tensor<float> -> Activation.Gradient<float>
        BatchNorm: BatchNorm.Cache<float> -> Tensor<float> -> BatchNorm.Gradient<float>
        Dropout: Dropout.Cache -> Tensor<float> -> Dropout.Gradient<float>
        GlobalAveragePool: GlobalAveragePool.Cache -> Tensor<float> -> GlobalAveragePool.Gradient<float>
        Flatten: Flatten.Cache -> Tensor<float> -> Flatten.Gradient<float>
        Dense: Tensor<float> -> Dense.Cache<float> -> Tensor<float> -> Dense.Gradient<float>
        SoftmaxCrossEntropy: SoftmaxCrossEntropy.Cache<float> -> float -> SoftmaxCrossEntropy.Gradient<float>
    }

module Backwards =

    /// The backward passes that training uses.
    let real: Backwards =
        {
            Conv1d = Conv1d.backward
            Conv2d = Conv2d.backward
            MaxPool2d = MaxPool2d.backward
            AvgPool2d = AvgPool2d.backward
            Relu = Relu.backward
            Activation = Activation.backward
            BatchNorm = BatchNorm.backward
            Dropout = Dropout.backward
            GlobalAveragePool = GlobalAveragePool.backward
            Flatten = Flatten.backward
            Dense = Dense.backward
            SoftmaxCrossEntropy = SoftmaxCrossEntropy.backward
        }
