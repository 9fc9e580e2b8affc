// Learns handwritten digits, keeps what it learned in a file, reads it again and asks it.
//
//   dotnet pack src/Cnn.Core.fsproj
//   dotnet run --project samples/Digits -- data/mnist digits.bin

using System.IO.Compression;
using Cnn;

string folder = args.Length > 0 ? args[0] : "data/mnist";
string file = args.Length > 1 ? args[1] : "digits.bin";
const int ImageSize = 28 * 28;
const int BatchSize = 32;
int threads = Environment.ProcessorCount;

// Ctrl-C stops the training, and what was learned until then is kept
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};

// one of six images will do to see it work
ReadOnlyMemory<byte> pixels = Read("train-images-idx3-ubyte", header: 16).AsMemory(0, 10_000 * ImageSize);
ReadOnlyMemory<byte> labels = Read("train-labels-idx1-ubyte", header: 8).AsMemory(0, 10_000);

// inputs of mean 0 and variance 1; the model file remembers how they were made so
(double mean, double deviation) = Model.NormalizationOf(pixels);
Model fresh = Model
    .Create(Model.Presets(classes: 10)["lenet"], channels: 1, height: 28, width: 28)
    .WithNormalization(mean, deviation);
Console.WriteLine($"{fresh.Architecture}: {fresh.ParameterCount} parameters");

// every step gives the next moment of the run and leaves the last one as it was
Trainer trainer = Trainer.Start(fresh, optimizer: "adam", seed: 1);
while (trainer.Epoch < 2 && !stop.IsCancellationRequested)
{
    foreach (TrainerStep step in trainer.EpochSteps(pixels, labels, BatchSize, learningRate: 0.002, threads))
    {
        trainer = step.Trainer;
        if (stop.IsCancellationRequested)
            break;
    }
    double recognised = (double)trainer.EpochCorrect / trainer.EpochExamples;
    Console.WriteLine($"epoch {trainer.Epoch + 1}: loss {trainer.EpochLoss:F3}, {recognised:P1} recognised");
    trainer = trainer.EndEpoch();
}

// the library reads and writes no files; bytes go in and come out
File.WriteAllBytes(file, trainer.Model.Encode());
Model model = Model.Decode(File.ReadAllBytes(file));

byte[] testPixels = Read("t10k-images-idx3-ubyte", header: 16);
byte[] testLabels = Read("t10k-labels-idx1-ubyte", header: 8);
EvaluationReport report = model.Evaluate(testPixels, testLabels, threads);
Console.WriteLine($"test: {report.Accuracy:P2} of {report.Examples} images");
Console.WriteLine($"fours taken for nines: {report.Confusion(truth: 4, predicted: 9)}");

Prediction answer = model.Predict(testPixels.AsMemory(0, ImageSize));
Console.WriteLine($"the first test image is a {testLabels[0]}; the model says {answer.Name}");
foreach ((string name, double probability) in answer.Candidates.Take(3))
    Console.WriteLine($"  {name}: {probability:P2}");

// an IDX file of MNIST: a header, then a byte a pixel or a label
byte[] Read(string name, int header)
{
    using var unpacked = new GZipStream(File.OpenRead(Path.Combine(folder, name + ".gz")), CompressionMode.Decompress);
    using var bytes = new MemoryStream();
    unpacked.CopyTo(bytes);
    return bytes.ToArray()[header..];
}
