/// The optimisers against their definitions as PyTorch documents them (torch.optim.SGD, Adam, AdamW), written here
/// once more for one number at a time, with the bias corrections and the decay in the places where its text has them.
module Cnn.Tests.Training.OptimizerTests

open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Training
open Cnn.Tests.Support

/// One parameter with the two averages that an optimiser may keep of its gradient.
type private Cell = { P: float; M: float; V: float }

/// torch.optim.SGD with dampening 0
let private sgd
    (momentum: float)
    (nesterov: bool)
    (decay: float)
    (rate: float)
    (_: int)
    (cell: Cell)
    (gradient: float)
    =
    let g = gradient + decay * cell.P
    let b = momentum * cell.M + g
    let step = if nesterov then g + momentum * b else b

    { cell with
        P = cell.P - rate * step
        M = b
    }

/// torch.optim.Adam, without amsgrad; decoupled makes it torch.optim.AdamW
let private adam (decoupled: bool) (config: AdamConfig) (rate: float) (t: int) (cell: Cell) (gradient: float) =
    let p =
        if decoupled then
            cell.P - rate * config.WeightDecay * cell.P
        else
            cell.P

    let g =
        if decoupled then
            gradient
        else
            gradient + config.WeightDecay * cell.P

    let m = config.Beta1 * cell.M + (1.0 - config.Beta1) * g
    let v = config.Beta2 * cell.V + (1.0 - config.Beta2) * g * g
    let mHat = m / (1.0 - pown config.Beta1 t)
    let vHat = v / (1.0 - pown config.Beta2 t)

    {
        P = p - rate * mHat / (sqrt vHat + config.Epsilon)
        M = m
        V = v
    }

let private config decay =
    {
        Beta1 = 0.8
        Beta2 = 0.97
        Epsilon = 1e-4 // large enough to show where it is added
        WeightDecay = decay
    }

let private cases =
    [
        "sgd", Sgd 0.0, sgd 0.0 false 0.0
        "sgd with weight decay", Sgd 0.1, sgd 0.0 false 0.1
        "momentum", Momentum(0.9, 0.0), sgd 0.9 false 0.0
        "momentum with weight decay", Momentum(0.7, 0.1), sgd 0.7 false 0.1
        "nesterov", Nesterov(0.9, 0.0), sgd 0.9 true 0.0
        "nesterov with weight decay", Nesterov(0.7, 0.1), sgd 0.7 true 0.1
        "adam", Adam(config 0.0), adam false (config 0.0)
        "adam with weight decay", Adam(config 0.1), adam false (config 0.1)
        "adamw", AdamW(config 0.1), adam true (config 0.1)
        "adamw without weight decay", AdamW(config 0.0), adam true (config 0.0)
    ]

/// 23 weights and 3 biases, enough for whole vectors and a rest; parameters away from 0, so that a relative
/// comparison means something.
let private shapes = [ 23 ], [ 3 ]

let private start =
    Block
        [
            Empty
            Affine
                {
                    Affine.Weight = Tensor.init (fst shapes) (fun i -> 1.0 + 0.25 * float i)
                    Bias = Tensor.init (snd shapes) (fun i -> -2.0 - float i)
                }
        ]

let private gradientOf step =
    Block
        [
            Empty
            Affine
                {
                    Affine.Weight = normals (2 * step) (fst shapes)
                    Bias = normals (2 * step + 1) (snd shapes)
                }
        ]

let private flat<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (x: Parameters<'T>) =
    Parameters.named x |> List.map (snd >> numbers) |> Array.concat

/// Five steps with a learning rate that changes, as schedules change it.
let private rates = [ 0.1; 0.1; 0.05; 0.2; 0.01 ]

let private follows<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> tolerance optimizer rule =
    let initial: Parameters<'T> = Parameters.map (cast<'T>) start
    let mutable parameters, state = initial, Optimizer.start optimizer initial
    let mutable cells = flat initial |> Array.map (fun p -> { P = p; M = 0.0; V = 0.0 })

    for step, rate in List.indexed rates do
        let gradient: Parameters<'T> = gradientOf step |> Parameters.map (cast<'T>)

        let struct (next, nextState) =
            Optimizer.update optimizer rate gradient state parameters

        parameters <- next
        state <- nextState
        cells <- Array.map2 (rule rate (step + 1)) cells (flat gradient)
        expectClose tolerance $"step {step + 1}" (cells |> Array.map (fun cell -> cell.P)) (flat parameters)
        Expect.equal state.Steps (int64 (step + 1)) "steps counted"

