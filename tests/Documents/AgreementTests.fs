/// What counts as the same output, and what does not.
module Cnn.Tests.Documents.AgreementTests

open System
open Expecto
open Cnn.Tests.Documents

let tests =
    let agrees printed actual =
        Expect.isTrue (Agreement.ofLine printed actual) $"{printed} as {actual}"

    let differs printed actual =
        Expect.isFalse (Agreement.ofLine printed actual) $"{printed} not as {actual}"

    test "lines agree in words, whole numbers and roughly in what was computed, whatever the machine's speed" {
        agrees "epoch 1/3  loss 0.3106  23058 images/s  2.60 s" "epoch 1/3  loss 0.3109  9 images/s  12.1 s"
        agrees "a.bin  sha256 " "a.bin  sha256"
        agrees (String('0', 64) + " x") (String('f', 64) + " x")
        agrees "4 99.99 %" "4 99.02 %"
        differs "4 99.99 %" "4 98.02 %"
        differs "4 99.99 %" "5 99.99 %"
        differs "256,435 bytes" "256,436 bytes"
        differs "loss 0.3106" "loss 0.9"
        differs "loss 0.0213" "loss 0.0412"
        differs "error 1.2e-9" "error 0.019"
        agrees "a -0.5 b" "a -0.51 b"
        differs "a -0.5 b" "a 0.5 b"
        differs "three classes" "four classes"
        differs "1 of 2" "1 of"
        let three = [ "a"; "b 1"; "c" ]
        Expect.equal (Agreement.ofLines [ "…"; "c" ] three) None "dots for two"
        Expect.equal (Agreement.ofLines [ "a"; "…" ] three) None "dots at the end"
        Expect.equal (Agreement.ofLines [ "a"; "…"; "b 1"; "c" ] three) None "dots for none"
        Expect.equal (Agreement.ofLines [ "…"; "d" ] three) (Some "d") "not there"
        Expect.equal (Agreement.ofLines [ "a"; "b 2"; "c" ] three) (Some "b 2") "another number"
        Expect.isSome (Agreement.ofLines [ "a"; "b 1" ] three) "there is more"
    }
