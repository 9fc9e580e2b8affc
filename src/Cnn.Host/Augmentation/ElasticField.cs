using System.Numerics;

namespace Cnn.Host.Augmentations;

/// <summary>
/// Random displacements that vary smoothly over the image, as hands do: elastic distortion (Simard,
/// Steinkraus and Platt 2003, "Best Practices for Convolutional Neural Networks Applied to Visual
/// Document Analysis"). Each of its two components is noise, uniform within -alpha and alpha, smoothed
/// by a Gaussian of standard deviation sigma. The noise goes on beyond the frame, so that the edges move
/// like the middle: everywhere the root mean square of a component is about <c>alpha / (6.14 sigma)</c>
/// (exactly, alpha / sqrt 3 times the sum of the squared weights), 1.4 pixels for the 34 and 4 of the paper.
/// </summary>
public static class ElasticField
{
    // what lies farther out has less than 1 % of the weight
    private const double Deviations = 3;

    /// <summary>Floats from one row of a field to the next: whole vectors, so that the last ones need no care.</summary>
    public static int Stride(int width) =>
        (width + Vector<float>.Count - 1) / Vector<float>.Count * Vector<float>.Count;

    /// <summary>Floats of a field of one component.</summary>
    public static int Length(int height, int width) => checked(height * Stride(width));

    /// <summary>Weights of the smoothing along one axis; they sum to 1.</summary>
    public static float[] Weights(double sigma)
    {
        int radius = Radius(sigma);
        double[] bell =
        [
            .. Enumerable
                .Range(-radius, 2 * radius + 1)
                .Select(offset => Math.Exp(-offset * offset / (2 * sigma * sigma))),
        ];
        double sum = bell.Sum();
        return [.. bell.Select(weight => (float)(weight / sum))];
    }

    /// <summary>Draws a field: a byte of noise for each pixel of the frame and its surroundings, first those of x.</summary>
    /// <param name="alpha">The amplitude of the noise, in pixels; at least 0.</param>
    /// <param name="sigma">The standard deviation of the smoothing, in pixels; above 0.</param>
    /// <param name="height">Rows of the image.</param>
    /// <param name="width">Columns of the image.</param>
    /// <param name="generator">Where the noise comes from; it advances.</param>
    /// <param name="right">Receives the displacements in x, <c>[height; Stride(width)]</c>; what is beyond the width has no meaning.</param>
    /// <param name="down">Receives those in y.</param>
    public static void Draw(
        double alpha,
        double sigma,
        int height,
        int width,
        Random generator,
        Span<float> right,
        Span<float> down
    )
    {
        Scratch scratch = Scratch.OfThread;
        ReadOnlySpan<float> weights = scratch.Weights(sigma);
        int around = 2 * Radius(sigma);
        int wide = width + around;
        int drawn = checked((height + around) * wide);
        byte[] bytes = scratch.ElasticNoise(checked(2 * drawn));
        generator.NextBytes(bytes);
        for (int component = 0; component < 2; component++)
        {
            Span<float> noise = scratch.Noise(drawn);
            Centre(bytes.AsSpan(component * drawn, drawn), noise, (float)(alpha / 128));
            // the last row is read past its end, for the sake of whole vectors
            Span<float> columns = scratch.Columns(height * wide + Vector<float>.Count);
            columns[(height * wide)..].Clear();
            Smooth(noise, columns[..(height * wide)], weights, wide);
            Span<float> field = component == 0 ? right : down;
            int stride = Stride(width);
            for (int row = 0; row < height; row++)
                Smooth(columns[(row * wide)..], field.Slice(row * stride, stride), weights, 1);
        }
    }

    private static int Radius(double sigma) => (int)Math.Ceiling(Deviations * sigma);

    // 0 .. 255 to -127.5 .. 127.5 times the factor: the variance is that of the uniform noise within 1 / 65536
    private static void Centre(ReadOnlySpan<byte> bytes, Span<float> centred, float factor)
    {
        int i = 0;
        for (; i <= bytes.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(bytes[i..]), out Vector<ushort> low, out Vector<ushort> high);
            Write(low, centred[i..]);
            Write(high, centred[(i + Vector<ushort>.Count)..]);
        }
        for (; i < bytes.Length; i++)
            centred[i] = (bytes[i] - 127.5f) * factor;

        void Write(Vector<ushort> values, Span<float> target)
        {
            Vector.Widen(values, out Vector<uint> low, out Vector<uint> high);
            var middle = new Vector<float>(127.5f);
            ((Vector.ConvertToSingle(low.As<uint, int>()) - middle) * factor).CopyTo(target);
            ((Vector.ConvertToSingle(high.As<uint, int>()) - middle) * factor).CopyTo(target[Vector<float>.Count..]);
        }
    }

    // target[i] = sum over k of weights[k] source[i + k step], along rows (step 1) or columns (step = width).
    // Fused, so that the numbers are the same for vectors of any width.
    private static void Smooth(ReadOnlySpan<float> source, Span<float> target, ReadOnlySpan<float> weights, int step)
    {
        int lanes = Vector<float>.Count;
        int i = 0;
        for (; i <= target.Length - 4 * lanes; i += 4 * lanes)
        {
            Vector<float> sum0 = default,
                sum1 = default,
                sum2 = default,
                sum3 = default;
            for (int k = 0; k < weights.Length; k++)
            {
                var weight = new Vector<float>(weights[k]);
                ReadOnlySpan<float> terms = source.Slice(i + k * step, 4 * lanes);
                sum0 = Vector.FusedMultiplyAdd(weight, new Vector<float>(terms), sum0);
                sum1 = Vector.FusedMultiplyAdd(weight, new Vector<float>(terms[lanes..]), sum1);
                sum2 = Vector.FusedMultiplyAdd(weight, new Vector<float>(terms[(2 * lanes)..]), sum2);
                sum3 = Vector.FusedMultiplyAdd(weight, new Vector<float>(terms[(3 * lanes)..]), sum3);
            }
            sum0.CopyTo(target[i..]);
            sum1.CopyTo(target[(i + lanes)..]);
            sum2.CopyTo(target[(i + 2 * lanes)..]);
            sum3.CopyTo(target[(i + 3 * lanes)..]);
        }
        for (; i <= target.Length - lanes; i += lanes)
        {
            Vector<float> sum = default;
            for (int k = 0; k < weights.Length; k++)
                sum = Vector.FusedMultiplyAdd(
                    new Vector<float>(weights[k]),
                    new Vector<float>(source[(i + k * step)..]),
                    sum
                );
            sum.CopyTo(target[i..]);
        }
        for (; i < target.Length; i++)
        {
            float sum = 0;
            for (int k = 0; k < weights.Length; k++)
                sum = MathF.FusedMultiplyAdd(weights[k], source[i + k * step], sum);
            target[i] = sum;
        }
    }
}