let private definitions =
    testList
        "follows its definition"
        [
            for name, optimizer, rule in cases do
                test $"{name}, float64" { follows<float> 1e-14 optimizer rule }
                test $"{name}, float32" { follows<float32> 1e-6 optimizer rule }
        ]

let private behaviour =
    testList
        "in general"
        [
            test "steps of one epoch by hand: plain SGD" {
                let one value =
                    Affine
                        {
                            Affine.Weight = vector [ value ]
                            Bias = vector [ 0.0 ]
                        }

                let struct (next, _) =
                    Optimizer.update (Sgd 0.0) 0.5 (one 4.0) (Optimizer.start (Sgd 0.0) (one 1.0)) (one 1.0)

                Expect.equal next (one -1.0) "1 - 0.5 * 4"
            }
            test "the first step of Adam is the learning rate, whatever the size of the gradient" {
                let adam = Adam { config 0.0 with Epsilon = 0.0 }

                for scale in [ 1e-3; 1.0; 1e3 ] do
                    let gradient = Parameters.scale scale (gradientOf 0)

                    let struct (next, _) =
                        Optimizer.update adam 0.01 gradient (Optimizer.start adam start) start

                    let steps = Array.map2 (fun a b -> abs (a - b)) (flat next) (flat start)
                    expectClose 1e-12 "steps" (Array.create 26 0.01) steps
            }
            test "neither parameters, gradients nor state change under it, and it gives the same again" {
                for name, optimizer, _ in cases do
                    let gradient = gradientOf 1

                    let struct (parameters, state) =
                        Optimizer.update optimizer 0.1 (gradientOf 0) (Optimizer.start optimizer start) start

                    let inputs () =
                        List.map parameterBits [ parameters; gradient; state.First; state.Second ]

                    let before = inputs ()
                    let first = Optimizer.update optimizer 0.1 gradient state parameters
                    let second = Optimizer.update optimizer 0.1 gradient state parameters
                    Expect.equal (inputs ()) before $"{name}: inputs"
                    Expect.equal first second $"{name}: the same again"
            }
            test "the defaults are those of torch.optim" {
                let adam decay =
                    {
                        Beta1 = 0.9
                        Beta2 = 0.999
                        Epsilon = 1e-8
                        WeightDecay = decay
                    }

                Expect.equal
                    Optimizer.named
                    [
                        "sgd", Sgd 0.0
                        "momentum", Momentum(0.9, 0.0)
                        "nesterov", Nesterov(0.9, 0.0)
                        "adam", Adam(adam 0.0)
                        "adamw", AdamW(adam 0.01)
                    ]
                    "named"
            }
            test "gradients of another network are refused" {
                expectRefusal "different networks" (fun () ->
                    Optimizer.update (Sgd 0.0) 0.1 (Block [ Empty ]) (Optimizer.start (Sgd 0.0) start) start)
            }
            test "a state of another network is refused, also one of as many tensors" {
                let optimizer = Momentum(0.9, 0.0)

                let other =
                    start
                    |> Parameters.map (fun tensor -> Tensor.init (tensor.Shape @ [ 2 ]) (fun _ -> 0.0))

                for state in [ Optimizer.start optimizer other; Optimizer.start optimizer Empty ] do
                    expectRefusal "a different network" (fun () -> Optimizer.update optimizer 0.1 start state start)
            }
            test "a state that was read from elsewhere is as good: its shapes are equal, not the same objects" {
                let optimizer = Momentum(0.9, 0.0)
                let state = Optimizer.start optimizer start

                let copy =
                    { state with
                        First =
                            state.First
                            |> Parameters.map (fun tensor ->
                                Tensor.init (List.map id tensor.Shape) (fun i -> tensor[i]))
                    }

                Expect.equal
                    (Optimizer.update optimizer 0.1 start copy start)
                    (Optimizer.update optimizer 0.1 start state start)
                    "step"
            }
        ]

let tests = testList "optimizer" [ definitions; behaviour ]
