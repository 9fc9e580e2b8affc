using Cnn.Host.Data;
using Cnn.Host.Models;
using Cnn.Host.Recipes;

namespace Cnn.Host.Training;

/// <summary>All that a user can choose about a run.</summary>
/// <param name="Recipe">How to train.</param>
/// <param name="Network">The layers, those of the recipe, with where they were read.</param>
/// <param name="TrainSize">How many images to train on; null for all that are not held out.</param>
/// <param name="Validation">How many training images to hold out; 0 for a look at the test set instead.</param>
/// <param name="Patience">
/// Epochs without a better accuracy on the held-out images after which the run stops; null to see it through.
/// </param>
/// <param name="Seed">The root of all randomness.</param>
/// <param name="Threads">Threads to compute on.</param>
/// <param name="Data">The data set, and what is wanted of its images.</param>
/// <param name="Command">
/// The command line that gives the same model, to be noted in it: without what changes nothing, such as the threads. Empty where
/// there is none.
/// </param>
/// <param name="StopAfter">Epochs after which to stop, as if the user did; null to go on to the end.</param>
internal sealed record TrainSettings(
    Recipe Recipe,
    NetworkChoice Network,
    int? TrainSize,
    int Validation,
    int? Patience,
    int Seed,
    int Threads,
    DataChoice Data,
    string Command = "",
    double? StopAfter = null
);
