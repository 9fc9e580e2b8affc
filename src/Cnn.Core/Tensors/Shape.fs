namespace Cnn.Tensors

/// The extents of a tensor's axes, outermost first. A batch of images is [ N; C; H; W ]:
/// examples, channels, rows, columns; a batch of signals is [ N; C; L ].
type Shape = int list

module Shape =

    /// How many elements a tensor of this shape holds: the product of its extents (1 for the empty shape).
    let size (shape: Shape) : int =
        (1, shape) ||> List.fold (fun product extent -> Checked.(*) product extent)

    /// "16x28x28", as shapes are written in summaries and error messages; "1" for the empty shape.
    let format (shape: Shape) : string =
        match shape with
        | [] -> "1"
        | extents -> extents |> List.map string |> String.concat "x"

    /// Whether an array can hold it.
    let fitsInMemory (shape: Shape) : bool =
        (1I, shape) ||> List.fold (fun size extent -> size * bigint extent)
        <= bigint System.Array.MaxLength
