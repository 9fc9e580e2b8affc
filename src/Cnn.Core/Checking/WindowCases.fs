namespace Cnn.Checking

open Cnn.Tensors
open Cnn.Operations

/// Convolution and pooling over strides, paddings, odd and non-square sizes, channels and batches.
module internal WindowCases =

    let private normal = GradientCheck.normal

    /// A smooth function of tensors.
    let private smooth (output: Tensor<float>) : Probe = { Output = output; Branches = [||] }

    let private pair (rows: int, columns: int) = $"{rows}x{columns}"

    let private two (f: 'A -> 'B -> 'C) (tensors: 'A list) (second: 'B) = f tensors.Head second

    let conv1d (backwards: Backwards) (seed: Seed) : Subject list =
        // batch, channels, length, config
        [
            1,
            1,
            5,
            {
                Conv1d.Filters = 1
                Conv1d.Kernel = 3
                Conv1d.Stride = 1
                Conv1d.Padding = 0
            }
            2,
            3,
            9,
            {
                Conv1d.Filters = 4
                Conv1d.Kernel = 4
                Conv1d.Stride = 2
                Conv1d.Padding = 1
            }
            3,
            2,
            7,
            {
                Conv1d.Filters = 2
                Conv1d.Kernel = 2
                Conv1d.Stride = 3
                Conv1d.Padding = 2
            }
        ]
        |> List.mapi (fun i (batch, channels, length, config) ->
            let draw k =
                normal (seed |> Seed.split i |> Seed.split k)

            {
                Operation = "conv1d"
                Case =
                    $"{batch}x{channels}x{length}, kernel {config.Kernel}, stride {config.Stride}, pad {config.Padding}"
                Inputs =
                    [
                        "input", draw 0 [ batch; channels; length ]
                        "weight", draw 1 (Conv1d.weightShape config channels)
                        "bias", draw 2 [ config.Filters ]
                    ]
                Forward =
                    fun t ->
                        let struct (y, _) = Conv1d.forward config t[1] t[2] t[0]
                        smooth y
                Backward =
                    fun t dy ->
                        let struct (_, cache) = Conv1d.forward config t[1] t[2] t[0]
                        let g = backwards.Conv1d t[1] cache dy
                        [ g.Input; g.Weight; g.Bias ]
            })

    let conv2d (backwards: Backwards) (seed: Seed) : Subject list =
        // batch, channels, (rows, columns), filters, kernel, stride, padding
        [
            2, 3, (5, 5), 4, (3, 3), (1, 1), (0, 0)
            2, 2, (7, 6), 3, (3, 2), (2, 1), (1, 0)
            1, 1, (6, 9), 2, (5, 3), (1, 2), (2, 1)
            3, 2, (4, 4), 2, (1, 1), (1, 1), (0, 0)
            1, 3, (5, 8), 2, (2, 4), (3, 2), (1, 3)
            2, 1, (5, 7), 3, (5, 7), (1, 1), (0, 0)
            2, 2, (8, 9), 2, (2, 2), (3, 3), (0, 1)
            1, 2, (3, 3), 17, (3, 3), (1, 1), (1, 1)
            2, 2, (1, 1), 3, (3, 3), (1, 1), (1, 1)
        ]
        |> List.mapi (fun i (batch, channels, (rows, columns), filters, kernel, stride, padding) ->
            let draw k =
                normal (seed |> Seed.split i |> Seed.split k)

            let config: Conv2d.Config =
                {
                    Filters = filters
                    Kernel = kernel
                    Stride = stride
                    Padding = padding
                }

            {
                Operation = "conv2d"
                Case =
                    $"{batch}x{channels}x{rows}x{columns}, kernel {pair kernel}, stride {pair stride}, pad {pair padding}"
                Inputs =
                    [
                        "input", draw 0 [ batch; channels; rows; columns ]
                        "weight", draw 1 (Conv2d.weightShape config channels)
                        "bias", draw 2 [ filters ]
                    ]
                Forward =
                    fun t ->
                        let struct (y, _) = Conv2d.forward config t[1] t[2] t[0]
                        smooth y
                Backward =
                    fun t dy ->
                        let struct (_, cache) = Conv2d.forward config t[1] t[2] t[0]
                        let g = backwards.Conv2d t[1] cache dy
                        [ g.Input; g.Weight; g.Bias ]
            })

    let private pools: ((int * int) * PoolConfig) list =
        [
            (4, 4), PoolConfig.square 2
            (7, 9), PoolConfig.square 3
            (6, 5),
            {
                Kernel = (3, 3)
                Stride = (2, 2)
                Padding = (1, 1)
            }
            (5, 8),
            {
                Kernel = (2, 3)
                Stride = (1, 2)
                Padding = (0, 2)
            }
        ]

    let pooling (backwards: Backwards) (seed: Seed) : Subject list =
        pools
        |> List.mapi (fun i ((rows, columns), config) ->
            let input = [ "input", normal (Seed.split i seed) [ 2; 3; rows; columns ] ]

            let case =
                $"2x3x{rows}x{columns}, window {pair config.Kernel}, stride {pair config.Stride}, pad {pair config.Padding}"

            [
                {
                    Operation = "max-pool"
                    Case = case
                    Inputs = input
                    Forward =
                        fun t ->
                            let struct (y, cache) = MaxPool2d.forward config t.Head

                            {
                                Output = y
                                Branches = cache.Winners.ToArray()
                            }
                    Backward =
                        two (fun x dy ->
                            let struct (_, cache) = MaxPool2d.forward config x
                            [ (backwards.MaxPool2d cache dy).Input ])
                }
                {
                    Operation = "avg-pool"
                    Case = case
                    Inputs = input
                    Forward =
                        fun t ->
                            let struct (y, _) = AvgPool2d.forward config t.Head
                            smooth y
                    Backward =
                        two (fun x dy ->
                            let struct (_, cache) = AvgPool2d.forward config x
                            [ (backwards.AvgPool2d cache dy).Input ])
                }
            ])
        |> List.concat
