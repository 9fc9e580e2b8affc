namespace Cnn.Mutation

/// A change to the core: some characters of one file, replaced by others.
type Mutant =
    {
        /// From the root of the repository, with slashes.
        File: string
        /// Where the change begins, from 1.
        Line: int
        Column: int
        /// Where the characters begin in the text of the file, and how many are replaced.
        Start: int
        Length: int
        Replacement: string
        /// What was changed into what, in a few words.
        Change: string
        /// Where the expression begins and ends that the change is within, if it can be chosen at run time: see Switches.
        Expression: (int * int) voption
        /// In a definition that the compiler copies into its callers: an inline function or a literal. The tests have copies of those,
        /// and must be compiled again to see the change.
        IsCopiedIntoCallers: bool
    }

/// What became of a mutant.
type Outcome =
    /// By the first of these lists of tests that failed.
    | Killed of list: string
    /// A list of tests that did not end in several times the time it takes.
    | Hung of list: string
    | Survived
    /// The compiler does not take it: the types saw it.
    | Rejected
    /// The compiler makes the same program of it, byte for byte.
    | Same

module Mutant =

    let apply (text: string) (mutant: Mutant) : string =
        text.Substring(0, mutant.Start)
        + mutant.Replacement
        + text.Substring(mutant.Start + mutant.Length)

    /// The text from `first` to before `beyond`, changed.
    let applyWithin (text: string) (first: int, beyond: int) (mutant: Mutant) : string =
        let tail = text.Length - beyond
        let changed = apply text mutant
        changed.Substring(first, changed.Length - tail - first)

module Outcome =

    let describe (outcome: Outcome) : string =
        match outcome with
        | Killed list -> $"killed by {list}"
        | Hung list -> $"killed by time, in {list}"
        | Survived -> "SURVIVED"
        | Rejected -> "does not compile"
        | Same -> "same program"
