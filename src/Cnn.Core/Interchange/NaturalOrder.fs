namespace Cnn.Interchange

open System

/// The order in which people count: "conv2" before "conv10", "features.3" before "features.10".
module internal NaturalOrder =

    /// Where the run of digits, or of other characters, ends that begins here.
    let private runEnd (text: string) (start: int) : int =
        let isDigit = Char.IsAsciiDigit text[start]
        let mutable last = start + 1

        while last < text.Length && Char.IsAsciiDigit text[last] = isDigit do
            last <- last + 1

        last

    /// Of one run each, from `i` to before `m` and from `j` to before `n`.
    let private compareRuns (a: string, i: int, m: int) (b: string, j: int, n: int) : int =
        if Char.IsAsciiDigit a[i] && Char.IsAsciiDigit b[j] then
            // numbers of any length: without zeros in front the longer one is the larger one
            let x = a.AsSpan(i, m - i).TrimStart '0'
            let y = b.AsSpan(j, n - j).TrimStart '0'

            if x.Length <> y.Length then
                compare x.Length y.Length
            else
                x.CompareTo(y, StringComparison.Ordinal)
        else
            a.AsSpan(i, m - i).CompareTo(b.AsSpan(j, n - j), StringComparison.Ordinal)

    /// Negative where the first text comes first, 0 where both are the same.
    let compare (a: string) (b: string) : int =
        let rec walk (i: int) (j: int) =
            if i = a.Length || j = b.Length then
                // what goes on comes later; numbers may be the same and their texts not
                match compare (a.Length - i) (b.Length - j) with
                | 0 -> String.CompareOrdinal(a, b)
                | order -> order
            else
                let m, n = runEnd a i, runEnd b j

                match compareRuns (a, i, m) (b, j, n) with
                | 0 -> walk m n
                | order -> order

        walk 0 0
