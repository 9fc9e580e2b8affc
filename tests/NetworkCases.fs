/// Random networks.
module Cnn.Tests.NetworkCases

open FsCheck
open FsCheck.FSharp
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Tests.WindowCases

/// Layers that fit each other and the input, ending in classes.
type NetworkCase =
    {
        Input: Shape
        Layers: Layer list
        Batch: int
        Seed: int
    }

    member case.Network =
        match Network.create case.Input case.Layers with
        | Ok network -> network
        | Error reason -> failtest $"{Architecture.format case.Layers} on {Shape.format case.Input}: {reason}"

/// The same with layers of every kind: those that draw, that keep a state, that hold other layers.
type RichCase = RichCase of NetworkCase

/// A window for an axis of this extent: kernel, stride, padding.
let private windowOn (extent: int) (mostPadding: int -> int) =
    gen {
        let! kernel = between 1 (min 4 extent)
        let! stride = between 1 3
        let! padding = between 0 (mostPadding kernel)
        return kernel, stride, padding
    }

let private conv2dOn rows columns =
    gen {
        let! kh, sh, ph = windowOn rows (fun kernel -> kernel)
        let! kw, sw, pw = windowOn columns (fun kernel -> kernel)
        // some with more channels than a vector holds
        let! filters = Gen.frequency [ 4, between 1 5; 1, between 6 35 ]

        return
            Conv2d
                {
                    Filters = filters
                    Kernel = (kh, kw)
                    Stride = (sh, sw)
                    Padding = (ph, pw)
                }
    }

let private poolOn rows columns =
    gen {
        let! kh, sh, ph = windowOn rows (fun kernel -> kernel - 1)
        let! kw, sw, pw = windowOn columns (fun kernel -> kernel - 1)

        let config: PoolConfig =
            {
                Kernel = (kh, kw)
                Stride = (sh, sw)
                Padding = (ph, pw)
            }

        return! Gen.elements [ MaxPool2d config; AvgPool2d config ]
    }

let private conv1dOn length =
    gen {
        let! kernel, stride, padding = windowOn length (fun kernel -> kernel)
        let! filters = between 1 5

        return
            Conv1d
                {
                    Filters = filters
                    Kernel = kernel
                    Stride = stride
                    Padding = padding
                }
    }

let private denseOn (inputs: int) =
    Gen.map2
        (fun named outputs ->
            Dense
                {
                    Inputs = (if named then Some inputs else None)
                    Outputs = outputs
                })
        (Gen.elements [ true; false ])
        (between 1 12)

let private activation =
    Gen.oneof
        [
            Gen.constant Activation.Silu
            Gen.constant Activation.Gelu
            Gen.constant Activation.Tanh
            Gen.map Activation.LeakyRelu (Gen.elements [ 0.01; 0.2; -0.5 ])
        ]

/// Layers that leave the shape as it is.
let keeping =
    Gen.frequency
        [
            3, Gen.constant BatchNorm
            1, Gen.constant Relu
            2, Gen.map Layer.Activation activation
            1, Gen.map Dropout (Gen.elements [ 0.0; 0.3; 0.75 ])
        ]

let private convolution filters kernel stride padding =
    Conv2d
        {
            Filters = filters
            Kernel = (kernel, kernel)
            Stride = (stride, stride)
            Padding = (padding, padding)
        }

/// A residual block for an image or a vector.
let rec private residualOn (shape: Shape) (nesting: int) : Gen<Layer> =
    gen {
        match shape with
        | [ channels; _; _ ] ->
            let! before = Gen.listOfLength 2 keeping
            let! after = Gen.listOfLength 1 keeping
            let! filters, stride = Gen.zip (between 1 9) (between 1 2)

            let! nested =
                if nesting > 0 then
                    residualOn shape (nesting - 1) |> Gen.map List.singleton
                else
                    Gen.constant []

            // one inside of another keeps the shape
            let! kind = between 0 (if nesting > 0 then 3 else 1)

            return
                match kind with
                | 0 ->
                    Residual
                        {
                            Body = before @ nested @ [ convolution channels 3 1 1 ] @ after
                            Shortcut = []
                        }
                | 1 ->
                    Residual
                        {
                            Body = nested @ before
                            Shortcut = after
                        }
                | 2 ->
                    Residual
                        {
                            Body = [ convolution filters 3 stride 1; BatchNorm; Relu ] @ after
                            Shortcut = [ convolution filters 1 stride 0; BatchNorm ]
                        }
                | _ ->
                    Residual
                        {
                            Body = before @ [ convolution filters 3 1 1 ]
                            Shortcut = nested @ [ convolution filters 3 1 1; BatchNorm ]
                        }
        | _ ->
            let! before = Gen.listOfLength 2 keeping
            let! after = keeping
            let inner = List.last shape

            return
                match shape with
                | [ _ ] ->
                    Residual
                        {
                            Body = before @ [ Dense { Inputs = None; Outputs = inner } ]
                            Shortcut = [ after ]
                        }
                | _ -> Residual { Body = before; Shortcut = [] }
    }

/// A few layers that fit the shape, then flatten where it is needed, then classes.
let rec private layersFrom (isRich: bool) (shape: Shape) (left: int) : Gen<Layer list> =
    gen {
        if left = 0 then
            match shape with
            | [ inputs ] ->
                let! last = denseOn inputs
                return [ last ]
            | _ ->
                let! last = denseOn (Shape.size shape)
                return [ Flatten; last ]
        else
            let! special = if isRich then between 0 1 else Gen.constant 0

            let! layer =
                match shape with
                | _ when special = 1 ->
                    Gen.frequency
                        [
                            4, keeping
                            2, residualOn shape 1
                            1,
                            (if shape.Length > 1 then
                                 Gen.constant GlobalAveragePool
                             else
                                 keeping)
                        ]
                | [ _; rows; columns ] ->
                    Gen.frequency
                        [
                            3, conv2dOn rows columns
                            2, poolOn rows columns
                            2, Gen.constant Relu
                            1, Gen.constant Flatten
                        ]
                | [ _; length ] -> Gen.frequency [ 3, conv1dOn length; 1, Gen.constant Relu; 1, Gen.constant Flatten ]
                | [ inputs ] -> Gen.frequency [ 2, denseOn inputs; 1, Gen.constant Relu ]
                | other -> failwith $"no layers start from {Shape.format other}"

            let next =
                match Layer.outputShape layer shape with
                | Ok next -> next
                | Error reason -> failwith $"the generator made a layer that does not fit: {reason}"

            let! rest = layersFrom isRich next (left - 1)
            return layer :: rest
    }

let private anyCase (isRich: bool) : Gen<NetworkCase> =
    gen {
        let! input =
            Gen.oneof
                [
                    Gen.map3 (fun c h w -> [ c; h; w ]) (between 1 3) (between 2 12) (between 2 12)
                    Gen.map2 (fun c l -> [ c; l ]) (between 1 3) (between 2 20)
                ]

        let! depth = between 0 6
        let! layers = layersFrom isRich input depth
        // a batch of one may be too small to be normalised
        let! batch = if isRich then between 3 5 else between 1 4
        let! seed = seed

        return
            {
                Input = input
                Layers = layers
                Batch = batch
                Seed = seed
            }
    }

let networkCase: Gen<NetworkCase> = anyCase false

let richCase: Gen<RichCase> = anyCase true |> Gen.map RichCase
