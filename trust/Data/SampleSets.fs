/// Data sets in every format that can be read, from images in memory.
module Cnn.Trust.Data.SampleSets

open System
open System.IO
open Cnn.Host.Data
open Cnn.Trust.Runs

let private inside (folder: string) (name: string) = Path.Combine(folder, name)

/// The first images of a set.
let first (count: int) (images: LabelledImages) : LabelledImages = images.Slice(0, min count images.Count)

/// The digits that travel with the program: those to train on, and those of the test.
let digits () : LabelledImages * LabelledImages =
    let source = DataSource.Open DataSource.Default
    source.LoadTraining ImageForm.Any, source.LoadTest ImageForm.Any

/// Images of any kind as two IDX files, which start with this word.
let writeIdx (folder: string) (half: string) (images: LabelledImages) : unit =
    let rank, shape =
        if images.Channels = 1 then
            3, [ images.Height; images.Width ]
        else
            4, [ images.Channels; images.Height; images.Width ]

    File.WriteAllBytes(
        inside folder $"{half}-images-idx3-ubyte",
        SmallData.idx (0x800 + rank) (images.Count :: shape) images.Pixels
    )

    File.WriteAllBytes(inside folder $"{half}-labels-idx1-ubyte", SmallData.idx 0x801 [ images.Count ] images.Labels)

/// Images as rows of a CSV file. Rows begin with the label; the header, where one is wanted, is that of Kaggle's file of MNIST.
let writeCsv (path: string) (hasHeader: bool) (images: LabelledImages) : unit =
    use file = new StreamWriter(path)

    if hasHeader then
        let pixels = Seq.init images.ImageSize (fun i -> $"pixel{i}")
        file.WriteLine(String.Join(',', Seq.append [ "label" ] pixels))

    for i in 0 .. images.Count - 1 do
        file.Write(images.NameOf(int images.Labels[i]))

        for pixel in images.Image(i).ToArray() do
            file.Write ','
            file.Write pixel

        file.WriteLine()

/// Images as PNG files in a folder for each class.
let writePictures (folder: string) (images: LabelledImages) : unit =
    for i in 0 .. images.Count - 1 do
        let place = inside folder (images.NameOf(int images.Labels[i]))
        Directory.CreateDirectory place |> ignore

        let picture =
            Picture(images.Channels, images.Height, images.Width, ReadOnlyMemory(images.Image(i).ToArray()))

        File.WriteAllBytes(inside place $"{i:D5}.png", ImageFile.EncodePng picture)

/// What CIFAR-10 is kept as: five files to train on, one to test with, and the names of the classes.
let writeCifar (folder: string) (training: LabelledImages) (test: LabelledImages) : unit =
    let write (name: string) (images: LabelledImages) (places: int list) =
        use file = File.Create(inside folder name)

        for i in places do
            file.WriteByte images.Labels[i]
            file.Write(images.Image i)

    let parts = List.init training.Count id |> List.splitInto 5

    parts
    |> List.iteri (fun part places -> write $"data_batch_{part + 1}.bin" training places)

    write "test_batch.bin" test (List.init test.Count id)

    if not (isNull training.ClassNames) then
        File.WriteAllLines(inside folder "batches.meta.txt", training.ClassNames)

/// Ten classes that a small network learns to tell apart within some epochs: stripes that lie or stand, in five colours, at places and
/// in strengths that the seed determines, over noise.
let stripes (count: int) (seed: int) : LabelledImages =
    let side = 32
    let random = Random seed

    let colours =
        [|
            "red", (1.0, 0.1, 0.1)
            "green", (0.1, 1.0, 0.1)
            "blue", (0.1, 0.1, 1.0)
            "yellow", (1.0, 1.0, 0.1)
            "white", (1.0, 1.0, 1.0)
        |]

    let names =
        [|
            for colour, _ in colours do
                $"{colour} lying"
                $"{colour} standing"
        |]

    let image (label: int) =
        let _, (red, green, blue) = colours[label / 2]
        let period, phase = random.Next(4, 9), random.Next 8
        let strength = float (random.Next(60, 160))

        [|
            for share in [ red; green; blue ] do
                for row in 0 .. side - 1 do
                    for column in 0 .. side - 1 do
                        let along = if label % 2 = 0 then row else column
                        let isLit = (along + phase) % period < period / 2
                        let level = if isLit then strength * share else 0.0
                        byte (int level + random.Next 90)
        |]

    let labels = Array.init count (fun i -> byte (i % names.Length))

    LabelledImages(3, side, side, Array.collect (int >> image) labels, labels, ClassNames = names)
