namespace Cnn.Interchange

open Cnn.Tensors
open Cnn.Interchange.NodeReading

/// Kernel, stride and padding along each axis.
type internal NodeWindow =
    {
        Kernel: int list
        Stride: int list
        Padding: int list
    }

/// The windows of convolutions and pooling, as their attributes give them.
module internal NodeWindow =

    let private small (what: string) (values: int64 list) : Result<int list, string> =
        match values |> List.tryFind (fun value -> value < 0L || value > int64 Axis.Most) with
        | Some value -> Error $"its {what} has {value}; it may be from 0 to {Axis.Most}"
        | None -> Ok(List.map int values)

    /// One number for each axis of places.
    let private perAxis (what: string) (axes: int) (usual: int) (node: GraphNode) : Result<int list, string> =
        result {
            match! integers what node with
            | None -> return List.replicate axes usual
            | Some values when values.Length = axes -> return! small what values
            | Some values -> return! Error $"its {what} has {values.Length} numbers for {axes} axes"
        }

    /// What a window leaves over at the end of an axis, if it is to be padded on both sides alike.
    let private same (input: int) (kernel: int) (stride: int) : Result<int, string> =
        let places = (int64 input + int64 stride - 1L) / int64 stride
        let total = max 0L ((places - 1L) * int64 stride + int64 kernel - int64 input)

        if total % 2L = 0L then
            Ok(int (total / 2L))
        else
            Error $"its auto_pad pads {total} cells in all, so one side more than the other; here both sides are alike"

    /// The padding of each axis, from pads or auto_pad.
    let private padding (node: GraphNode) (places: int list) (kernel: int list) (stride: int list) =
        result {
            let! automatic = text "auto_pad" "NOTSET" node
            let! pads = perAxis "pads" (2 * places.Length) 0 node

            match automatic with
            | "NOTSET" ->
                let before, after = List.splitAt places.Length pads

                do!
                    refuseUnless
                        (before = after)
                        $"its pads {pads} differ between the sides of an axis; here both sides are alike"

                return before
            | "VALID" -> return List.replicate places.Length 0
            | "SAME_UPPER"
            | "SAME_LOWER" ->
                return!
                    (List.zip3 places kernel stride, Ok [])
                    ||> List.foldBack (fun (input, kernel, stride) after ->
                        after
                        |> Result.bind (fun after -> same input kernel stride |> Result.map (fun p -> p :: after)))
            | other -> return! Error $"its auto_pad is {Cnn.Networks.Quotation.quote other}, which is not known here"
        }

    /// The window of a node over places of these extents. `kernel` is that of the weights, where there are some.
    let read (node: GraphNode) (places: int list) (kernel: int list option) : Result<NodeWindow, string> =
        result {
            let axes = places.Length

            let! given =
                match kernel, NodeReading.integers "kernel_shape" node with
                | None, Ok None -> Error "it has no kernel_shape"
                | Some kernel, Ok None -> Ok kernel
                | _ -> perAxis "kernel_shape" axes 1 node

            do!
                refuseUnless
                    (kernel.IsNone || kernel = Some given)
                    $"its kernel_shape {given} is not that of its weights"

            let! stride = perAxis "strides" axes 1 node
            let! dilations = perAxis "dilations" axes 1 node
            do! refuseUnless (List.forall ((=) 1) dilations) $"its dilations are {dilations}; here a kernel has no gaps"
            do! refuseUnless (List.forall ((<) 0) stride) $"its strides are {stride}; they must be at least 1"
            let! padding = padding node places given stride

            return
                {
                    Kernel = given
                    Stride = stride
                    Padding = padding
                }
        }

    /// Refuses a window that rounds up where ours rounds down.
    let refuseCeiling (node: GraphNode) (places: int list) (window: NodeWindow) : Result<unit, string> =
        let fits =
            List.zip places window.Padding
            |> List.map (fun (input, padding) -> input + 2 * padding)
            |> List.zip3 window.Kernel window.Stride
            |> List.forall (fun (kernel, stride, padded) -> (padded - kernel) % stride = 0)

        integer "ceil_mode" 0L node
        |> Result.bind (fun ceiling ->
            refuseUnless
                (ceiling = 0L || fits)
                "its ceil_mode adds a window beyond the edge; here windows end within the image")
