namespace Cnn.Explanations

open System
open MathNet.Numerics.LinearAlgebra
open MathNet.Numerics.LinearAlgebra.Double
open Cnn.Tensors

/// Points of many dimensions, seen from where they are spread most.
type Projection =
    {
        /// The points along the leading components. [ N; K ]
        Points: Tensor<float>
        /// The part of the whole variance that lies along each component, the largest first; each from 0 to 1.
        Explained: float list
    }

/// Principal component analysis (Pearson 1901; Jolliffe 2002, "Principal component analysis", chapter 2). The eigenvectors are those
/// of MathNet.Numerics.
module PrincipalComponents =

    /// rows - mean, as a matrix. [ N; D ]
    let private centred (rows: Tensor<float32>) : Matrix<float> =
        let count, width = rows.Shape[0], rows.Shape[1]

        let matrix: Matrix<float> =
            DenseMatrix.Create(count, width, (fun n d -> float rows[n * width + d]))

        let means = matrix.ColumnSums() / float count
        matrix.MapIndexedInplace(Func<_, _, _, _>(fun _ d value -> value - means[d]))
        matrix

    /// An eigenvector has no sign of its own: the largest of the coordinates of the points is to be positive.
    let private signed (points: Vector<float>) : Vector<float> =
        if points[points.AbsoluteMaximumIndex()] < 0.0 then
            -points
        else
            points

    /// The points x [ N; D ] on their `components` leading principal components. Components beyond the rank of x are 0.
    ///
    /// With the centred x = U S V', the points are U S. Both X'X = V S² V' and X X' = U S² U' lead there: the smaller one is taken.
    /// Raises ArgumentException unless there are points, all of them finite.
    let project (components: int) (rows: Tensor<float32>) : Projection =
        match rows.Shape with
        | [ count; width ] when count >= 1 && width >= 1 && components >= 1 && Tensor.isFinite rows ->
            let x = centred rows
            let isWide = width > count

            let products =
                if isWide then
                    x.TransposeAndMultiply x
                else
                    x.TransposeThisAndMultiply x

            let system = products.Evd Symmetricity.Symmetric
            // in rising order, and by rounding below 0 at times
            let squares =
                system.EigenValues |> Seq.map (fun value -> max 0.0 value.Real) |> Array.ofSeq

            let total = Array.sum squares

            let component' (k: int) : Vector<float> =
                let place = squares.Length - 1 - k

                if place < 0 || squares[place] <= 1e-12 * total then
                    DenseVector.Create(count, 0.0)
                elif isWide then
                    system.EigenVectors.Column place * sqrt squares[place] |> signed
                else
                    x * system.EigenVectors.Column place |> signed

            let columns = Array.init components component'

            {
                Points = Tensor.init [ count; components ] (fun i -> columns[i % components][i / components])
                Explained =
                    [
                        for k in 0 .. components - 1 ->
                            if k < squares.Length && total > 0.0 then
                                squares[squares.Length - 1 - k] / total
                            else
                                0.0
                    ]
            }
        | shape ->
            invalidArg
                (nameof rows)
                $"{components} principal components of {Shape.format shape} numbers; there must be points, all of them finite"
