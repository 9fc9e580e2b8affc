/// Random texts of networks.
module Cnn.Tests.WrittenCases

open FsCheck.FSharp
open FsCheck
open Cnn.Operations
open Cnn.Networks
open Cnn.Tests.WindowCases
open Cnn.Tests.NetworkCases

/// Layers that can be written down, whether or not they fit anything.
type WrittenLayers = WrittenLayers of Layer list

/// Text that looks like an architecture and mostly is none.
type NearlyArchitecture = NearlyArchitecture of string

let private writtenPlain: Gen<Layer> =
    // any number that the text form can hold, small ones more often so that equal pairs come up
    let size = Gen.frequency [ 5, between 0 4; 1, between 0 System.Int32.MaxValue ]
    let sizes = pairOf size size

    let pool =
        Gen.map3
            (fun kernel stride padding ->
                {
                    PoolConfig.Kernel = kernel
                    PoolConfig.Stride = stride
                    PoolConfig.Padding = padding
                })
            sizes
            sizes
            sizes

    Gen.oneof
        [
            Gen.map4
                (fun filters kernel stride padding ->
                    Conv2d
                        {
                            Filters = filters
                            Kernel = kernel
                            Stride = stride
                            Padding = padding
                        })
                size
                sizes
                sizes
                sizes
            Gen.map4
                (fun filters kernel stride padding ->
                    Conv1d
                        {
                            Filters = filters
                            Kernel = kernel
                            Stride = stride
                            Padding = padding
                        })
                size
                size
                size
                size
            Gen.map MaxPool2d pool
            Gen.map AvgPool2d pool
            Gen.map2 (fun inputs outputs -> Dense { Inputs = inputs; Outputs = outputs }) (Gen.optionOf size) size
            Gen.constant Relu
            Gen.constant Flatten
            Gen.constant GlobalAveragePool
            keeping
        ]

let rec private written (nesting: int) : Gen<Layer> =
    if nesting = 0 then
        writtenPlain
    else
        let some least =
            Gen.choose (least, 3)
            |> Gen.bind (fun count -> Gen.listOfLength count (written (nesting - 1)))

        Gen.frequency
            [
                5, writtenPlain
                1, Gen.map2 (fun body shortcut -> Residual { Body = body; Shortcut = shortcut }) (some 1) (some 0)
            ]

let writtenLayer: Gen<Layer> = written 2

let nearlyArchitecture: Gen<NearlyArchitecture> =
    let words =
        [
            "conv"
            "conv1d"
            "pool"
            "avgpool"
            "relu"
            "flatten"
            "dense"
            "batchnorm"
            "leakyrelu"
            "dropout"
            "residual"
            "("
            ")"
            "|"
            "0.5"
            "stride"
            "pad"
            ","
            ", "
            "->"
            "x"
            "3"
            "3x5"
        ]
        @ [
            "0"
            "-1"
            "2147483647"
            "2147483648"
            "1x2x3"
            "10->"
            "->10"
            "4->2"
            " "
            "\t"
            ""
            "é"
            "١"
            "1e3"
            "+1"
        ]

    Gen.nonEmptyListOf (Gen.elements words)
    |> Gen.map (fun words -> NearlyArchitecture(System.String.Join(" ", words)))
