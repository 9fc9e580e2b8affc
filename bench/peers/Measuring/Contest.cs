using System.Diagnostics;

namespace Cnn.Peers.Measuring;

/// <summary>Images a second of both sides, in turns that followed each other.</summary>
internal readonly record struct Pair(double Ours, double Peer)
{
    /// <summary>Above 1 where ours is faster.</summary>
    public double Ratio => Ours / Peer;
}

/// <summary>Lets both sides do the same work by turns.</summary>
internal sealed class Contest(ISide ours, ISide peer, int images)
{
    // long enough for the runtime to compile all that is hot for the last time
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);

    /// <summary>Runs both until they are warm. <paramref name="some"/> images are done at a time.</summary>
    public void Warm(int some)
    {
        foreach (ISide side in new[] { ours, peer })
        {
            side.Restart();
            long started = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(started) < WarmUp)
                side.Pass(Math.Min(some, images));
        }
    }

    /// <summary>A turn of each; ours begins in every other pair, so that going first is no advantage.</summary>
    /// <param name="number">The number of the pair, from 0.</param>
    public Pair Run(int number)
    {
        if (int.IsEvenInteger(number))
        {
            double first = Speed(ours);
            return new Pair(first, Speed(peer));
        }
        double other = Speed(peer);
        return new Pair(Speed(ours), other);
    }

    private double Speed(ISide side)
    {
        side.Restart();
        Stillness.Await();
        long started = Stopwatch.GetTimestamp();
        side.Pass(images);
        return images / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
