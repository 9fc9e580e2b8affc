using Cnn.Host.Augmentations;
using Cnn.Host.Models;

namespace Cnn.Host.Training;

/// <summary>All that a user can choose about a run.</summary>
/// <param name="Network">The layers.</param>
/// <param name="Epochs">Passes over the training images; at least 0.</param>
/// <param name="BatchSize">Images in a mini-batch; at least 1.</param>
/// <param name="Optimizer">One of the names of <see cref="Trainer.Optimizers"/>.</param>
/// <param name="Schedule">The learning rate of every step.</param>
/// <param name="Augmentation">How training images are varied.</param>
/// <param name="TrainSize">How many images to train on; null for all that are not held out.</param>
/// <param name="Validation">How many training images to hold out; 0 for a look at the test set instead.</param>
/// <param name="Initializer">How weights are drawn, in the core's notation.</param>
/// <param name="Seed">The root of all randomness.</param>
/// <param name="Threads">Threads to compute on.</param>
/// <param name="Data">The data folder; null for the one of the program.</param>
/// <param name="Out">Where the model goes.</param>
internal sealed record TrainSettings(
    NetworkChoice Network,
    int Epochs,
    int BatchSize,
    string Optimizer,
    Schedule Schedule,
    Augmentation Augmentation,
    int? TrainSize,
    int Validation,
    string Initializer,
    int Seed,
    int Threads,
    string? Data,
    string Out
);
