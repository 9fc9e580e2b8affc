namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System.Runtime.CompilerServices
open System.Runtime.Intrinsics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// What the weight gradient of a convolution of one channel is summed up from, for one example.
[<Struct>]
type internal ChannelWeights<'T when 'T: unmanaged> =
    {
        /// Windows of 2 by 2 inside the image.
        Pool: Window
        /// [ pooled rows of `GradientPitch` numbers; cells of `Lanes` ]
        Gradient: nativeptr<'T>
        GradientPitch: int
        Lanes: int
        /// [ cell; vector; 4 ]: see PooledRows.
        Winners: nativeptr<uint32>
        /// Rows of `Pitch` numbers.
        Image: nativeptr<'T>
        Pitch: int
        /// The kernel's.
        Rows: int
        Columns: int
        /// [ Rows; Columns; Lanes ]
        Weight: nativeptr<'T>
        /// [ Lanes ]
        Bias: nativeptr<'T>
    }

/// The weight gradient of a convolution of one channel behind windows of 2 by 2, with filters in the lanes:
///
///   dweight[i, j] += sum over cells, and over the four places p of each, of x[p + (i, j)] * (g of the cell, in lanes where p won)
///
/// Of the kernel as much is summed in registers as there is room for. Under the four places lies one patch, a row and a column
/// larger than the kernel: each number of it is read once, and goes to up to four sums.
module internal ChannelWeights =

    /// Some of the kernel, from a row and a column on, for one vector of filters.
    [<MethodImpl(MethodImplOptions.AggressiveOptimization)>]
    let private block<'T, 'V, 'S, 'R, 'N when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'R :> ICount and 'N :> ICount>
        (w: inref<ChannelWeights<'T>>)
        (row: int)
        (column: int)
        (vector: int)
        =
        let lanes = w.Lanes
        let line = w.Columns * lanes
        let pitch = w.Pitch
        let stride = w.Pool.Columns.Stride
        let channel = vector * 'S.Width
        let winnerStep = 4 * (lanes / 'S.Width)
        let target = w.Weight +! (row * line + column * lanes + channel)
        let isFirst = row = 0 && column = 0
        let mutable bias = 'S.Load(w.Bias +! channel)
        let mutable t00 = Registers.load<'T, 'V, 'S> true target
        let mutable t01 = Registers.load<'T, 'V, 'S> ('N.Count > 1) (target +! (lanes))
        let mutable t02 = Registers.load<'T, 'V, 'S> ('N.Count > 2) (target +! (2 * lanes))
        let mutable t03 = Registers.load<'T, 'V, 'S> ('N.Count > 3) (target +! (3 * lanes))
        let mutable t04 = Registers.load<'T, 'V, 'S> ('N.Count > 4) (target +! (4 * lanes))
        let mutable t10 = Registers.load<'T, 'V, 'S> ('R.Count > 1) (target +! (line))

        let mutable t11 =
            Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) (target +! (line + lanes))

        let mutable t12 =
            Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) (target +! (line + 2 * lanes))

        let mutable t13 =
            Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) (target +! (line + 3 * lanes))

        let mutable t14 =
            Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) (target +! (line + 4 * lanes))

        let mutable t20 = Registers.load<'T, 'V, 'S> ('R.Count > 2) (target +! (2 * line))

        let mutable t21 =
            Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) (target +! (2 * line + lanes))

        let mutable t22 =
            Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) (target +! (2 * line + 2 * lanes))

        let mutable t23 =
            Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) (target +! (2 * line + 3 * lanes))

        let mutable t24 =
            Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) (target +! (2 * line + 4 * lanes))

        let mutable winners = w.Winners +! (4 * vector)
        let mutable cellRow = 0

        while cellRow < w.Pool.Rows.Output do
            let mutable g = w.Gradient +! (cellRow * w.GradientPitch + channel)

            let mutable x0 = w.Image +! ((cellRow * w.Pool.Rows.Stride + row) * pitch + column)

            let mutable left = w.Pool.Columns.Output

            while left > 0 do
                let value = 'S.Load g
                let a = NativePtr.read winners
                let b = NativePtr.get winners 1
                let c = NativePtr.get winners 2
                let d = NativePtr.get winners 3
                let upperLeft = 'S.WhereBits(a, value)
                let upperRight = 'S.WhereBits(b, value)
                let lowerLeft = 'S.WhereBits(c, value)
                let lowerRight = 'S.WhereBits(d, value)

                if isFirst then
                    bias <- 'S.Add(bias, 'S.WhereBits(a ||| b ||| c ||| d, value))

                let x1 = x0 +! pitch
                let x2 = x1 +! pitch
                let x3 = x2 +! pitch
                let x = Registers.splat<'T, 'V, 'S> true x0
                t00 <- Registers.add<'T, 'V, 'S> true upperLeft x t00
                let x = Registers.splat<'T, 'V, 'S> true (x0 +! 1)
                t01 <- Registers.add<'T, 'V, 'S> ('N.Count > 1) upperLeft x t01
                t00 <- Registers.add<'T, 'V, 'S> true upperRight x t00
                let x = Registers.splat<'T, 'V, 'S> ('N.Count > 1) (x0 +! 2)
                t02 <- Registers.add<'T, 'V, 'S> ('N.Count > 2) upperLeft x t02
                t01 <- Registers.add<'T, 'V, 'S> ('N.Count > 1) upperRight x t01
                let x = Registers.splat<'T, 'V, 'S> ('N.Count > 2) (x0 +! 3)
                t03 <- Registers.add<'T, 'V, 'S> ('N.Count > 3) upperLeft x t03
                t02 <- Registers.add<'T, 'V, 'S> ('N.Count > 2) upperRight x t02
                let x = Registers.splat<'T, 'V, 'S> ('N.Count > 3) (x0 +! 4)
                t04 <- Registers.add<'T, 'V, 'S> ('N.Count > 4) upperLeft x t04
                t03 <- Registers.add<'T, 'V, 'S> ('N.Count > 3) upperRight x t03
                let x = Registers.splat<'T, 'V, 'S> ('N.Count > 4) (x0 +! 5)
                t04 <- Registers.add<'T, 'V, 'S> ('N.Count > 4) upperRight x t04
                let x = Registers.splat<'T, 'V, 'S> true x1
                t10 <- Registers.add<'T, 'V, 'S> ('R.Count > 1) upperLeft x t10
                t00 <- Registers.add<'T, 'V, 'S> true lowerLeft x t00
                let x = Registers.splat<'T, 'V, 'S> true (x1 +! 1)
                t11 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) upperLeft x t11
                t10 <- Registers.add<'T, 'V, 'S> ('R.Count > 1) upperRight x t10
                t01 <- Registers.add<'T, 'V, 'S> ('N.Count > 1) lowerLeft x t01
                t00 <- Registers.add<'T, 'V, 'S> true lowerRight x t00
                let x = Registers.splat<'T, 'V, 'S> ('N.Count > 1) (x1 +! 2)
                t12 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) upperLeft x t12
                t11 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) upperRight x t11
                t02 <- Registers.add<'T, 'V, 'S> ('N.Count > 2) lowerLeft x t02
                t01 <- Registers.add<'T, 'V, 'S> ('N.Count > 1) lowerRight x t01
                let x = Registers.splat<'T, 'V, 'S> ('N.Count > 2) (x1 +! 3)
                t13 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) upperLeft x t13
                t12 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) upperRight x t12
                t03 <- Registers.add<'T, 'V, 'S> ('N.Count > 3) lowerLeft x t03
                t02 <- Registers.add<'T, 'V, 'S> ('N.Count > 2) lowerRight x t02
                let x = Registers.splat<'T, 'V, 'S> ('N.Count > 3) (x1 +! 4)
                t14 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) upperLeft x t14
                t13 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) upperRight x t13
                t04 <- Registers.add<'T, 'V, 'S> ('N.Count > 4) lowerLeft x t04
                t03 <- Registers.add<'T, 'V, 'S> ('N.Count > 3) lowerRight x t03
                let x = Registers.splat<'T, 'V, 'S> ('N.Count > 4) (x1 +! 5)
                t14 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) upperRight x t14
                t04 <- Registers.add<'T, 'V, 'S> ('N.Count > 4) lowerRight x t04
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 1) x2
                t20 <- Registers.add<'T, 'V, 'S> ('R.Count > 2) upperLeft x t20
                t10 <- Registers.add<'T, 'V, 'S> ('R.Count > 1) lowerLeft x t10
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 1) (x2 +! 1)
                t21 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) upperLeft x t21
                t20 <- Registers.add<'T, 'V, 'S> ('R.Count > 2) upperRight x t20
                t11 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) lowerLeft x t11
                t10 <- Registers.add<'T, 'V, 'S> ('R.Count > 1) lowerRight x t10
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) (x2 +! 2)
                t22 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) upperLeft x t22
                t21 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) upperRight x t21
                t12 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) lowerLeft x t12
                t11 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) lowerRight x t11
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) (x2 +! 3)
                t23 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) upperLeft x t23
                t22 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) upperRight x t22
                t13 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) lowerLeft x t13
                t12 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) lowerRight x t12
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) (x2 +! 4)
                t24 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) upperLeft x t24
                t23 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) upperRight x t23
                t14 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) lowerLeft x t14
                t13 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) lowerRight x t13
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) (x2 +! 5)
                t24 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) upperRight x t24
                t14 <- Registers.add<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) lowerRight x t14
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 2) x3
                t20 <- Registers.add<'T, 'V, 'S> ('R.Count > 2) lowerLeft x t20
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 2) (x3 +! 1)
                t21 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) lowerLeft x t21
                t20 <- Registers.add<'T, 'V, 'S> ('R.Count > 2) lowerRight x t20
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) (x3 +! 2)
                t22 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) lowerLeft x t22
                t21 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) lowerRight x t21
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) (x3 +! 3)
                t23 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) lowerLeft x t23
                t22 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) lowerRight x t22
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) (x3 +! 4)
                t24 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) lowerLeft x t24
                t23 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) lowerRight x t23
                let x = Registers.splat<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) (x3 +! 5)
                t24 <- Registers.add<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) lowerRight x t24
                g <- g +! lanes
                winners <- winners +! winnerStep
                x0 <- x0 +! stride
                left <- left - 1

            cellRow <- cellRow + 1

        Registers.store<'T, 'V, 'S> true target t00
        Registers.store<'T, 'V, 'S> ('N.Count > 1) (target +! (lanes)) t01
        Registers.store<'T, 'V, 'S> ('N.Count > 2) (target +! (2 * lanes)) t02
        Registers.store<'T, 'V, 'S> ('N.Count > 3) (target +! (3 * lanes)) t03
        Registers.store<'T, 'V, 'S> ('N.Count > 4) (target +! (4 * lanes)) t04
        Registers.store<'T, 'V, 'S> ('R.Count > 1) (target +! (line)) t10
        Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) (target +! (line + lanes)) t11
        Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) (target +! (line + 2 * lanes)) t12
        Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) (target +! (line + 3 * lanes)) t13
        Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) (target +! (line + 4 * lanes)) t14
        Registers.store<'T, 'V, 'S> ('R.Count > 2) (target +! (2 * line)) t20
        Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) (target +! (2 * line + lanes)) t21
        Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) (target +! (2 * line + 2 * lanes)) t22
        Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) (target +! (2 * line + 3 * lanes)) t23
        Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) (target +! (2 * line + 4 * lanes)) t24

        if isFirst then
            'S.Store(w.Bias +! channel, bias)

    let private blockOfRows<'T, 'V, 'S, 'R when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'R :> ICount>
        (columns: int)
        (w: inref<ChannelWeights<'T>>)
        (row: int)
        (column: int)
        (vector: int)
        =
        match columns with
        | 1 -> block<'T, 'V, 'S, 'R, One> &w row column vector
        | 2 -> block<'T, 'V, 'S, 'R, Two> &w row column vector
        | 3 -> block<'T, 'V, 'S, 'R, Three> &w row column vector
        | 4 -> block<'T, 'V, 'S, 'R, Four> &w row column vector
        | _ -> block<'T, 'V, 'S, 'R, Five> &w row column vector

    /// Adds to the gradients of weights and bias, whatever the size of the kernel.
    let run<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (w: inref<ChannelWeights<'T>>) =
        // sums, four gradients, and a number
        let most = if Vector512.IsHardwareAccelerated then 15 else 10
        let columnsInPiece = Patch.piece 5 w.Columns
        let rowsInPiece = Patch.piece (min 3 (most / columnsInPiece)) w.Rows

        for vector in 0 .. w.Lanes / 'S.Width - 1 do
            let mutable row = 0

            while row < w.Rows do
                let rows = min rowsInPiece (w.Rows - row)
                let mutable column = 0

                while column < w.Columns do
                    let columns = min columnsInPiece (w.Columns - column)

                    match rows with
                    | 1 -> blockOfRows<'T, 'V, 'S, One> columns &w row column vector
                    | 2 -> blockOfRows<'T, 'V, 'S, Two> columns &w row column vector
                    | _ -> blockOfRows<'T, 'V, 'S, Three> columns &w row column vector

                    column <- column + columns

                row <- row + rows
