using System.Globalization;
using System.Text;
using Cnn.Host;
using Cnn.Host.Data;
using Cnn.Peers.Measuring;
using Cnn.Peers.Output;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.PyBridge;
using static TorchSharp.torch;

namespace Cnn.Peers.Weights;

/// <summary>
/// Weights of libtorch become ours and the other way round, through files: those of libtorch are written and read by
/// TorchSharp.PyBridge, which knows nothing of this project. What is compared are the scores of the same images.
/// </summary>
internal static class WeightExchange
{
    private const int Images = 1_000;
    private const int TrainingBatch = 100;
    private const double MostDifference = 1e-5;
    private const int Seed = 1;

    /// <summary>Tries all networks, prints what came of it, and refuses scores that differ.</summary>
    /// <exception cref="CommandException">Scores differ by more than they may.</exception>
    public static void Run()
    {
        // the other side's package writes the header of its files by reflection, which the settings of the host forbid
        AppContext.SetSwitch("System.Text.Json.JsonSerializer.IsReflectionEnabledByDefault", true);
        LabelledImages images = DataSource.Open(DataSource.Default).LoadTraining(ImageForm.Any).Slice(0, Images);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Machine.Describe()}.\n\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"| network | weights | modules | scores of {Images} images differ by (bound {MostDifference:0e-0}) |\n| --- | --- | ---: | ---: |\n"
        );
        var worst = new List<double>();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("peers-");
        try
        {
            string file = Path.Combine(folder.FullName, "weights.safetensors");
            foreach (WeightCase network in WeightCase.All)
            {
                Add(network, "from libtorch to ours", FromTorch(network, images, file));
                Add(network, "from ours to libtorch", ToTorch(network, images, file));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
        Console.Write(text);
        if (!(Difference.Largest(worst) <= MostDifference))
            throw new CommandException(
                ExitCode.CheckFailed,
                $"scores differ by {Difference.Largest(worst):0e-0}; they may by {MostDifference:0e-0}."
            );

        void Add(WeightCase network, string direction, double difference)
        {
            worst.Add(difference);
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {network.Name} | {direction} | {network.Names.Count} | {difference:0.0e-0} |\n"
            );
        }
    }

    private static double FromTorch(WeightCase network, LabelledImages images, string file)
    {
        manual_seed(Seed);
        using Sequential torchNetwork = network.Create();
        using Tensor pixels = Pixels(images);
        // running statistics as after some training
        torchNetwork.train();
        using (no_grad())
            for (int start = 0; start < Images; start += TrainingBatch)
            {
                using DisposeScope scope = NewDisposeScope();
                torchNetwork.call(pixels.narrow(0, start, TrainingBatch));
            }
        torchNetwork.save_safetensors(file);
        // its modules find their layers by themselves
        ImportedStateDict imported = StateDict.Import(Fresh(network, images), File.ReadAllBytes(file), []);
        foreach ((ImportedModule module, (string name, string layer)) in imported.Modules.Zip(network.Names))
            if (module.Name != name || module.Layer != layer)
                throw new CommandException(
                    ExitCode.CheckFailed,
                    $"{module.Name} became layer {module.Layer}, but {name} should be layer {layer}."
                );
        return Gap(imported.Model, torchNetwork, images, pixels);
    }

    private static double ToTorch(WeightCase network, LabelledImages images, string file)
    {
        Trainer trainer = Trainer.Start(Fresh(network, images), "nesterov", Seed);
        for (int start = 0; start < Images; start += TrainingBatch)
            trainer = trainer
                .Step(
                    images.Pixels.AsMemory(start * images.ImageSize, TrainingBatch * images.ImageSize),
                    images.Labels.AsMemory(start, TrainingBatch),
                    learningRate: 0.05,
                    threads: 1
                )
                .Trainer;
        File.WriteAllBytes(file, StateDict.Export(trainer.Model, network.Names));
        using Sequential torchNetwork = network.Create();
        torchNetwork.load_safetensors(file, strict: true);
        using Tensor pixels = Pixels(images);
        return Gap(trainer.Model, torchNetwork, images, pixels);
    }

    private static double Gap(Model ours, Sequential torchNetwork, LabelledImages images, Tensor pixels)
    {
        torchNetwork.eval();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable inference = inference_mode();
        float[] scores = torchNetwork.call(pixels).contiguous().data<float>().ToArray();
        return Difference.Between<float, float>(ours.Logits(images.Pixels, threads: 1).ToArray(), scores);
    }

    private static Model Fresh(WeightCase network, LabelledImages images) =>
        Model.Create(network.Architecture, images.Channels, images.Height, images.Width, "he", Seed);

    private static Tensor Pixels(LabelledImages images)
    {
        using DisposeScope scope = NewDisposeScope();
        return tensor(images.Pixels, [images.Count, images.Channels, images.Height, images.Width])
            .to(ScalarType.Float32)
            .div(255f)
            .MoveToOuterDisposeScope();
    }
}
