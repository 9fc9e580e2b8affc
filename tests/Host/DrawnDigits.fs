/// Digits as people send them: on paper, in a photograph. Made from images of MNIST that the small model below has not seen.
module Cnn.Tests.Host.DrawnDigits

open System
open System.IO
open Cnn.Host.Data

let private training =
    lazy (DataSource.Open(DataSource.Default).LoadTraining ImageForm.Any)

// training images from here on are drawn; those before may be trained on
let private First = 50_000

let private side = 28

/// One of them, as it is in MNIST.
let digit (index: int) : Picture =
    Picture(1, side, side, ReadOnlyMemory(training.Value.Image(First + index).ToArray()))

/// Its class.
let truth (index: int) : int =
    int training.Value.Labels[First + index]

/// A picture of that size with the digit at a place of it, on black.
let place (digit: Picture) (height: int) (width: int) (top: int) (left: int) : Picture =
    let pixels = Array.zeroCreate<byte>(height * width)

    for row in 0 .. digit.Height - 1 do
        let source = digit.Pixels.Slice(row * digit.Width, digit.Width)
        source.CopyTo(Memory(pixels, (top + row) * width + left, digit.Width))

    Picture(1, height, width, ReadOnlyMemory pixels)

/// Four times as large, in dark grey on paper with a grain, in light from one side, with specks of dirt.
let photograph (random: Random) (digit: Picture) : Picture =
    let large = digit.Resized(4 * side, 4 * side)
    let height, width = 4 * side + random.Next 60, 4 * side + random.Next 60

    let top, left =
        random.Next(height - 4 * side + 1), random.Next(width - 4 * side + 1)

    let ink = (place large height width top left).Pixels.ToArray()

    let across, down =
        60.0 * random.NextDouble() - 30.0, 60.0 * random.NextDouble() - 30.0

    let pixels =
        ink
        |> Array.mapi (fun i value ->
            let row, column = float (i / width) / float height, float (i % width) / float width
            let paper = 180.0 + across * column + down * row

            let grain =
                4.0 * (random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5)

            let part = float value / 255.0
            byte (Math.Clamp((1.0 - part) * paper + part * 40.0 + grain, 0.0, 255.0)))

    for _ in 1..10 do
        let row, column = random.Next(height - 1), random.Next(width - 1)
        pixels[row * width + column] <- 60uy
        pixels[row * width + column + 1] <- 60uy

    Picture(1, height, width, ReadOnlyMemory pixels)

/// Writes the first images of MNIST as a data set to train on.
let writeMnist (folder: string) (count: int) : unit =
    let images = training.Value

    for half, first, size in [ "train", 0, count; "t10k", count, 100 ] do
        let write (name: string) (contents: byte[]) =
            File.WriteAllBytes(Path.Combine(folder, $"{half}-{name}"), contents)

        let some = images.Slice(first, size)
        write "images-idx3-ubyte" (Cli.idx 0x803 [ size; side; side ] some.Pixels)
        write "labels-idx1-ubyte" (Cli.idx 0x801 [ size ] some.Labels)

/// A model file with what can be learned of some thousand of these images within seconds.
let learned: Lazy<byte[]> =
    lazy
        (DataCase.fromFolder (fun folder ->
            writeMnist folder 6000

            [ "train"; "--data"; "."; "--epochs"; "3"; "--no-run-folder"; "--out"; "m.bin" ]
            |> Cli.runOk folder
            |> ignore

            File.ReadAllBytes(Path.Combine(folder, "m.bin"))))

/// Models that were not trained, for what hangs on their inputs and classes alone.
type Untrained =
    static member private Create(channels: int, classes: int) =
        Cnn.Model.Create($"flatten, dense {classes}", channels, side, side, "he", 1)

    static member Digits = Untrained.Create(1, 10)
    static member Colours = Untrained.Create(3, 10)

    static member Animals =
        Untrained.Create(1, 10).WithClassNames([ for i in 0..9 -> $"animal {i}" ])
