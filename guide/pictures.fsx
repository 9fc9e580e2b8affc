/// Pictures of tensors and of curves. Each is written as NAME.svg into the folder that the variable GUIDE_PICTURES names; where there is
/// none, as when a part is run by hand, nothing is drawn.
module Guide.Pictures

#load "support.fsx"

open System
open System.Globalization
open System.IO
open Cnn.Tensors
open Guide.Support

/// A length in a picture, to a tenth of a pixel.
let private length (value: float) : string =
    Math.Round(value, 1).ToString("0.#", CultureInfo.InvariantCulture)

let private label (x: float) (y: float) (anchor: string) (fill: string) (words: string) : string =
    $"""<text x="{length x}" y="{length y}" text-anchor="{anchor}" fill="{fill}">{Net.WebUtility.HtmlEncode words}</text>"""

let private write (name: string) (caption: string) (width: float) (height: float) (shapes: string list) : unit =
    match Environment.GetEnvironmentVariable "GUIDE_PICTURES" with
    | null
    | "" -> ()
    | folder ->
        let w, h = length width, length height

        File.WriteAllLines(
            Path.Combine(folder, name + ".svg"),
            [
                $"""<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" font-family="system-ui, sans-serif" font-size="13">"""
                $"<title>{Net.WebUtility.HtmlEncode caption}</title>"
                yield! shapes
                "</svg>"
            ]
        )

// ---- numbers as colours ------------------------------------------------------------------------

/// From white at 0 to full ink at 1; below 0 blue, and then red above it.
let private colour (isSigned: bool) (part: float) : string =
    let level light dark =
        int (light + (dark - light) * min 1.0 (abs part))

    if not isSigned then
        let grey = level 252.0 20.0
        $"rgb({grey},{grey},{grey})"
    elif part < 0.0 then
        $"rgb({level 250.0 40.0},{level 250.0 100.0},{level 250.0 200.0})"
    else
        $"rgb({level 250.0 200.0},{level 250.0 60.0},{level 250.0 40.0})"

/// Grids with their captions: one for each channel of each tensor, and how large the largest number of the tensor is.
let private captioned (parts: (string * Tensor<float>) list) : (string * float * float[][]) list =
    [
        for title, x in parts do
            let channels = grids x
            let most = x.ToArray() |> Array.map abs |> Array.max

            for number, grid in Array.indexed channels do
                (if channels.Length = 1 then title else $"{title} {number}"), most, grid
    ]

let private widest, caption, gap = 484.0, 20.0, 16.0

/// Lays pictures of these sizes out in rows: where each has its upper left corner, and how large all of it is.
let private flow (sizes: (float * float) list) : (float * float) list * float * float =
    let place (placed, x, y, row) (width: float, height: float) =
        if x > 0.0 && x + width > widest then
            (0.0, y + row + gap) :: placed, width + gap, y + row + gap, height
        else
            (x, y) :: placed, x + width + gap, y, max row height

    let placed, _, y, row = (([], 0.0, 0.0, 0.0), sizes) ||> List.fold place
    let corners = List.rev placed
    corners, List.map2 (fun (x, _) (width, _) -> x + width) corners sizes |> List.max, y + row

/// Draws grids side by side, each with its caption above it.
let private layOut name caption' (side: float[][] -> float) paint (parts: (string * Tensor<float>) list) : unit =
    let drawn = captioned parts

    let sizes =
        [
            for title, _, grid in drawn ->
                max (side grid * float grid[0].Length) (7.5 * float (String.length title)),
                caption + side grid * float grid.Length
        ]

    let corners, width, height = flow sizes

    [
        for (title, most, grid), (x, y) in List.zip drawn corners do
            label (x + 2.0) (y + 13.0) "start" "currentColor" title
            yield! paint (x + 1.0) (y + caption) (side grid) most grid
    ]
    |> write name caption' (width + 3.0) (height + 2.0)

/// Draws tensors beside each other as tables of coloured numbers, each with a caption: for small ones.
let draw (name: string) (caption: string) (parts: (string * Tensor<float>) list) : unit =
    let paint (left: float) (top: float) (side: float) (most: float) (grid: float[][]) =
        [
            """<g font-size="12">"""

            for i in 0 .. grid.Length - 1 do
                for j in 0 .. grid[i].Length - 1 do
                    let part = if most > 0.0 then grid[i][j] / most else 0.0
                    let x, y = left + side * float j, top + side * float i
                    let ink = if abs part > 0.9 then "#fff" else "#111"

                    $"""<rect x="{length x}" y="{length y}" width="{length side}" height="{length side}" fill="{colour true part}" stroke="#999" stroke-width="0.5"/>"""

                    label (x + side / 2.0) (y + side / 2.0 + 4.5) "middle" ink (text (grid[i][j]))

            "</g>"
        ]

    layOut name caption (fun _ -> 33.0) paint parts

