namespace Cnn.Host.Runs;

/// <summary>What a user wants of the folder that a run leaves, and how the run was asked for.</summary>
/// <param name="Folder">The folder; null for a new one below <see cref="RunFolder.Parent"/>.</param>
/// <param name="Recipe">The name or path of the recipe, as it was given.</param>
/// <param name="Command">The command line that repeats the run, for a shell.</param>
internal sealed record RunChoice(string? Folder, string Recipe, string Command);
