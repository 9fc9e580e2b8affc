namespace Cnn.Checking

open Cnn.Tensors

/// Everything that the gradient check goes through.
module GradientCases =

    /// All subjects, with the given backward passes.
    let all (backwards: Backwards) (seed: Seed) : Subject list =
        [
            WindowCases.conv1d backwards
            WindowCases.conv2d backwards
            WindowCases.pooling backwards
            LayerCases.elementwise backwards
            ChannelCases.activations backwards
            ChannelCases.batchNorm backwards
            ChannelCases.dropout backwards
            ChannelCases.globalAveragePool backwards
            LayerCases.dense backwards
            LayerCases.loss backwards
            NetworkCases.networks
        ]
        |> List.mapi (fun i subjects -> subjects (Seed.split i seed))
        |> List.concat
