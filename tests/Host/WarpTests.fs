module Cnn.Tests.Host.WarpTests

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open Cnn.Host.Augmentations

/// Pixels of every value, no two neighbours alike.
let private noise (length: int) (seed: int) : byte[] =
    let bytes = Array.zeroCreate length
    Random(seed).NextBytes bytes
    bytes

let private warp (channels: int, height: int, width: int) (placement: Placement) (image: byte[]) : byte[] =
    let result = Array.create image.Length 77uy
    Warp.Apply(ReadOnlySpan image, Span result, channels, height, width, placement)
    result

let private shift (channels: int, height: int, width: int) (down: int) (right: int) (image: byte[]) : byte[] =
    let result = Array.create image.Length 77uy
    Shift.Apply(ReadOnlySpan image, Span result, channels, height, width, down, right)
    result

let private still = Placement.Still

/// One that only rotates, and so on.
let private rotated degrees =
    Placement(0, 0, degrees, 1.0, 0.0, false)

let private mirrored = Placement(0, 0, 0.0, 1.0, 0.0, true)

/// The warp from its definition, one pixel at a time in double precision and not rounded: the matrix is multiplied
/// up and inverted, and the source read with zeros all round.
let private reference
    (channels: int, height: int, width: int)
    (placement: Placement)
    (displacement: int -> int -> float * float)
    (image: byte[])
    : float[] =
    let multiply (a, b, c, d) (e, f, g, h) =
        (a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)

    let radians degrees = degrees * Math.PI / 180.0
    let angle = radians placement.Rotation
    let rotation = (cos angle, -(sin angle), sin angle, cos angle)
    let scale = (placement.Scale, 0.0, 0.0, placement.Scale)
    let shear = (1.0, tan (radians placement.Shear), 0.0, 1.0)
    let mirror = ((if placement.IsMirrored then -1.0 else 1.0), 0.0, 0.0, 1.0)
    let a, b, c, d = multiply rotation (multiply scale (multiply shear mirror))
    let determinant = a * d - b * c
    let centreX, centreY = float (width - 1) / 2.0, float (height - 1) / 2.0

    let pixel channel row column =
        if row < 0 || row >= height || column < 0 || column >= width then
            0.0
        else
            float image[(channel * height + row) * width + column]

    [|
        for channel in 0 .. channels - 1 do
            for row in 0 .. height - 1 do
                for column in 0 .. width - 1 do
                    let dx, dy = displacement row column
                    let x = float column + dx - centreX - float placement.Right
                    let y = float row + dy - centreY - float placement.Down
                    let sourceX = (d * x - b * y) / determinant + centreX
                    let sourceY = (a * y - c * x) / determinant + centreY
                    let left, top = floor sourceX, floor sourceY

                    List.sum
                        [
                            for i in 0..1 do
                                for j in 0..1 do
                                    let weight =
                                        (1.0 - abs (sourceY - top - float i)) * (1.0 - abs (sourceX - left - float j))

                                    weight * pixel channel (int top + i) (int left + j)
                        ]
    |]

type WarpCase =
    {
        Sizes: int * int * int
        Placement: Placement
        Displaced: float32
        Seed: int
    }

type WarpCases =
    static member Case() =
        gen {
            let! channels = Gen.choose (1, 3)
            let! height = Gen.choose (1, 20)
            let! width = Gen.choose (1, 40)
            let! down = Gen.choose (-4, 4)
            let! right = Gen.choose (-4, 4)
            let! rotation = Gen.choose (-1800, 1800)
            let! scale = Gen.choose (20, 250)
            let! shear = Gen.choose (-600, 600)
            let! isMirrored = Gen.elements [ true; false ]
            let! displaced = Gen.elements [ 0.0f; 2.0f; 50.0f ]
            let! seed = Gen.choose (0, 1000)

            return
                {
                    Sizes = channels, height, width
                    Placement =
                        Placement(
                            down,
                            right,
                            float rotation / 10.0,
                            float scale / 100.0,
                            float shear / 10.0,
                            isMirrored
                        )
                    Displaced = displaced
                    Seed = seed
                }
        }
        |> Arb.fromGen

let private property name (check: WarpCase -> unit) =
    testPropertyWithConfig
        { FsCheckConfig.defaultConfig with
            arbitrary = [ typeof<WarpCases> ]
            maxTest = 300
        }
        name
        check

/// A disc of ink in the middle, far from the edges.
let private disc (size: int) : byte[] =
    let centre = float (size - 1) / 2.0

    Array.init (size * size) (fun cell ->
        let y, x = float (cell / size) - centre, float (cell % size) - centre
        byte (Math.Clamp(255.0 * (float size / 5.0 - sqrt (x * x + y * y)), 0.0, 255.0)))

let private mass (image: byte[]) = Array.sumBy float image

