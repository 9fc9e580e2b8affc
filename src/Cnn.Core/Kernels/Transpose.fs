namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open Microsoft.FSharp.NativeInterop

/// Transposes small matrices, those that fit the L1 cache.
module internal Transpose =

    /// A square of as many rows as a vector has lanes. In turn for runs of 1, 2, 4, … numbers: each pair of rows that are so far
    /// apart trades runs, so that bit after bit the number of a row becomes that of a column. All but the last trade stay in the source.
    let private square<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (source: nativeptr<'T>)
        (sourceStep: int)
        (target: nativeptr<'T>)
        (targetStep: int)
        =
        let mutable run = 1

        while run < 'S.Width do
            let isLast = 2 * run = 'S.Width
            let into = if isLast then target else source
            let step = if isLast then targetStep else sourceStep
            let mutable row = 0

            while row < 'S.Width do
                let other = row + run
                let x = 'S.Load(source +! (row * sourceStep))
                let y = 'S.Load(source +! (other * sourceStep))
                'S.Store(into +! (row * step), 'S.MergeRuns(run, x, 'S.SwapRuns(run, y)))
                'S.Store(into +! (other * step), 'S.MergeRuns(run, 'S.SwapRuns(run, x), y))
                // the next row whose number has not the bit `run`
                row <- (other + 1) &&& ~~~run

            run <- 2 * run

    /// target[c; r] = source[r; c] for all rows and columns. The source is spoilt.
    let run<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (rows: int)
        (columns: int)
        (source: nativeptr<'T>)
        (sourceStep: int)
        (target: nativeptr<'T>)
        (targetStep: int)
        =
        let wholeRows = if 'S.Width = 1 then 0 else rows - rows % 'S.Width
        let wholeColumns = if wholeRows = 0 then 0 else columns - columns % 'S.Width
        let mutable c = 0

        while c < columns do
            let mutable r = 0

            if c < wholeColumns then
                while r < wholeRows do
                    square<'T, 'V, 'S>
                        (source +! (r * sourceStep + c))
                        sourceStep
                        (target +! (c * targetStep + r))
                        targetStep

                    r <- r + 'S.Width

            let width = if c < wholeColumns then 'S.Width else 1

            while r < rows do
                for j in c .. c + width - 1 do
                    NativePtr.set target (j * targetStep + r) (NativePtr.get source (r * sourceStep + j))

                r <- r + 1

            c <- c + width
