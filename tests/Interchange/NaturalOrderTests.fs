/// Names with numbers in them, in the order in which people count.
module Cnn.Tests.Interchange.NaturalOrderTests

open Expecto
open FsCheck
open Cnn.Interchange

let tests =
    testList
        "Interchange.NaturalOrder"
        [
            test "names are ordered as people count" {
                let ordered =
                    [
                        ""
                        "02"
                        "2"
                        "10"
                        "a"
                        "a2"
                        "a10"
                        "a10b9"
                        "a10b10"
                        "a.2.b"
                        "a.10"
                        "a.10.c"
                        "b"
                    ]

                for i, first in List.indexed ordered do
                    for j, second in List.indexed ordered do
                        Expect.equal
                            (sign (NaturalOrder.compare first second))
                            (compare i j)
                            $"'{first}' and '{second}'"
            }

            testProperty "that is an order" (fun (NonNull(a: string)) (NonNull(b: string)) (NonNull(c: string)) ->
                let order x y = sign (NaturalOrder.compare x y)
                Expect.equal (order a b) (-(order b a)) "turned round"

                if order a b <= 0 && order b c <= 0 then
                    Expect.isLessThanOrEqual (order a c) 0 "one after the other"

                Expect.equal (order a b = 0) (a = b) "the same")
        ]
