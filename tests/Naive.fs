/// What the kernels compute, written down once more from the formulas: nested loops over plain arrays that share
/// nothing with the kernels. It is what the fast code is compared with.
module Cnn.Tests.Naive

/// The extents of a convolution or a pooling; pairs are spelled out as H (rows) and W (columns).
type Extents =
    {
        N: int
        C: int
        H: int
        W: int
        /// Filters of a convolution; pooling leaves the channels alone.
        O: int
        KH: int
        KW: int
        SH: int
        SW: int
        PH: int
        PW: int
    }

    member e.OH = (e.H + 2 * e.PH - e.KH) / e.SH + 1
    member e.OW = (e.W + 2 * e.PW - e.KW) / e.SW + 1

/// Row-major position in four axes, the outermost extent not needed.
let private at (_, b, c, d) (i, j, k, l) : int = ((i * b + j) * c + k) * d + l

/// The cell of an image, zero in the padding around it.
let private cell (e: Extents) (x: float[]) (n, c, h, w) =
    if h < 0 || h >= e.H || w < 0 || w >= e.W then
        0.0
    else
        x[at (e.N, e.C, e.H, e.W) (n, c, h, w)]

/// Every output place, in row-major order.
let private tabulate (a, b, c, d) (f: int * int * int * int -> 'R) : 'R[] =
    [|
        for i in 0 .. a - 1 do
            for j in 0 .. b - 1 do
                for k in 0 .. c - 1 do
                    for l in 0 .. d - 1 -> f (i, j, k, l)
    |]

let conv2d (e: Extents) (weight: float[]) (bias: float[]) (x: float[]) : float[] =
    tabulate (e.N, e.O, e.OH, e.OW) (fun (n, o, i, j) ->
        let mutable sum = bias[o]

        for c in 0 .. e.C - 1 do
            for a in 0 .. e.KH - 1 do
                for b in 0 .. e.KW - 1 do
                    let w = weight[at (e.O, e.C, e.KH, e.KW) (o, c, a, b)]
                    sum <- sum + w * cell e x (n, c, i * e.SH - e.PH + a, j * e.SW - e.PW + b)

        sum)

/// One kernel over each channel of an image, which goes on beyond its edges as its outermost cells: the result is as large.
let filter (channels: int, height: int, width: int) (kernel: float[,]) (x: float[]) : float[] =
    tabulate (1, channels, height, width) (fun (_, channel, i, j) ->
        let mutable sum = 0.0

        for a in 0 .. kernel.GetLength 0 - 1 do
            for b in 0 .. kernel.GetLength 1 - 1 do
                let row = min (height - 1) (max 0 (i + a - kernel.GetLength 0 / 2))
                let column = min (width - 1) (max 0 (j + b - kernel.GetLength 1 / 2))

                sum <-
                    sum
                    + kernel[a, b] * x[at (1, channels, height, width) (0, channel, row, column)]

        sum)

/// The gather form, each input cell collecting from the outputs that read it, so that it has nothing in common with a
/// kernel that scatters.
let conv2dInputGradient (e: Extents) (weight: float[]) (dy: float[]) : float[] =
    tabulate (e.N, e.C, e.H, e.W) (fun (n, c, h, w) ->
        let mutable sum = 0.0

        for a in 0 .. e.KH - 1 do
            for b in 0 .. e.KW - 1 do
                // output i reads row h with its kernel row a when i * stride = h + padding - a
                let top, left = h + e.PH - a, w + e.PW - b
                let i, j = top / e.SH, left / e.SW

                if
                    top >= 0
                    && left >= 0
                    && top % e.SH = 0
                    && left % e.SW = 0
                    && i < e.OH
                    && j < e.OW
                then
                    for o in 0 .. e.O - 1 do
                        sum <-
                            sum
                            + weight[at (e.O, e.C, e.KH, e.KW) (o, c, a, b)]
                              * dy[at (e.N, e.O, e.OH, e.OW) (n, o, i, j)]

        sum)

let conv2dWeightGradient (e: Extents) (x: float[]) (dy: float[]) : float[] =
    tabulate (e.O, e.C, e.KH, e.KW) (fun (o, c, a, b) ->
        let mutable sum = 0.0

        for n in 0 .. e.N - 1 do
            for i in 0 .. e.OH - 1 do
                for j in 0 .. e.OW - 1 do
                    let met = cell e x (n, c, i * e.SH - e.PH + a, j * e.SW - e.PW + b)
                    sum <- sum + met * dy[at (e.N, e.O, e.OH, e.OW) (n, o, i, j)]

        sum)

let conv2dBiasGradient (e: Extents) (dy: float[]) : float[] =
    Array.init e.O (fun o ->
        let mutable sum = 0.0

        for n in 0 .. e.N - 1 do
            for i in 0 .. e.OH - 1 do
                for j in 0 .. e.OW - 1 do
                    sum <- sum + dy[at (e.N, e.O, e.OH, e.OW) (n, o, i, j)]

        sum)

/// The cells under the window that starts at output (i, j), padding left out, in row-major order.
let private covered (e: Extents) (i, j) =
    [
        for a in 0 .. e.KH - 1 do
            for b in 0 .. e.KW - 1 do
                let h, w = i * e.SH - e.PH + a, j * e.SW - e.PW + b

                if h >= 0 && h < e.H && w >= 0 && w < e.W then
                    h, w
    ]

/// Where each maximum stands in the whole input, the first of equals.
let private winners (e: Extents) (x: float[]) : int[] =
    tabulate (e.N, e.C, e.OH, e.OW) (fun (n, c, i, j) ->
        covered e (i, j)
        |> List.map (fun (h, w) -> at (e.N, e.C, e.H, e.W) (n, c, h, w))
        |> List.maxBy (fun position -> x[position])) // List.maxBy keeps the first of equals

let maxPool (e: Extents) (x: float[]) : float[] =
    winners e x |> Array.map (fun position -> x[position])

let maxPoolGradient (e: Extents) (x: float[]) (dy: float[]) : float[] =
    let dx = Array.zeroCreate x.Length
    Array.iter2 (fun position g -> dx[position] <- dx[position] + g) (winners e x) dy
    dx

let avgPool (e: Extents) (x: float[]) : float[] =
    tabulate (e.N, e.C, e.OH, e.OW) (fun (n, c, i, j) ->
        let sum = covered e (i, j) |> List.sumBy (fun (h, w) -> cell e x (n, c, h, w))
        sum / float (e.KH * e.KW))

let avgPoolGradient (e: Extents) (dy: float[]) : float[] =
    tabulate (e.N, e.C, e.H, e.W) (fun (n, c, h, w) ->
        let mutable sum = 0.0

        for i in 0 .. e.OH - 1 do
            for j in 0 .. e.OW - 1 do
                let top, left = i * e.SH - e.PH, j * e.SW - e.PW

                if top <= h && h < top + e.KH && left <= w && w < left + e.KW then
                    sum <- sum + dy[at (e.N, e.C, e.OH, e.OW) (n, c, i, j)] / float (e.KH * e.KW)

        sum)

/// a [ rows; depth ] times b [ depth; columns ]
let product (rows: int) (depth: int) (columns: int) (a: float[]) (b: float[]) : float[] =
    Array.init (rows * columns) (fun place ->
        let i, j = place / columns, place % columns
        let mutable sum = 0.0

        for k in 0 .. depth - 1 do
            sum <- sum + a[i * depth + k] * b[k * columns + j]

        sum)

/// a [ rows; columns ] with its axes swapped
let transpose (rows: int) (columns: int) (a: float[]) : float[] =
    [|
        for j in 0 .. columns - 1 do
            for i in 0 .. rows - 1 -> a[i * columns + j]
    |]

/// x [ n; inputs ] weight [ inputs; outputs ] + bias [ outputs ]
let dense (n: int) (inputs: int) (outputs: int) (weight: float[]) (bias: float[]) (x: float[]) : float[] =
    product n inputs outputs x weight
    |> Array.mapi (fun i v -> v + bias[i % outputs])

/// -log of the softmax probability of the label, by the definition and without the log-sum-exp trick: only for
/// logits that exp can take.
let crossEntropy (logits: float[]) (label: int) : float =
    -log(exp logits[label] / Array.sumBy exp logits)

/// For each channel of a tensor examples x channels x places the positions of its values.
let private channelPositions (examples, channels, places) : int[][] =
    Array.init channels (fun c ->
        [|
            for n in 0 .. examples - 1 do
                for p in 0 .. places - 1 -> (n * channels + c) * places + p
        |])

/// Mean and biased variance of each channel.
let moments (examples, channels, places) (x: float[]) : (float * float)[] =
    channelPositions (examples, channels, places)
    |> Array.map (fun positions ->
        let mean = positions |> Array.averageBy (fun i -> x[i])
        mean, positions |> Array.averageBy (fun i -> (x[i] - mean) ** 2.0))

let batchNorm (examples, channels, places) epsilon (weight: float[]) (bias: float[]) (x: float[]) : float[] =
    let moments = moments (examples, channels, places) x

    x
    |> Array.mapi (fun i value ->
        let c = i / places % channels
        let mean, variance = moments[c]
        weight[c] * (value - mean) / sqrt (variance + epsilon) + bias[c])

/// The input gradient in the steps of the paper (Ioffe and Szegedy 2015, section 3): first for the variance, then for the
/// mean, then for the input.
let batchNormGradient (examples, channels, places) epsilon (weight: float[]) (x: float[]) (dy: float[]) : float[] =
    let dx = Array.zeroCreate x.Length
    let moments = moments (examples, channels, places) x

    channelPositions (examples, channels, places)
    |> Array.iteri (fun c positions ->
        let mean, variance = moments[c]
        let count = float positions.Length
        let deviation = sqrt (variance + epsilon)
        let g i = weight[c] * dy[i]

        let dvariance =
            positions
            |> Array.sumBy (fun i -> g i * (x[i] - mean) * -0.5 / (deviation * deviation * deviation))

        let dmean =
            (positions |> Array.sumBy (fun i -> -(g i) / deviation))
            + dvariance * (positions |> Array.sumBy (fun i -> -2.0 * (x[i] - mean))) / count

        for i in positions do
            dx[i] <- g i / deviation + dvariance * 2.0 * (x[i] - mean) / count + dmean / count)

    dx

/// What label smoothing makes of a label: the same part of it for each class, and the rest for its own.
let smoothedTarget (smoothing: float) (classes: int) (label: int) : float[] =
    Array.init classes (fun k ->
        if k = label then
            1.0 - smoothing + smoothing / float classes
        else
            smoothing / float classes)

/// -sum of target log p
let smoothedCrossEntropy (smoothing: float) (logits: float[]) (label: int) : float =
    smoothedTarget smoothing logits.Length label
    |> Array.mapi (fun k t -> t * crossEntropy logits k)
    |> Array.sum

/// sqrt(sum of x²)
let norm (x: float[]) : float =
    let mutable sum = 0.0

    for value in x do
        sum <- sum + value * value

    sqrt sum
