module Cnn.Tests.Properties

open System
open FsCheck.FSharp
open Expecto
open Cnn.Tests.NetworkCases
open Cnn.Tests.WrittenCases

/// What FsCheck finds the generators by.
type Arbitraries =
    static member Convolution() = Arb.fromGen WindowCases.convolution
    static member Pooling() = Arb.fromGen WindowCases.pooling
    static member Channels() = Arb.fromGen WindowCases.channelled
    static member Product() = Arb.fromGen WindowCases.product
    static member Network() = Arb.fromGen networkCase
    static member RichNetwork() = Arb.fromGen richCase

    static member Written() =
        Arb.fromGen (Gen.nonEmptyListOf writtenLayer |> Gen.map WrittenLayers)

    static member Nearly() = Arb.fromGen nearlyArchitecture

/// Cases of each property: three times the usual number, since mistakes at the edges of tiles and windows show in few shapes. The variable
/// CNN_PROPERTY_CASES says another, for runs in which something else is to be seen, such as which lines are reached.
let private cases =
    match Environment.GetEnvironmentVariable "CNN_PROPERTY_CASES" with
    | null
    | "" -> 300
    | count -> int count

/// A property over cases of these generators. When one fails, FsCheck prints the case and the seed to replay it with.
let property (name: string) (check: 'Case -> unit) : Test =
    let config =
        { FsCheckConfig.defaultConfig with
            arbitrary = [ typeof<Arbitraries> ]
            maxTest = cases
        }

    testPropertyWithConfig config name check
