namespace Cnn.Tensors

open System
open MathNet.Numerics.Random

/// All randomness of a run grows from one of these; the same seed always gives the same numbers.
[<Struct>]
type Seed = Seed of uint64

/// The independent purposes that draw from one seed. Their numbers are part of what makes
/// a run reproducible: append, never renumber.
type Stream =
    | Initialization = 0
    | Shuffle = 1
    | Augmentation = 2
    | Split = 3
    | Dropout = 4

module Seed =

    /// The finaliser of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
    /// generators"): neighbouring inputs give unrelated outputs.
    let private mix (value: uint64) : uint64 =
        let z = (value ^^^ (value >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        z ^^^ (z >>> 31)

    /// The 64 random bits at a position: the number that SplitMix64, started at this seed, gives there. They are a
    /// function of seed and position alone, so positions can be drawn in any order, or many at once (Salmon et al. 2011,
    /// "Parallel random numbers: as easy as 1, 2, 3"). A seed whose bits are drawn is not to be split as well.
    let bits (position: int) (Seed seed) : uint64 =
        mix (seed + 0x9E3779B97F4A7C15UL * (uint64 (uint32 position) + 1UL))

    /// The child of a seed with this index; different indices give independent children.
    let split (index: int) (seed: Seed) : Seed = Seed(bits index seed)

    /// The root of a run, from the number that a user gives.
    let ofInt (number: int) : Seed = Seed(uint64 (uint32 number)) |> split 0

    /// The child of a seed that serves one purpose.
    let stream (purpose: Stream) (seed: Seed) : Seed = split (int purpose) seed

    /// A generator (xoshiro256**, of MathNet.Numerics) that starts at this seed. It is mutable:
    /// make it where it is used, and let it not escape.
    let generator (Seed seed) : Random =
        Xoshiro256StarStar(int (uint32 (seed >>> 32)), threadSafe = false)
