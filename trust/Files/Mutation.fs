/// Changes to bytes that know nothing of what the bytes mean.
module Cnn.Trust.Files.Mutation

open System
open System.Buffers.Binary

/// Values at which arithmetic changes its mind, as they stand in files.
let private interesting: byte[][] =
    [|
        for value in
            [
                0L
                1L
                -1L
                127L
                128L
                255L
                256L
                32767L
                65535L
                65536L
                2147483647L
                -2147483648L
                4294967295L
                4294967296L
                Int64.MaxValue
                Int64.MinValue
            ] do
            let little = BitConverter.GetBytes value

            for bytes in [ 1; 2; 4; 8 ] do
                little[.. bytes - 1]
                Array.rev little[.. bytes - 1]
        for number in [ nanf; infinityf; -infinityf; -0.0f; 1e-45f; Single.MaxValue ] do
            BitConverter.GetBytes number
    |]

/// One of them.
let pick (random: Random) (items: 'T[]) : 'T = items[random.Next items.Length]

/// A start and a length, which is short more often than long.
let private range (random: Random) (length: int) : int * int =
    let start = random.Next(length + 1)
    start, min (length - start) (1 + random.Next(1 <<< random.Next 10))

let private overwrite (random: Random) (bytes: byte[]) (value: byte[]) : byte[] =
    let changed = Array.copy bytes
    let start = random.Next(bytes.Length + 1)
    Array.blit value 0 changed start (min value.Length (bytes.Length - start))
    changed

let private insert (random: Random) (bytes: byte[]) (value: byte[]) : byte[] =
    let start = random.Next(bytes.Length + 1)
    Array.concat [ bytes[.. start - 1]; value; bytes[start..] ]

let private noise (random: Random) (length: int) : byte[] =
    let bytes = Array.zeroCreate length
    random.NextBytes bytes
    bytes

/// One change.
let step (random: Random) (others: byte[][]) (bytes: byte[]) : byte[] =
    let start, length = range random bytes.Length
    let part = bytes[start .. start + length - 1]

    match random.Next 100 with
    | n when n < 25 && bytes.Length > 0 ->
        let changed = Array.copy bytes
        let at = random.Next bytes.Length
        changed[at] <- changed[at] ^^^ (1uy <<< random.Next 8)
        changed
    | n when n < 35 -> overwrite random bytes (noise random 1)
    | n when n < 50 -> overwrite random bytes (pick random interesting)
    | n when n < 56 -> insert random bytes (pick random interesting)
    | n when n < 60 -> insert random bytes (noise random (1 + random.Next 16))
    | n when n < 70 -> Array.append bytes[.. start - 1] bytes[start + length ..]
    | n when n < 77 -> insert random bytes part
    | n when n < 83 -> overwrite random bytes part
    | n when n < 90 ->
        let other = pick random others
        let from, _ = range random other.Length
        Array.append bytes[.. start - 1] other[from..]
    | n when n < 95 -> bytes[.. start - 1]
    | n when n < 97 -> overwrite random bytes (Array.create length (byte (random.Next 256)))
    // seldom much larger, so that what grows with the input shows
    | 97 -> insert random bytes (Array.replicate (1 + random.Next 200) part |> Array.concat)
    | 98 -> Array.append bytes (noise random length)
    | _ -> noise random length

/// One of the seeds with one to eight changes, more often few.
let mutate (random: Random) (seeds: byte[][]) : byte[] =
    let mutable bytes = pick random seeds

    for _ in 0 .. random.Next(1 + random.Next 8) do
        bytes <- step random seeds bytes

    bytes
