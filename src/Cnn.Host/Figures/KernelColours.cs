namespace Cnn.Host.Figures;

/// <summary>Weights as colours: white for 0, red above it, blue below, the deeper the farther from it.</summary>
internal static class KernelColours
{
    // what is left of the other colours at the ends of the scale
    private static readonly (int Red, int Green, int Blue) above = (178, 24, 43);
    private static readonly (int Red, int Green, int Blue) below = (33, 102, 172);

    /// <summary>The planes of red, green and blue of some weights, one after the other.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="largest">The magnitude at the ends of the scale; weights beyond it have the colour of the end.</param>
    public static byte[] Planes(ReadOnlySpan<float> weights, float largest)
    {
        byte[] planes = new byte[3 * weights.Length];
        for (int place = 0; place < weights.Length; place++)
        {
            // a scale without extent is that of weights that are all 0
            double share = largest > 0 ? Math.Clamp(weights[place] / largest, -1, 1) : 0;
            (int red, int green, int blue) = share < 0 ? below : above;
            planes[place] = Mix(red, share);
            planes[weights.Length + place] = Mix(green, share);
            planes[2 * weights.Length + place] = Mix(blue, share);
        }
        return planes;
    }

    private static byte Mix(int end, double share) => (byte)Math.Round(255 + Math.Abs(share) * (end - 255));
}
