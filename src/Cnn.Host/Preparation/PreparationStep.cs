using Cnn.Host.Data;

namespace Cnn.Host.Preparation;

/// <summary>One step from a picture to the input of a model.</summary>
/// <param name="Name">What was done, in a word or two.</param>
/// <param name="Finding">What was found or decided, with its numbers.</param>
/// <param name="Picture">The picture after it.</param>
public sealed record PreparationStep(string Name, string Finding, Picture Picture);

/// <summary>A picture as a model gets it, and how it came about.</summary>
/// <param name="Picture">In the channels, rows and columns of the model's input.</param>
/// <param name="Steps">All that was done, in order; the last one ends with the picture.</param>
public sealed record PreparedPicture(Picture Picture, IReadOnlyList<PreparationStep> Steps);
