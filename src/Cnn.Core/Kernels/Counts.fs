namespace Cnn.Kernels

#nowarn "3535"

/// A small number as a type, so that the JIT compiles a loop for it in which nothing is left to decide.
type internal ICount =
    static abstract Count: int

[<Struct>]
type internal One =
    interface ICount with
        static member Count = 1

[<Struct>]
type internal Two =
    interface ICount with
        static member Count = 2

[<Struct>]
type internal Three =
    interface ICount with
        static member Count = 3

[<Struct>]
type internal Four =
    interface ICount with
        static member Count = 4

[<Struct>]
type internal Five =
    interface ICount with
        static member Count = 5

[<Struct>]
type internal Six =
    interface ICount with
        static member Count = 6

[<Struct>]
type internal Seven =
    interface ICount with
        static member Count = 7

[<Struct>]
type internal Eight =
    interface ICount with
        static member Count = 8

[<Struct>]
type internal Nine =
    interface ICount with
        static member Count = 9

[<Struct>]
type internal Ten =
    interface ICount with
        static member Count = 10

[<Struct>]
type internal Eleven =
    interface ICount with
        static member Count = 11

[<Struct>]
type internal Twelve =
    interface ICount with
        static member Count = 12

[<Struct>]
type internal Thirteen =
    interface ICount with
        static member Count = 13

[<Struct>]
type internal Fourteen =
    interface ICount with
        static member Count = 14
