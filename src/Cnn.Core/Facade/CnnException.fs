namespace Cnn

open System

/// Something that was asked for cannot be had; the message is a sentence for the user.
type CnnException(message: string) =
    inherit Exception(message)
