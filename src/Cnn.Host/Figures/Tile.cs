namespace Cnn.Host.Figures;

/// <summary>How numbers become colours.</summary>
public enum TileColours
{
    /// <summary>From black for the least to white for the largest.</summary>
    Grey,

    /// <summary>From blue for the least over green to yellow for the largest.</summary>
    Heat,

    /// <summary>White for 0, red above it, blue below, on a scale that reaches as far on both sides.</summary>
    Diverging,
}

/// <summary>A map of numbers, each of which becomes a square.</summary>
/// <param name="Caption">What it is; may be empty.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Columns">Its columns.</param>
/// <param name="Values">The numbers, row by row; or three such planes, red, green and blue from 0 to 1.</param>
public sealed record Tile(string Caption, int Rows, int Columns, float[] Values)
{
    /// <summary>Whether the numbers are colours themselves.</summary>
    public bool IsColour => Values.Length == 3 * Rows * Columns;
}

/// <summary>Maps that belong together and share a scale of colours.</summary>
/// <param name="Title">What they are.</param>
/// <param name="Tiles">At least one, all of the same size.</param>
/// <param name="Colours">The kind of scale.</param>
/// <param name="Side">The pixels to which the longer side of a map is enlarged, or less; larger maps are shown as they are.</param>
/// <param name="PerRow">Maps in a row; null for as many as there is room for.</param>
public sealed record TilePanel(
    string Title,
    IReadOnlyList<Tile> Tiles,
    TileColours Colours,
    int Side = 84,
    int? PerRow = null
)
{
    /// <summary>The numbers at the ends of the scale: of all maps together, symmetric about 0 where that has a colour.</summary>
    public (float Least, float Largest) Scale
    {
        get
        {
            float[] finite = [.. Tiles.SelectMany(tile => tile.Values).Where(float.IsFinite)];
            if (finite.Length == 0)
                return (0, 0);
            if (Colours != TileColours.Diverging)
                return (finite.Min(), finite.Max());
            float farthest = finite.Max(Math.Abs);
            return (-farthest, farthest);
        }
    }
}
