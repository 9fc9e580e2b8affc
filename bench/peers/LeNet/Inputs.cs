using System.Numerics;
using Cnn.Tensors;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

namespace Cnn.Peers.LeNet;

/// <summary>A mini-batch as numbers from 0 to 1: byte / 255, rounded once.</summary>
/// <typeparam name="T">float or double.</typeparam>
/// <param name="Pixels">[images; 1; rows; columns].</param>
/// <param name="Labels">One class an image.</param>
internal sealed record Inputs<T>(Tensor<T> Pixels, Tensor<int> Labels)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private static readonly T[] Numbers =
    [
        .. Enumerable.Range(0, byte.MaxValue + 1).Select(pixel => T.CreateChecked(pixel / 255.0)),
    ];

    public int Count => Labels.Count;

    /// <summary>The numbers of a batch of images of a size.</summary>
    public static Inputs<T> Of(Batch batch, int height, int width) =>
        new(
            Tensor.create(
                Shape(batch.Labels.Length, 1, height, width),
                new Fill<T>(target =>
                {
                    for (int i = 0; i < target.Length; i++)
                        target[i] = Numbers[batch.Pixels[i]];
                })
            ),
            Tensor.ofSeq(Shape(batch.Labels.Length), batch.Labels.Select(label => (int)label))
        );

    /// <summary>The same without some images.</summary>
    public Inputs<T> Without(IReadOnlyCollection<int> images)
    {
        int[] kept = [.. Enumerable.Range(0, Count).Where(image => !images.Contains(image))];
        int size = Pixels.Count / Count;
        return new Inputs<T>(
            Tensor.create(
                ListModule.OfSeq([kept.Length, .. Pixels.Shape.Skip(1)]),
                new Fill<T>(target =>
                {
                    for (int i = 0; i < kept.Length; i++)
                        Pixels.Span.Slice(kept[i] * size, size).CopyTo(target[(i * size)..]);
                })
            ),
            Tensor.ofSeq(Shape(kept.Length), kept.Select(image => Labels[image]))
        );
    }

    /// <summary>The same in double precision.</summary>
    public Inputs<double> InDouble() =>
        new(Tensor.map(FuncConvert.FromFunc((T x) => double.CreateChecked(x)), Pixels), Labels);

    private static FSharpList<int> Shape(params IEnumerable<int> extents) => ListModule.OfSeq(extents);
}
