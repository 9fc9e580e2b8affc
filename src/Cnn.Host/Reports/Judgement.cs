using Cnn.Host.Data;

namespace Cnn.Host.Reports;

/// <summary>A trained model, and the images that it was judged on; null where there were none.</summary>
/// <param name="Model">The model.</param>
/// <param name="Images">Images that it has not been trained on.</param>
/// <param name="Report">How it did on them.</param>
internal sealed record Judgement(Model Model, LabelledImages? Images, EvaluationReport? Report);
