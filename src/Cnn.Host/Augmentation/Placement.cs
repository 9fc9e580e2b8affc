namespace Cnn.Host.Augmentations;

/// <summary>
/// How one image is moved as a whole. About the centre of the image, a point <c>p</c> (x to the right,
/// y down) goes to <c>shift + Rotation Scale Shear Mirror p</c>.
/// </summary>
/// <param name="Down">Pixels down.</param>
/// <param name="Right">Pixels to the right.</param>
/// <param name="Rotation">Degrees clockwise.</param>
/// <param name="Scale">The factor of enlargement; above 0.</param>
/// <param name="Shear">Degrees by which upright lines lean: x grows by tan(shear) y.</param>
/// <param name="IsMirrored">Whether left and right are exchanged.</param>
public readonly record struct Placement(
    int Down,
    int Right,
    double Rotation,
    double Scale,
    double Shear,
    bool IsMirrored
)
{
    /// <summary>The image where it is.</summary>
    public static Placement Still { get; } = new(0, 0, 0, 1, 0, false);

    /// <summary>Whether whole pixels move, and nothing else happens.</summary>
    public bool IsShift => Rotation == 0 && Scale == 1 && Shear == 0 && !IsMirrored;

    /// <summary>Draws one, uniform within the strengths; in the order of the parameters of this type.</summary>
    internal static Placement Draw(Augmentation strengths, Random generator)
    {
        int down = 0;
        int right = 0;
        if (strengths.ShiftPixels is > 0 and var most)
        {
            down = generator.Next(-most, most + 1);
            right = generator.Next(-most, most + 1);
        }
        double rotation = EitherWay(strengths.RotationDegrees, generator);
        double scale = 1 + EitherWay(strengths.ScaleChange, generator);
        double shear = EitherWay(strengths.ShearDegrees, generator);
        bool isMirrored = strengths.FlipProbability > 0 && generator.NextDouble() < strengths.FlipProbability;
        return new Placement(down, right, rotation, scale, shear, isMirrored);
    }

    /// <summary>
    /// The way back, as the sampling needs it: where in the source the pixel at (x, y) comes from.
    /// Without rotation, scale and shear all its numbers are exact.
    /// </summary>
    internal InverseMap Invert(int height, int width)
    {
        (double sin, double cos) = Math.SinCos(double.DegreesToRadians(Rotation));
        double tan = Math.Tan(double.DegreesToRadians(Shear));
        double mirror = IsMirrored ? -1 : 1;
        double xx = mirror * (cos + tan * sin) / Scale;
        double xy = mirror * (sin - tan * cos) / Scale;
        double yx = -sin / Scale;
        double yy = cos / Scale;
        double centreX = (width - 1) / 2.0;
        double centreY = (height - 1) / 2.0;
        return new InverseMap(
            (float)xx,
            (float)xy,
            (float)(centreX - xx * (centreX + Right) - xy * (centreY + Down)),
            (float)yx,
            (float)yy,
            (float)(centreY - yx * (centreX + Right) - yy * (centreY + Down))
        );
    }

    private static double EitherWay(double strength, Random generator) =>
        strength > 0 ? strength * (2 * generator.NextDouble() - 1) : 0;
}

/// <summary>Source x = XX x + XY y + X, source y = YX x + YY y + Y; in pixels, the centre of the first one at 0.</summary>
internal readonly record struct InverseMap(float XX, float XY, float X, float YX, float YY, float Y);
