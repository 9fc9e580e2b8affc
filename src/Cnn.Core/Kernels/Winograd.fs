namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open System.Numerics
open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop

/// The three transforms of Winograd's minimal filtering F(2x2, 3x3), which computes 2 by 2 cells of a convolution with a
/// kernel of 3 by 3 in 16 multiplications in the place of 36 (Lavin and Gray 2016, "Fast Algorithms for Convolutional
/// Neural Networks"):
///
///   Y = At [ (G g Gt) * (Bt d B) ] A
///
///   Bt = 1  0 -1  0     G =  1    0    0     At = 1  1  1  0
///        0  1  1  0         1/2  1/2  1/2         0  1 -1 -1
///        0 -1  1  0         1/2 -1/2  1/2
///        0  1  0 -1          0    0    1
///
/// with g the kernel, d the 4 by 4 cells of the input that it meets, and * the product cell by cell, summed over the
/// channels. All factors are 1, 1/2 or 1/4: on whole numbers of moderate size the result is exact.
/// A transformed tile has 16 elements, numbered row by row; those of all tiles lie in 16 planes, one an element.
module internal Winograd =

    /// Elements of a transformed tile.
    [<Literal>]
    let Elements = 16

    /// The part of an output that is computed at once, cut into tiles of 2 by 2 from its upper left corner. The last row and the
    /// last column of tiles may reach one cell beyond it.
    [<Struct>]
    type Grid =
        {
            Rows: int
            Columns: int
        }

        member g.TileRows = (g.Rows + 1) / 2
        member g.TileColumns = (g.Columns + 1) / 2
        member g.Tiles = g.TileRows * g.TileColumns

    /// The transposed of a row of Bt times four vectors, each into a plane of its own.
    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    let private storeRow<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (element: nativeptr<'T>)
        (plane: int)
        (c0: 'V)
        (c1: 'V)
        (c2: 'V)
        (c3: 'V)
        =
        'S.Store(element, 'S.Subtract(c0, c2))
        'S.Store(element +! plane, 'S.Add(c1, c2))
        'S.Store(element +! (2 * plane), 'S.Subtract(c2, c1))
        'S.Store(element +! (3 * plane), 'S.Subtract(c1, c3))

    /// Bt d B for each tile of the grid and each of the `step` channels of a cell. A cell beyond the input is never looked at:
    /// it would count for an output that does not exist.
    let input<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (grid: Grid)
        (source: nativeptr<'T>)
        (rowPitch: int)
        (step: int)
        (target: nativeptr<'T>)
        (plane: int)
        =
        let mutable tile = target

        for row in 0 .. grid.TileRows - 1 do
            // the last row of a tile, or any other where there is none
            let down =
                if 2 * row + 1 < grid.Rows then
                    3 * rowPitch
                else
                    2 * rowPitch

            for column in 0 .. grid.TileColumns - 1 do
                let right = if 2 * column + 1 < grid.Columns then 3 * step else 2 * step
                let corner = source +! (2 * row * rowPitch + 2 * column * step)
                let mutable channel = 0

                while channel < step do
                    let r0 = corner +! channel
                    let r1 = r0 +! rowPitch
                    let r2 = r1 +! rowPitch
                    let r3 = r0 +! down
                    let element = tile +! channel
                    let a0 = 'S.Load r1
                    let a1 = 'S.Load(r1 +! step)
                    let a2 = 'S.Load(r1 +! (2 * step))
                    let a3 = 'S.Load(r1 +! right)
                    let b0 = 'S.Load r2
                    let b1 = 'S.Load(r2 +! step)
                    let b2 = 'S.Load(r2 +! (2 * step))
                    let b3 = 'S.Load(r2 +! right)

                    storeRow<'T, 'V, 'S>
                        element
                        plane
                        ('S.Subtract('S.Load r0, b0))
                        ('S.Subtract('S.Load(r0 +! step), b1))
                        ('S.Subtract('S.Load(r0 +! (2 * step)), b2))
                        ('S.Subtract('S.Load(r0 +! right), b3))

                    storeRow<'T, 'V, 'S>
                        (element +! (4 * plane))
                        plane
                        ('S.Add(a0, b0))
                        ('S.Add(a1, b1))
                        ('S.Add(a2, b2))
                        ('S.Add(a3, b3))

                    storeRow<'T, 'V, 'S>
                        (element +! (8 * plane))
                        plane
                        ('S.Subtract(b0, a0))
                        ('S.Subtract(b1, a1))
                        ('S.Subtract(b2, a2))
                        ('S.Subtract(b3, a3))

                    storeRow<'T, 'V, 'S>
                        (element +! (12 * plane))
                        plane
                        ('S.Subtract(a0, 'S.Load r3))
                        ('S.Subtract(a1, 'S.Load(r3 +! step)))
                        ('S.Subtract(a2, 'S.Load(r3 +! (2 * step))))
                        ('S.Subtract(a3, 'S.Load(r3 +! right)))

                    channel <- channel + 'S.Width

                tile <- tile +! step

    /// The first row of At times a column of four numbers, which lie `row` apart: m0 + m1 + m2.
    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    let private upper<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (m: nativeptr<'T>) (row: int) =
        'S.Add('S.Add('S.Load m, 'S.Load(m +! row)), 'S.Load(m +! (2 * row)))

    /// And the second row: m1 - m2 - m3.
    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    let private lower<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (m: nativeptr<'T>) (row: int) =
        'S.Subtract('S.Subtract('S.Load(m +! row), 'S.Load(m +! (2 * row))), 'S.Load(m +! (3 * row)))

    /// At m A + bias for each tile and `count` channels; a tile has `source` numbers that lie without gaps.
    let output<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (grid: Grid)
        (count: int)
        (source: nativeptr<'T>)
        (plane: int)
        (bias: nativeptr<'T>)
        (target: nativeptr<'T>)
        (rowPitch: int)
        (step: int)
        =
        let elementRow = 4 * plane
        let mutable tile = source

        for row in 0 .. grid.TileRows - 1 do
            let hasLower = 2 * row + 1 < grid.Rows

            for column in 0 .. grid.TileColumns - 1 do
                let hasRight = 2 * column + 1 < grid.Columns
                let corner = target +! (2 * row * rowPitch + 2 * column * step)
                let mutable channel = 0

                while channel < count do
                    let m = tile +! channel
                    let cell = corner +! channel
                    let start = 'S.Load(bias +! channel)
                    let u0 = upper<'T, 'V, 'S> m elementRow
                    let u1 = upper<'T, 'V, 'S> (m +! plane) elementRow
                    let u2 = upper<'T, 'V, 'S> (m +! (2 * plane)) elementRow
                    let u3 = upper<'T, 'V, 'S> (m +! (3 * plane)) elementRow
                    'S.Store(cell, 'S.Add('S.Add(start, u0), 'S.Add(u1, u2)))

                    if hasRight then
                        'S.Store(cell +! step, 'S.Subtract('S.Add(start, u1), 'S.Add(u2, u3)))

                    if hasLower then
                        let below = cell +! rowPitch
                        let l0 = lower<'T, 'V, 'S> m elementRow
                        let l1 = lower<'T, 'V, 'S> (m +! plane) elementRow
                        let l2 = lower<'T, 'V, 'S> (m +! (2 * plane)) elementRow
                        let l3 = lower<'T, 'V, 'S> (m +! (3 * plane)) elementRow
                        'S.Store(below, 'S.Add('S.Add(start, l0), 'S.Add(l1, l2)))

                        if hasRight then
                            'S.Store(below +! step, 'S.Subtract('S.Add(start, l1), 'S.Add(l2, l3)))

                    channel <- channel + 'S.Width

                tile <- tile +! count

    /// G g Gt for `count` kernels: cell t of the kernel is the vector at source + t * tap, and element e goes to target + e * plane.
    let kernel<'T, 'V, 'S when 'T: unmanaged and 'T :> INumberBase<'T> and 'S :> ISimd<'T, 'V>>
        (source: nativeptr<'T>)
        (tap: int)
        (target: nativeptr<'T>)
        (plane: int)
        =
        let half = 'S.Splat('T.CreateTruncating 0.5)

        // G g, a column at a time, into the planes of the first three elements of each row
        for column in 0..2 do
            let g0 = 'S.Load(source +! (column * tap))
            let g1 = 'S.Load(source +! ((3 + column) * tap))
            let g2 = 'S.Load(source +! ((6 + column) * tap))
            let outer = 'S.Multiply(half, 'S.Add(g0, g2))
            let inner = 'S.Multiply(half, g1)
            let column = target +! (column * plane)
            'S.Store(column, g0)
            'S.Store(column +! (4 * plane), 'S.Add(outer, inner))
            'S.Store(column +! (8 * plane), 'S.Subtract(outer, inner))
            'S.Store(column +! (12 * plane), g2)

        // and the same along each row
        for row in 0..3 do
            let row = target +! (4 * row * plane)
            let g0 = 'S.Load row
            let g1 = 'S.Load(row +! plane)
            let g2 = 'S.Load(row +! (2 * plane))
            let outer = 'S.Multiply(half, 'S.Add(g0, g2))
            let inner = 'S.Multiply(half, g1)
            'S.Store(row +! plane, 'S.Add(outer, inner))
            'S.Store(row +! (2 * plane), 'S.Subtract(outer, inner))
            'S.Store(row +! (3 * plane), g2)
