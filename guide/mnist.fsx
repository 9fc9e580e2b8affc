/// The images of MNIST that lie in data/mnist: how they are kept, and one way to look at them.
module Guide.Mnist

#load "support.fsx"

open System.Buffers.Binary
open System.IO
open System.IO.Compression
open Cnn.Tensors
open Cnn.Networks

/// An IDX file, unpacked: a magic number whose last byte counts the axes, an extent for each, then a byte for each value.
let private idx (name: string) : int list * byte[] =
    let path = Path.Combine(__SOURCE_DIRECTORY__, "..", "data", "mnist", name + ".gz")
    use packed = new GZipStream(File.OpenRead path, CompressionMode.Decompress)
    use unpacked = new MemoryStream()
    packed.CopyTo unpacked
    let bytes = unpacked.ToArray()

    let number at =
        BinaryPrimitives.ReadInt32BigEndian(System.ReadOnlySpan(bytes, 4 * at, 4))

    let axes = number 0 &&& 0xFF
    [ for axis in 1..axes -> number axis ], bytes[4 * (axes + 1) ..]

/// Images and their digits; from 0 for background to 1 for full ink.
type Digits =
    {
        /// [ N; 1; 28; 28 ]
        Images: Tensor<float32>
        /// [ N ]
        Labels: Tensor<int>
    }

let private read (half: string) (start: int) (count: int) : Digits =
    let _, pixels = idx $"{half}-images-idx3-ubyte"
    let _, labels = idx $"{half}-labels-idx1-ubyte"

    {
        Images = Tensor.init [ count; 1; 28; 28 ] (fun i -> float32 pixels[784 * start + i] / 255.0f)
        Labels = Tensor.init [ count ] (fun i -> int labels[start + i])
    }

/// So many of the 60,000 training images, from `start` on.
let training (start: int) (count: int) : Digits = read "train" start count

/// The 10,000 test images: to be looked at once, when nothing is left to choose.
let test () : Digits = read "t10k" 0 10_000

/// Some of them.
let slice (start: int) (count: int) (digits: Digits) : Digits =
    {
        Images = Tensor.slice start count digits.Images
        Labels = Tensor.slice start count digits.Labels
    }

/// One image, as numbers that one can draw and compute with. [ 1; 1; 28; 28 ]
let image (digits: Digits) (index: int) : Tensor<float> =
    Tensor.slice index 1 digits.Images |> Tensor.map float

/// One image as characters, dark to light.
let print (digits: Digits) (index: int) : unit =
    let ramp = " .:-=+*#%@"

    for row in 0..27 do
        let line =
            String.init 28 (fun column ->
                let value = digits.Images[784 * index + 28 * row + column]
                string ramp[min 9 (int (value * 10.0f))])

        if line.Trim() <> "" then
            printfn "  %s" (line.TrimEnd())

/// A network for such images, from its text form.
let network (text: string) : Network =
    Architecture.parse text
    |> Result.bind (Network.create [ 1; 28; 28 ])
    |> Result.defaultWith failwith

/// Where dropout would draw from, for networks in which nothing is random in training.
let noDraws: Randomness =
    {
        Seed = Seed.ofInt 0
        FirstExample = 0
    }
