namespace Cnn.Training

open System
open Cnn.Tensors
open Cnn.Networks
open Cnn.Fusion

/// A mini-batch on several cores: cut into shards, one gradient a shard, and a sum in a fixed order.
///
/// The cut and the tree of additions depend on the size of the batch alone, never on how many threads run them:
/// one thread or eight give the same bits.
///
/// Batch normalisation takes the statistics of its own shard, not of the whole batch: "ghost" batch normalisation (Hoffer, Hubara and
/// Soudry 2017, "Train longer, generalize better"), which keeps shards apart and generalises better than that over large batches.
module DataParallel =

    /// Examples in a shard, at least: enough to fill the tiles of a matrix product, few enough for the L2 cache.
    [<Literal>]
    let private SmallestShard = 16

    /// Shards of a mini-batch, at most: each costs a gradient record of its own.
    [<Literal>]
    let private MostShards = 8

    let private cut (examples: int) : Shards =
        {
            Examples = examples
            Count = max 1 (min MostShards (examples / SmallestShard))
        }

    /// The shards (start, count) of a mini-batch: equal but for one example.
    let shards (examples: int) : (int * int) list =
        let shards = cut examples
        [ for i in 0 .. shards.Count - 1 -> shards.Start i, shards.Length i ]

    /// Adds neighbours, then neighbours of those, until one is left.
    let rec private sumTree (add: 'A -> 'A -> 'A) (items: 'A[]) : 'A =
        if items.Length = 1 then
            items[0]
        else
            items
            |> Array.chunkBySize 2
            |> Array.map (fun pair -> if pair.Length = 2 then add pair[0] pair[1] else pair[0])
            |> sumTree add

    /// A pass over a mini-batch, whose labels are smoothed by so much.
    let internal pass
        (smoothing: float)
        (seed: Seed)
        (plan: Plan)
        (parameters: Parameters<'T>)
        (examples: Examples<'T>)
        (labels: Tensor<int>)
        : BatchPass<'T> =
        new BatchPass<'T>(plan, parameters, seed, examples, labels, cut labels.Count, smoothing)

    let internal packing (pass: BatchPass<'T>) : Phases.Phase =
        Phases.phase pass.PackingCount pass.Pack

    let internal gradients (pass: BatchPass<'T>) : Phases.Phase = Phases.phase pass.Shards.Count pass.Run

    /// The loss, summed in a fixed order, and how many examples were put into their class.
    let internal total (pass: BatchPass<'T>) : struct (float * int) =
        let results = pass.Results
        struct (results |> Array.map (fun r -> r.Loss) |> sumTree (+), results |> Array.sumBy (fun r -> r.Correct))

    /// `lossAndGradients` of the loss with label smoothing, see SoftmaxCrossEntropy.forwardSmoothed.
    let smoothedLossAndGradients
        (smoothing: float)
        (threads: int)
        (seed: Seed)
        (plan: Plan)
        (parameters: Parameters<'T>)
        (x: Tensor<'T>)
        (labels: Tensor<int>)
        : Step<'T> =
        use pass = pass smoothing seed plan parameters (Examples.Numbers x) labels
        Phases.run threads [| packing pass; gradients pass |]
        let struct (loss, correct) = total pass

        {
            Loss = loss
            Correct = correct
            Examples = labels.Count
            Gradients = FusedNetwork.gradients parameters pass
            Observed = pass.Observed
        }

    /// FusedNetwork.lossAndGradients, shard by shard on at most `threads` threads.
    let lossAndGradients
        (threads: int)
        (seed: Seed)
        (plan: Plan)
        (parameters: Parameters<'T>)
        (x: Tensor<'T>)
        (labels: Tensor<int>)
        : Step<'T> =
        smoothedLossAndGradients 0.0 threads seed plan parameters x labels

    /// The logits of a batch of any size, by a plan that is packed, or will be by the phase before.
    let internal classify
        (threads: int)
        (classifier: Classifier<'T>)
        (packing: Phases.Phase)
        (examples: Examples<'T>)
        : Tensor<'T> =
        let prepared = classifier.Prepared
        let network = prepared.Plan.Network
        let count = Examples.count network.Input prepared.InputSize examples
        let classes = network.Classes

        let longest = Classifier<'T>.Longest

        let shards: Shards =
            {
                Examples = count
                Count = (count + longest - 1) / longest
            }

        let logits = GC.AllocateUninitializedArray(count * classes)

        let shard (i: int) =
            let start, count = shards.Start i, shards.Length i
            classifier.Run(examples, start, count, Span(logits, start * classes, count * classes))

        Phases.run threads [| packing; Phases.phase shards.Count shard |]
        GC.KeepAlive classifier
        Tensor([ count; classes ], logits)

    /// The logits of a batch of any size, on at most `threads` threads.
    let logits
        (threads: int)
        (plan: Plan)
        (parameters: Parameters<'T>)
        (state: LayerState<'T>)
        (x: Tensor<'T>)
        : Tensor<'T> =
        let home = PlanMemory<'T>.Of plan
        let classifier = home.RentClassifier plan

        try
            let prepared = classifier.Prepared
            let parts = prepared.Parts(parameters, ValueSome state)
            let packing = Phases.phase prepared.PackingCount (prepared.Pack parts)
            classify threads classifier packing (Examples.Numbers x)
        finally
            home.Return classifier
