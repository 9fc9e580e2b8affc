namespace Cnn.Host.Augmentations;

/// <summary>
/// Memory that the variation of an image needs for a moment. Each thread keeps its own: after the first
/// image nothing more is allocated. Whoever takes a part must write it before reading it.
/// </summary>
internal sealed class Scratch
{
    [ThreadStatic]
    private static Scratch? ofThread;

    private byte[] framed = [];
    private int[] cells = [];
    private float[] partX = [];
    private float[] partY = [];
    private float[] right = [];
    private float[] down = [];
    private float[] noise = [];
    private float[] columns = [];
    private float[] weights = [];
    private double sigma;
    private byte[] elasticNoise = [];
    private byte[] erasingNoise = [];

    public static Scratch OfThread => ofThread ??= new Scratch();

    public Span<byte> Framed(int length) => Take(ref framed, length);

    public Span<int> Cells(int length) => Take(ref cells, length);

    public Span<float> PartX(int length) => Take(ref partX, length);

    public Span<float> PartY(int length) => Take(ref partY, length);

    public Span<float> Right(int length) => Take(ref right, length);

    public Span<float> Down(int length) => Take(ref down, length);

    public Span<float> Noise(int length) => Take(ref noise, length);

    public Span<float> Columns(int length) => Take(ref columns, length);

    /// <summary>The weights of <see cref="ElasticField.Weights"/>, computed anew only for another sigma.</summary>
    public ReadOnlySpan<float> Weights(double wanted)
    {
        if (sigma != wanted)
            (weights, sigma) = (ElasticField.Weights(wanted), wanted);
        return weights;
    }

    // arrays of just that length, since a generator fills the whole of an array

    public byte[] ElasticNoise(int length) => TakeWhole(ref elasticNoise, length);

    public byte[] ErasingNoise(int length) => TakeWhole(ref erasingNoise, length);

    private static Span<T> Take<T>(ref T[] array, int length)
    {
        if (array.Length < length)
            array = new T[length];
        return array.AsSpan(0, length);
    }

    private static byte[] TakeWhole(ref byte[] array, int length)
    {
        if (array.Length != length)
            array = new byte[length];
        return array;
    }
}
