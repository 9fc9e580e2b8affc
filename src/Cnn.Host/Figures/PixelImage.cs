using SkiaSharp;

namespace Cnn.Host.Figures;

/// <summary>One image of a data set as a PNG file of its own, a pixel for a pixel.</summary>
internal static class PixelImage
{
    /// <summary>Encodes an image.</summary>
    /// <param name="image"><c>[channels; height; width]</c>, 0 is black.</param>
    /// <param name="channels">Three are red, green and blue; of other numbers the first is shown in grey.</param>
    /// <param name="height">Its rows.</param>
    /// <param name="width">Its columns.</param>
    /// <exception cref="CommandException">Failed: the library that draws does not run here.</exception>
    public static byte[] Encode(byte[] image, int channels, int height, int width) =>
        Drawing.Run(() =>
        {
            int plane = height * width;
            using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
            bitmap.Pixels =
            [
                .. Enumerable
                    .Range(0, plane)
                    .Select(pixel =>
                        channels == 3
                            ? new SKColor(image[pixel], image[plane + pixel], image[2 * plane + pixel])
                            : new SKColor(image[pixel], image[pixel], image[pixel])
                    ),
            ];
            using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            return data.ToArray();
        });
}
