namespace Cnn.Operations

open Cnn.Tensors

/// Checks that operations make of their arguments; each raises ArgumentException with a sentence.
module internal Expect =

    let shape (what: string) (expected: Shape) (actual: Tensor<'T>) =
        if actual.Shape <> expected then
            invalidArg what $"{what}: expects shape {Shape.format expected}, but gets {Shape.format actual.Shape}"
