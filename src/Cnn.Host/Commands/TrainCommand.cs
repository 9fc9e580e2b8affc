using System.CommandLine;
using Cnn.Host.Augmentations;
using Cnn.Host.Models;
using Cnn.Host.Training;

namespace Cnn.Host.Commands;

/// <summary>The options of <c>cnn train</c>; <see cref="TrainingRun"/> does the work.</summary>
internal static class TrainCommand
{
    public static Command Create()
    {
        Option<string?> model = Options.Choice(
            "--model",
            byDefault: null,
            NetworkChoice.Presets,
            $"A network with a name; {TrainDefaults.Model} unless --arch is given."
        );
        Option<string?> arch = Options.Text(
            "--arch",
            byDefault: null,
            "LAYERS",
            "A network of your own, such as \"conv 16 3 pad 1, relu, pool 2, flatten, dense 10\"."
        );
        Option<int> epochs = Options.Whole(
            "--epochs",
            TrainDefaults.Epochs,
            "Passes over the training images; 0 writes the untrained network.",
            least: 0
        );
        Option<int> batchSize = Options.Whole(
            "--batch-size",
            TrainDefaults.BatchSize,
            "Images in a mini-batch; the last one of an epoch may be smaller.",
            least: 1
        );
        Option<double> learningRate = Options.Positive(
            "--lr",
            TrainDefaults.LearningRate,
            "The highest learning rate of the run."
        );
        Option<string?> optimizer = Options.Choice(
            "--optimizer",
            TrainDefaults.Optimizer,
            Trainer.Optimizers,
            "How gradients become steps."
        );
        Option<string?> schedule = Options.Choice(
            "--schedule",
            TrainDefaults.Schedule,
            Schedule.Names,
            "How the learning rate changes over the run."
        );
        Option<string?> augment = Options.Augmentation(TrainDefaults.Augmentation);
        Option<int?> trainSize = Options.OptionalCount(
            "--train-size",
            "Train on the first N images only; all of them unless given."
        );
        Option<int> validation = Options.Whole(
            "--validation",
            TrainDefaults.Validation,
            "Hold out the last N training images and report on them after each epoch; the test set is then left unopened.",
            least: 0
        );
        Option<string?> init = Options.Text(
            "--init",
            TrainDefaults.Initializer,
            "he|glorot|normal:DEVIATION",
            "How the weights are drawn, such as normal:0.01."
        );
        Option<int> seed = Options.Seed(
            TrainDefaults.Seed,
            "Where all randomness starts; the same seed and options give the same model, bit by bit."
        );
        Option<int> threads = Options.Threads();
        Option<string?> data = Options.Data(
            "The folder of the four IDX files, gzipped or not; the MNIST files of the program unless given."
        );
        Option<string?> output = Options.Text(
            "--out",
            TrainDefaults.Out,
            "FILE",
            "Where the model goes. Ctrl-C saves the model as it is then."
        );

        var command = new Command("train", "Train a network, write it to a file, and test it once at the end.")
        {
            model,
            arch,
            epochs,
            batchSize,
            learningRate,
            optimizer,
            schedule,
            augment,
            trainSize,
            validation,
            init,
            seed,
            threads,
            data,
            output,
        };
        command.SetWork(
            (parsed, stop) =>
            {
                var settings = new TrainSettings(
                    Network: NetworkChoice.Of(parsed.GetValue(model), parsed.GetValue(arch)),
                    Epochs: parsed.GetValue(epochs),
                    BatchSize: parsed.GetValue(batchSize),
                    Optimizer: parsed.GetRequiredValue(optimizer)!,
                    Schedule: Schedule.Parse(parsed.GetRequiredValue(schedule)!, parsed.GetValue(learningRate)),
                    Augmentation: Augmentation.Parse(parsed.GetRequiredValue(augment)!),
                    TrainSize: parsed.GetValue(trainSize),
                    Validation: parsed.GetValue(validation),
                    Initializer: parsed.GetRequiredValue(init)!,
                    Seed: parsed.GetValue(seed),
                    Threads: parsed.GetValue(threads),
                    Data: parsed.GetValue(data),
                    Out: parsed.GetRequiredValue(output)!
                );
                Actions.ReserveThreads(settings.Threads);
                return new TrainingRun(settings).Execute(stop);
            }
        );
        return command;
    }
}
