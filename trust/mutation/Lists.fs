/// Which lists of tests to ask about a mutant.
module Cnn.Mutation.Lists

/// Every list of tests of the core that can see a change to its operations or its training. The lists of tensors and kernels are not
/// among them, but for those that call operations: their files are compiled before all that is changed here, and know nothing of it.
/// Nor are those of the host, nor the long ones in which the gradient check is shown wrong gradients.
let all =
    [
        "relu and flatten"
        "softmax cross-entropy"
        "learning options"
        "evaluation"
        "optimizer"
        "global average-pool"
        "folded batch normalisation"
        "activations"
        "batch normalisation"
        "dropout"
        "phases"
        "guide, backward"
        "guide, forward"
        "parameters"
        "initializer"
        "architecture"
        "network creation"
        "layer state"
        "pooling"
        "convolution"
        "plan"
        "network"
        "dense"
        "training"
        "learning steps"
        "data parallelism"
        "memory of a plan"
        "Facade.ImageFilter"
        "Facade.Inspection"
        "Facade.PlanProfile"
        "Facade.Model"
        "Storage.ModelFile"
        "Explanations"
        "purity"
        "gradient check"
        "fused network"
        "random"
        "cell rows"
    ]

/// The lists that belong to a file.
let own (file: string) =
    match System.IO.Path.GetFileNameWithoutExtension file with
    | "Activation" -> [ "activations"; "relu and flatten" ]
    | "BatchNorm" -> [ "batch normalisation"; "folded batch normalisation" ]
    | "ChannelLayout" -> [ "batch normalisation"; "global average-pool" ]
    | "Classification" -> [ "softmax cross-entropy"; "evaluation" ]
    | "Conv1d" -> [ "guide, forward"; "convolution" ]
    | "Conv2d" -> [ "convolution" ]
    | "Dense" -> [ "dense" ]
    | "Dropout" -> [ "dropout" ]
    | "Expect" -> [ "relu and flatten"; "convolution" ]
    | "Flatten" -> [ "relu and flatten" ]
    | "GlobalAveragePool" -> [ "global average-pool" ]
    | "ImageKernels" -> [ "guide, forward"; "Facade.ImageFilter" ]
    | "Pooling" -> [ "pooling" ]
    | "Relu" -> [ "relu and flatten" ]
    | "SoftmaxCrossEntropy" -> [ "softmax cross-entropy" ]
    | "BatchUpdate" -> [ "learning steps"; "training" ]
    | "DataParallel" -> [ "data parallelism" ]
    | "Evaluation" -> [ "evaluation" ]
    | "LearningOptions" -> [ "learning options" ]
    | "MovingAverage" -> [ "learning options"; "learning steps" ]
    | "Optimizer" -> [ "optimizer"; "learning options" ]
    | "OptimizerState" -> [ "optimizer" ]
    | "Phases" -> [ "phases" ]
    | "Successor" -> [ "optimizer"; "learning steps" ]
    | "TrainingState" -> [ "training"; "learning steps" ]
    | _ -> []
