namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System.Numerics
open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop

/// Rows of cells of one or more feature maps, one above the other: the same numbers of channels, which may lie differently far apart.
[<Struct>]
type internal CellRows<'T when 'T: unmanaged> =
    {
        Rows: int
        Cells: int
        /// Numbers of a cell that are computed: whole vectors.
        Width: int
        X: nativeptr<'T>
        XPitch: int
        XStep: int
        Y: nativeptr<'T>
        YPitch: int
        YStep: int
    }

/// Constants of each channel. [ Width ] each; what a loop does not need is null.
[<Struct>]
type internal ChannelConstants<'T when 'T: unmanaged> =
    {
        Scale: nativeptr<'T>
        Shift: nativeptr<'T>
        Pivot: nativeptr<'T>
    }

/// Loops that treat every cell alike and every channel for itself: normalisation, activations, sums over an image.
/// One vector of channels at a time runs along a row, so that its constants and sums stay in registers.
module internal CellRows =

    /// Adds sum of (x - pivot) and of (x - pivot)² to those of each channel.
    let moments<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (rows: inref<CellRows<'T>>)
        (pivot: nativeptr<'T>)
        (sum: nativeptr<'T>)
        (squares: nativeptr<'T>)
        =
        for row in 0 .. rows.Rows - 1 do
            let mutable c = 0

            while c < rows.Width do
                let centre = 'S.Load(pivot +! c)
                let mutable x = rows.X +! (row * rows.XPitch + c)
                let mutable sum0 = 'S.Load(sum +! c)
                let mutable squares0 = 'S.Load(squares +! c)
                // a second pair, for one addition does not have to wait for the other
                let mutable sum1 = 'S.Subtract(sum0, sum0)
                let mutable squares1 = sum1
                let mutable cell = 0

                while cell < rows.Cells - 1 do
                    let a = 'S.Subtract('S.Load x, centre)
                    let b = 'S.Subtract('S.Load(x +! rows.XStep), centre)
                    sum0 <- 'S.Add(sum0, a)
                    squares0 <- 'S.MultiplyAdd(a, a, squares0)
                    sum1 <- 'S.Add(sum1, b)
                    squares1 <- 'S.MultiplyAdd(b, b, squares1)
                    x <- x +! (2 * rows.XStep)
                    cell <- cell + 2

                if cell < rows.Cells then
                    let a = 'S.Subtract('S.Load x, centre)
                    sum0 <- 'S.Add(sum0, a)
                    squares0 <- 'S.MultiplyAdd(a, a, squares0)

                'S.Store(sum +! c, 'S.Add(sum0, sum1))
                'S.Store(squares +! c, 'S.Add(squares0, squares1))
                c <- c + 'S.Width

    /// y = f(scale x + shift)
    let transform<'T, 'V, 'S, 'F when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'F: struct and 'F :> IActivation<'T>>
        (f: 'F)
        (rows: inref<CellRows<'T>>)
        (constants: inref<ChannelConstants<'T>>)
        =
        for row in 0 .. rows.Rows - 1 do
            let mutable c = 0

            while c < rows.Width do
                let scale = 'S.Load(constants.Scale +! c)
                let shift = 'S.Load(constants.Shift +! c)
                let mutable x = rows.X +! (row * rows.XPitch + c)
                let mutable y = rows.Y +! (row * rows.YPitch + c)

                for _ in 1 .. rows.Cells do
                    'S.Store(y, f.Value<'V, 'S>('S.MultiplyAdd(scale, 'S.Load x, shift)))
                    x <- x +! rows.XStep
                    y <- y +! rows.YStep

                c <- c + 'S.Width

    /// dy becomes dz = f'(scale x + shift) dy; adds sum of dz and of dz (x - pivot) to those of each channel. Y is dy.
    let gradientSums<'T, 'V, 'S, 'F when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'F: struct and 'F :> IActivation<'T>>
        (f: 'F)
        (rows: inref<CellRows<'T>>)
        (constants: inref<ChannelConstants<'T>>)
        (sum: nativeptr<'T>)
        (products: nativeptr<'T>)
        =
        for row in 0 .. rows.Rows - 1 do
            let mutable c = 0

            while c < rows.Width do
                let scale = 'S.Load(constants.Scale +! c)
                let shift = 'S.Load(constants.Shift +! c)
                let pivot = 'S.Load(constants.Pivot +! c)
                let mutable x = rows.X +! (row * rows.XPitch + c)
                let mutable dy = rows.Y +! (row * rows.YPitch + c)
                let mutable total = 'S.Load(sum +! c)
                let mutable product = 'S.Load(products +! c)

                for _ in 1 .. rows.Cells do
                    let value = 'S.Load x
                    let slope = f.Derivative<'V, 'S>('S.MultiplyAdd(scale, value, shift))
                    let dz = 'S.Multiply(slope, 'S.Load dy)
                    'S.Store(dy, dz)
                    total <- 'S.Add(total, dz)
                    product <- 'S.MultiplyAdd(dz, 'S.Subtract(value, pivot), product)
                    x <- x +! rows.XStep
                    dy <- dy +! rows.YStep

                'S.Store(sum +! c, total)
                'S.Store(products +! c, product)
                c <- c + 'S.Width

    /// target = scale dz + pivot x + shift, cell by cell. X is x, Y is dz.
    let combine<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (rows: inref<CellRows<'T>>)
        (constants: inref<ChannelConstants<'T>>)
        (target: nativeptr<'T>)
        (targetPitch: int)
        (targetStep: int)
        =
        for row in 0 .. rows.Rows - 1 do
            let mutable c = 0

            while c < rows.Width do
                let scale = 'S.Load(constants.Scale +! c)
                let pivot = 'S.Load(constants.Pivot +! c)
                let shift = 'S.Load(constants.Shift +! c)
                let mutable x = rows.X +! (row * rows.XPitch + c)
                let mutable dz = rows.Y +! (row * rows.YPitch + c)
                let mutable dx = target +! (row * targetPitch + c)

                for _ in 1 .. rows.Cells do
                    let along = 'S.MultiplyAdd(pivot, 'S.Load x, shift)
                    'S.Store(dx, 'S.MultiplyAdd(scale, 'S.Load dz, along))
                    x <- x +! rows.XStep
                    dz <- dz +! rows.YStep
                    dx <- dx +! targetStep

                c <- c + 'S.Width

    /// target = f'(x) dy. X is x, Y is dy.
    let activationGradient<'T, 'V, 'S, 'F
        when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'F: struct and 'F :> IActivation<'T>>
        (f: 'F)
        (rows: inref<CellRows<'T>>)
        (target: nativeptr<'T>)
        (targetPitch: int)
        (targetStep: int)
        =
        for row in 0 .. rows.Rows - 1 do
            let mutable x = rows.X +! (row * rows.XPitch)
            let mutable dy = rows.Y +! (row * rows.YPitch)
            let mutable dx = target +! (row * targetPitch)

            for _ in 1 .. rows.Cells do
                let mutable c = 0

                while c < rows.Width do
                    let slope = f.Derivative<'V, 'S>('S.Load(x +! c))
                    'S.Store(dx +! c, 'S.Multiply(slope, 'S.Load(dy +! c)))
                    c <- c + 'S.Width

                x <- x +! rows.XStep
                dy <- dy +! rows.YStep
                dx <- dx +! targetStep

    /// y = f(x)
    let activate<'T, 'V, 'S, 'F when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'F: struct and 'F :> IActivation<'T>>
        (f: 'F)
        (rows: inref<CellRows<'T>>)
        =
        for row in 0 .. rows.Rows - 1 do
            let mutable x = rows.X +! (row * rows.XPitch)
            let mutable y = rows.Y +! (row * rows.YPitch)

            for _ in 1 .. rows.Cells do
                let mutable c = 0

                while c < rows.Width do
                    'S.Store(y +! c, f.Value<'V, 'S>('S.Load(x +! c)))
                    c <- c + 'S.Width

                x <- x +! rows.XStep
                y <- y +! rows.YStep

    /// y += x
    let add<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (rows: inref<CellRows<'T>>) =
        for row in 0 .. rows.Rows - 1 do
            let mutable x = rows.X +! (row * rows.XPitch)
            let mutable y = rows.Y +! (row * rows.YPitch)

            for _ in 1 .. rows.Cells do
                let mutable c = 0

                while c < rows.Width do
                    'S.Store(y +! c, 'S.Add('S.Load(y +! c), 'S.Load(x +! c)))
                    c <- c + 'S.Width

                x <- x +! rows.XStep
                y <- y +! rows.YStep
