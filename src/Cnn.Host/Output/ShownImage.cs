using Cnn.Host.Data;

namespace Cnn.Host.Output;

/// <summary>An image as a model sees it.</summary>
/// <param name="Caption">What it is, in a line.</param>
/// <param name="Picture">Its pixels.</param>
/// <param name="Truth">Its class, if that is known.</param>
internal sealed record ShownImage(string Caption, Picture Picture, string? Truth);

/// <summary>How probable a model finds a class.</summary>
/// <param name="Name">The class.</param>
/// <param name="Probability">From 0 to 1.</param>
internal readonly record struct ClassProbability(string Name, double Probability);
