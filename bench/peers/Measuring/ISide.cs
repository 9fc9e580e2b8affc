namespace Cnn.Peers.Measuring;

/// <summary>One of the two that are compared, with the images of a row at hand.</summary>
internal interface ISide : IDisposable
{
    /// <summary>Goes back to the numbers that the network started with. Its time is not taken.</summary>
    void Restart();

    /// <summary>Does the work of the row on the first images, from the first to the last.</summary>
    void Pass(int total);

    /// <summary>What the network gives for the first images as it is now: their scores, one image after the other.</summary>
    float[] Logits(int count);
}