/// Draws tensors as small pictures, each with a caption: a channel of digits, feature maps or saliency. Ink on paper; red for above and
/// blue for below 0, if there are numbers below 0.
let drawImages (name: string) (caption: string) (parts: (string * Tensor<float>) list) : unit =
    let paint (left: float) (top: float) (side: float) (most: float) (grid: float[][]) =
        let rows, columns = grid.Length, grid[0].Length
        let isSigned = grid |> Array.exists (Array.exists (fun value -> value < 0.0))

        let level i j =
            if most > 0.0 then
                int (round (16.0 * grid[i][j] / most))
            else
                0

        // a path for each of its shades: runs of pixels, row by row
        let runs shade =
            [
                for i in 0 .. rows - 1 do
                    for j in 0 .. columns - 1 do
                        if level i j = shade && (j = 0 || level i (j - 1) <> shade) then
                            let count =
                                Seq.initInfinite (fun n -> j + n)
                                |> Seq.takeWhile (fun k -> k < columns && level i k = shade)
                                |> Seq.length

                            $"M{j} {i}.5h{count}"
            ]
            |> String.concat ""

        [
            $"""<g transform="translate({length left},{length top}) scale({length side})" shape-rendering="crispEdges">"""
            $"""<rect width="{columns}" height="{rows}" fill="{colour isSigned 0.0}"/>"""

            for shade in
                Seq.allPairs [ 0 .. rows - 1 ] [ 0 .. columns - 1 ]
                |> Seq.map (fun (i, j) -> level i j)
                |> Seq.distinct
                |> Seq.sort do
                if shade <> 0 then
                    $"""<path stroke="{colour isSigned (float shade / 16.0)}" d="{runs shade}"/>"""

            "</g>"
            $"""<rect x="{length left}" y="{length top}" width="{length (side * float columns)}" height="{length (side * float rows)}" fill="none" stroke="#999" stroke-width="0.5"/>"""
        ]

    // five in a row; three, larger, if there are no more
    let across = if (captioned parts).Length > 3 then 84.0 else 140.0

    layOut name caption (fun grid -> floor (across / float grid[0].Length)) paint parts

// ---- curves ------------------------------------------------------------------------------------

/// The points of a curve over 0, 1, 2, …
let numbered (values: float list) : (float * float) list =
    values |> List.mapi (fun i value -> float i, value)

/// Round numbers from low to high, about five.
let private ticks (low: float) (high: float) : float list =
    let rough = (high - low) / 4.0
    let power = 10.0 ** floor (log10 rough)

    let step =
        [ 1.0; 2.0; 5.0; 10.0 ]
        |> List.map ((*) power)
        |> List.find (fun step -> step >= rough * 0.999)

    [ for i in ceil (low / step - 1e-6) .. floor (high / step + 1e-6) -> i * step ]

/// Draws curves over each other, each with its name. `across` says what runs from left to right.
let plot (name: string) (caption: string) (across: string) (curves: (string * (float * float) list) list) : unit =
    let width, height, left, top, bottom = widest, 250.0, 46.0, 30.0, 44.0
    let right = width - 14.0
    let points = List.collect snd curves
    let x0, x1 = points |> List.map fst |> fun xs -> List.min xs, List.max xs
    let y0, y1 = points |> List.map snd |> fun ys -> List.min ys, List.max ys
    // some air, so that no curve lies on the frame
    let y0, y1 = y0 - 0.05 * (y1 - y0), y1 + 0.05 * (y1 - y0)

    let atX x =
        left + (right - left) * (x - x0) / (x1 - x0)

    let atY y =
        height - bottom - (height - bottom - top) * (y - y0) / (y1 - y0)

    let styles = [ "#3b82f6", ""; "#e8700a", "7 4"; "#16a34a", "2 3" ]

    [
        for y in ticks y0 y1 do
            $"""<path d="M{length left} {length (atY y)}H{length right}" stroke="currentColor" stroke-opacity="0.2"/>"""
            label (left - 6.0) (atY y + 4.5) "end" "currentColor" (y.ToString("0.####", CultureInfo.InvariantCulture))

        for x in ticks x0 x1 do
            label
                (atX x)
                (height - bottom + 17.0)
                "middle"
                "currentColor"
                (x.ToString("0.####", CultureInfo.InvariantCulture))

        label ((left + right) / 2.0) (height - 8.0) "middle" "currentColor" across

        for number, ((title, points), (stroke, dashes)) in
            List.indexed (List.zip curves (List.truncate curves.Length styles)) do
            let line =
                points
                |> List.map (fun (x, y) -> $"{length (atX x)},{length (atY y)}")
                |> String.concat " "

            let paint =
                $"""fill="none" stroke="{stroke}" stroke-width="2" stroke-dasharray="{dashes}" """.TrimEnd()

            let x = left + (right - left) * float number / float curves.Length
            $"""<polyline {paint} points="{line}"/>"""
            $"""<path {paint} d="M{length x} 12h24"/>"""
            label (x + 30.0) 16.5 "start" "currentColor" title

            if points.Length <= 12 then
                for x, y in points do
                    $"""<circle cx="{length (atX x)}" cy="{length (atY y)}" r="3" fill="{stroke}"/>"""
    ]
    |> write name caption width height
