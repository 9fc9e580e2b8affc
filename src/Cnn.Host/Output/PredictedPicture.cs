using Cnn.Host.Preparation;

namespace Cnn.Host.Output;

/// <summary>What a model takes a picture for.</summary>
/// <param name="File">The file of the picture, or - for stdin.</param>
/// <param name="Index">Which of several images in it, counted from 0; null where there is one.</param>
/// <param name="Best">Some classes, at least one, the most probable first.</param>
/// <param name="Steps">How the picture became an input; empty where it was one.</param>
internal sealed record PredictedPicture(
    string File,
    int? Index,
    IReadOnlyList<Candidate> Best,
    IReadOnlyList<PreparationStep> Steps
);
