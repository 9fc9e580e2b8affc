using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cnn.Peers.Weights;

/// <summary>A network as somebody writes it for PyTorch, with names of its own, and the same one in our text form.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Architecture">Ours.</param>
/// <param name="Names">The layer of each module that learns.</param>
/// <param name="Create">Makes it with the numbers that PyTorch draws.</param>
internal sealed record WeightCase(
    string Name,
    string Architecture,
    IReadOnlyList<KeyValuePair<string, string>> Names,
    Func<Sequential> Create
)
{
    /// <summary>All that are tried.</summary>
    public static IReadOnlyList<WeightCase> All { get; } =
    [
        new(
            "LeNet",
            Model.Presets(10)["lenet"],
            Map("conv1=0,conv2=3,fc1=7,fc2=9,fc3=11"),
            () =>
                nn.Sequential(
                    ("conv1", nn.Conv2d(1, 6, 5, padding: 2)),
                    ("relu1", nn.ReLU()),
                    ("pool1", nn.MaxPool2d(2)),
                    ("conv2", nn.Conv2d(6, 16, 5)),
                    ("relu2", nn.ReLU()),
                    ("pool2", nn.MaxPool2d(2)),
                    ("flatten", nn.Flatten()),
                    ("fc1", nn.Linear(400, 120)),
                    ("relu3", nn.ReLU()),
                    ("fc2", nn.Linear(120, 84)),
                    ("relu4", nn.ReLU()),
                    ("fc3", nn.Linear(84, 10))
                )
        ),
        new(
            "with batch normalisation",
            "conv 8 3 pad 1, batchnorm, relu, pool 2, conv 8 3x1 stride 2x1, batchnorm, silu, avgpool 2, flatten, "
                + "dense 24, batchnorm, leakyrelu 0.01, dense 24, tanh, dense 10",
            Map("features.0=0,features.1=1,features.4=4,features.5=5,head.0=9,head.1=10,head.3=12,head.5=14"),
            () =>
                nn.Sequential(
                    (
                        "features",
                        nn.Sequential(
                            nn.Conv2d(1, 8, 3, padding: 1),
                            nn.BatchNorm2d(8),
                            nn.ReLU(),
                            nn.MaxPool2d(2),
                            nn.Conv2d(8, 8, (3, 1), stride: (2, 1)),
                            nn.BatchNorm2d(8),
                            nn.SiLU(),
                            nn.AvgPool2d(2)
                        )
                    ),
                    ("flatten", nn.Flatten()),
                    (
                        "head",
                        nn.Sequential(
                            nn.Linear(8 * 3 * 7, 24),
                            nn.BatchNorm1d(24),
                            nn.LeakyReLU(0.01),
                            nn.Linear(24, 24),
                            nn.Tanh(),
                            nn.Linear(24, 10)
                        )
                    )
                )
        ),
    ];

    private static KeyValuePair<string, string>[] Map(string text) =>
        [.. text.Split(',').Select(pair => pair.Split('=')).Select(pair => KeyValuePair.Create(pair[0], pair[1]))];
}