let tests =
    testList
        "Host.Warp"
        [
            property "the naive warp in double precision, every placement and displacement" (fun case ->
                let channels, height, width = case.Sizes
                let image = noise (channels * height * width) case.Seed
                let stride = ElasticField.Stride width
                let random = Random case.Seed

                let field () =
                    Array.init (height * stride) (fun _ -> (2.0f * random.NextSingle() - 1.0f) * case.Displaced)

                let right, down = field (), field ()
                let actual = Array.create image.Length 77uy

                if case.Displaced = 0.0f then
                    Warp.Apply(ReadOnlySpan image, Span actual, channels, height, width, case.Placement)
                else
                    Warp.Apply(
                        ReadOnlySpan image,
                        Span actual,
                        channels,
                        height,
                        width,
                        case.Placement,
                        ReadOnlySpan right,
                        ReadOnlySpan down
                    )

                let expected =
                    image
                    |> reference case.Sizes case.Placement (fun row column ->
                        float right[row * stride + column], float down[row * stride + column])

                // half a step of rounding, and coordinates of about 100 pixels in single precision
                Array.iter2
                    (fun e a ->
                        if abs (e - float a) > 0.5 + 0.02 then
                            failtest $"{e} expected, {a} came")
                    expected
                    actual)
            test "nothing moves: the identical image, of any size" {
                for sizes in [ 1, 28, 28; 3, 5, 9; 1, 1, 1; 2, 1, 17; 1, 33, 8 ] do
                    let channels, height, width = sizes
                    let image = noise (channels * height * width) 1
                    Expect.equal (warp sizes still image) image $"{sizes}"
            }
            test "whole pixels: the same bits as Shift" {
                for sizes in [ 1, 28, 28; 3, 5, 9; 1, 1, 4 ] do
                    let channels, height, width = sizes
                    let image = noise (channels * height * width) 2

                    for down in [ -30; -4; -1; 0; 2; 5; 30 ] do
                        for right in [ -30; -9; 0; 1; 3; 30 ] do
                            Expect.equal
                                (warp sizes (Placement(down, right, 0.0, 1.0, 0.0, false)) image)
                                (shift sizes down right image)
                                $"{sizes} down {down} right {right}"
            }
            test "mirrored is every row turned round, and twice is once less" {
                for sizes in [ 1, 28, 28; 3, 5, 9; 1, 1, 4 ] do
                    let channels, height, width = sizes
                    let image = noise (channels * height * width) 3
                    let turned = image |> Array.chunkBySize width |> Array.collect Array.rev
                    Expect.equal (warp sizes mirrored image) turned "once"
                    Expect.equal (image |> warp sizes mirrored |> warp sizes mirrored) image "twice"
            }
            test "a quarter turn clockwise, and a mirrored quarter turn back is the transposition" {
                for size in [ 1; 2; 7; 28 ] do
                    let image = noise (size * size) 4
                    let sizes = 1, size, size

                    let picked f =
                        Array.init (size * size) (fun cell ->
                            let row, column = f (cell / size, cell % size)
                            image[row * size + column])

                    let same expected actual what =
                        // the sine of a quarter turn is not quite 1 in floating point
                        Array.iter2
                            (fun (e: byte) (a: byte) -> Expect.isLessThanOrEqual (abs (int e - int a)) 1 what)
                            expected
                            actual

                    same (picked (fun (row, column) -> size - 1 - column, row)) (warp sizes (rotated 90.0) image) "turn"

                    same
                        (picked (fun (row, column) -> column, row))
                        (warp sizes (Placement(0, 0, -90.0, 1.0, 0.0, true)) image)
                        "transposition"
            }
            test "shear leans upright lines by its angle, and leaves the middle row" {
                // 45 degrees: each row one pixel farther than the one above
                let size = 9

                let image =
                    Array.init (size * size) (fun cell -> if cell % size = 4 then 255uy else 0uy)

                let sheared = warp (1, size, size) (Placement(0, 0, 0.0, 1.0, 45.0, false)) image

                for row in 0 .. size - 1 do
                    let lit =
                        [ 0 .. size - 1 ]
                        |> List.filter (fun column -> sheared[row * size + column] > 250uy)

                    Expect.equal lit [ row ] $"row {row}"
            }
            test "ink is kept by rotation and shear, and grows with the square of the scale" {
                let size = 64
                let image = disc size

                let ratio placement =
                    mass (warp (1, size, size) placement image) / mass image

                for degrees in [ -33.0; 10.0; 45.0 ] do
                    Expect.floatClose { absolute = 0.005; relative = 0.0 } (ratio (rotated degrees)) 1.0 "rotation"

                    Expect.floatClose
                        { absolute = 0.005; relative = 0.0 }
                        (ratio (Placement(1, 2, 0.0, 1.0, degrees, false)))
                        1.0
                        "shear"

                for scale in [ 0.7; 0.9; 1.3 ] do
                    Expect.floatClose
                        { absolute = 0.01; relative = 0.0 }
                        (ratio (Placement(0, 0, 0.0, scale, 0.0, false)))
                        (scale * scale)
                        "scale"
            }
            test "lengths that are wrong and spans that overlap are refused" {
                let image = noise 12 1

                Cnn.Tests.Support.expectRefusal "hold an image" (fun () ->
                    Warp.Apply(ReadOnlySpan image, Span(Array.zeroCreate 11), 1, 3, 4, still))

                Cnn.Tests.Support.expectRefusal "overlap" (fun () ->
                    Warp.Apply(ReadOnlySpan image, Span image, 1, 3, 4, still))
            }
        ]
