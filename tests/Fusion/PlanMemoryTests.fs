/// What a plan keeps from step to step goes with the plan, and does not grow.
module Cnn.Tests.Fusion.PlanMemoryTests

open System
open System.Diagnostics
open System.Runtime.CompilerServices
open Expecto
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks
open Cnn.Fusion
open Cnn.Training
open Cnn.Tests.Support

let private small =
    network [ 1; 12; 12 ] "conv 8 3 pad 1, relu, pool 2, flatten, dense 20, relu, dense 4"

let private step (threads: int) (batch: int) (state: TrainingState<float32>) =
    let x: Tensor<float32> = normals batch [ batch; 1; 12; 12 ] |> cast
    let labels = Tensor.init [ batch ] (fun n -> n % 4)

    let struct (next, _) = TrainingState.step threads 0.01 x labels state
    next

let private start () : TrainingState<float32> =
    TrainingState.start (Nesterov(0.9, 0.0)) He (Seed.ofInt 1) small

/// In a frame of its own, so that nothing of it is alive when it returns.
[<MethodImpl(MethodImplOptions.NoInlining)>]
let private usedPlan () : WeakReference =
    let state = start () |> step 2 64 |> step 2 64

    FusedNetwork.logits state.Plan state.Parameters state.State (normals 1 [ 3; 1; 12; 12 ] |> cast)
    |> ignore

    WeakReference state.Plan

let private collect () =
    for _ in 1..3 do
        GC.Collect()
        GC.WaitForPendingFinalizers()

let private megabytes () =
    use own = Process.GetCurrentProcess()
    own.WorkingSet64 / 1048576L

let tests =
    testSequenced
    <| testList
        "memory of a plan"
        [
            test "is freed with the plan, also when several threads have used it" {
                let plans = List.init 10 (fun _ -> usedPlan ())
                collect ()
                let alive = plans |> List.filter (fun plan -> plan.IsAlive) |> List.length
                // the last one may still stand in a register
                Expect.isLessThanOrEqual alive 1 "plans that are still alive"
            }
            test "does not grow with batches of different sizes, nor with logits" {
                let state = ref (start ())

                let round () =
                    for batch in [ 31; 128; 17; 1; 64 ] do
                        state.Value <- step 2 batch state.Value
                        let x: Tensor<float32> = normals 2 [ batch; 1; 12; 12 ] |> cast

                        FusedNetwork.logits state.Value.Plan state.Value.Parameters state.Value.State x
                        |> ignore

                for _ in 1..20 do
                    round ()

                collect ()
                let before = megabytes ()

                for _ in 1..200 do
                    round ()

                collect ()
                Expect.isLessThan (megabytes () - before) 60L "megabytes more"
            }
            test "is the same whatever was computed before" {
                let fresh = start () |> step 1 31
                let state = start ()
                step 2 128 state |> ignore
                step 2 17 state |> ignore

                Expect.sequenceEqual
                    (parameterBits (step 2 31 state).Parameters)
                    (parameterBits fresh.Parameters)
                    "bits of the parameters"
            }
            test "survives a batch that is refused" {
                let state = start ()

                for _ in 1..3 do
                    expectRefusal "labels" (fun () ->
                        TrainingState.step
                            2
                            0.01
                            (Tensor.zeros [ 40; 1; 12; 12 ])
                            (Tensor.init [ 39 ] (fun _ -> 0))
                            state)

                    expectRefusal "not one of the" (fun () ->
                        TrainingState.step
                            2
                            0.01
                            (Tensor.zeros [ 40; 1; 12; 12 ])
                            (Tensor.init [ 40 ] (fun _ -> 4))
                            state)

                Expect.isTrue (Parameters.isFinite (step 2 40 state).Parameters) "a step afterwards"
            }
            test "a size that wrapped round is refused" {
                use memory = Workspace.Rent()
                Expect.throwsT<OverflowException> (fun () -> memory.Take<float32> -1 |> ignore) "a negative count"
            }
        ]
