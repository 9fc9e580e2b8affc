namespace Cnn.Training

open Cnn.Tensors
open Cnn.Networks
open Cnn.Fusion

/// A mini-batch on several cores: cut into shards, one gradient a shard, and a sum in a fixed order.
///
/// The cut and the tree of additions depend on the size of the batch alone, never on how many threads run them:
/// one thread or eight give the same bits.
module DataParallel =

    /// Examples in a shard, at least: enough to fill the tiles of a matrix product, few enough for the L2 cache.
    [<Literal>]
    let private SmallestShard = 16

    /// Shards of a mini-batch, at most: each costs a gradient record of its own.
    [<Literal>]
    let private MostShards = 8

    /// Examples that are classified in one go.
    [<Literal>]
    let private LogitsShard = 32

    /// The shards (start, count) of a mini-batch: equal but for one example.
    let shards (examples: int) : (int * int) list =
        let count = max 1 (min MostShards (examples / SmallestShard))

        let bound i =
            int (int64 examples * int64 i / int64 count)

        [ for i in 0 .. count - 1 -> bound i, bound (i + 1) - bound i ]

    /// Adds neighbours, then neighbours of those, until one is left.
    let rec private sumTree (add: 'A -> 'A -> 'A) (items: 'A[]) : 'A =
        if items.Length = 1 then
            items[0]
        else
            items
            |> Array.chunkBySize 2
            |> Array.map (fun pair -> if pair.Length = 2 then add pair[0] pair[1] else pair[0])
            |> sumTree add

    /// The phases of a pass, and where each shard will leave what it gave.
    let internal training (labels: Tensor<int>) (shards: (int * int)[]) (pass: BatchPass<'T>) =
        let results: ShardResult[] = Array.zeroCreate shards.Length
        let packing = pass.Packing

        struct ([|
                    Phases.phase packing.Length (fun i -> packing[i]())
                    Phases.phase shards.Length (fun i -> results[i] <- pass.Run(i, labels))
                |],
                results)

    /// The loss, summed in a fixed order, and how many examples were put into their class.
    let internal total (results: ShardResult[]) : struct (float * int) =
        struct (results |> Array.map (fun r -> r.Loss) |> sumTree (+), results |> Array.sumBy (fun r -> r.Correct))

    /// FusedNetwork.lossAndGradients, shard by shard on at most `threads` threads.
    let lossAndGradients
        (threads: int)
        (plan: Plan)
        (parameters: Parameters<'T>)
        (x: Tensor<'T>)
        (labels: Tensor<int>)
        : Step<'T> =
        let shards = shards labels.Count |> Array.ofList
        use pass = new BatchPass<'T>(plan, parameters, x, shards, true)
        let struct (phases, results) = training labels shards pass
        Phases.run threads phases
        let struct (loss, correct) = total results

        {
            Loss = loss
            Correct = correct
            Examples = labels.Count
            Gradients = FusedNetwork.gradients parameters pass
        }

    /// The logits of a batch of any size, in pieces of `LogitsShard` examples.
    let logits (threads: int) (plan: Plan) (parameters: Parameters<'T>) (x: Tensor<'T>) : Tensor<'T> =
        let examples = x.Shape.Head

        let shards =
            [|
                for start in 0..LogitsShard .. examples - 1 -> start, min LogitsShard (examples - start)
            |]

        use pass = new BatchPass<'T>(plan, parameters, x, shards, false)

        let packing = pass.Packing
        let logits: Tensor<'T>[] = Array.zeroCreate shards.Length

        Phases.run
            threads
            [|
                Phases.phase packing.Length (fun i -> packing[i]())
                Phases.phase shards.Length (fun i -> logits[i] <- pass.Logits i)
            |]

        logits |> List.ofArray |> Tensor.concat
