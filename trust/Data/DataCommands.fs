/// The command that makes data sets.
module Cnn.Trust.Data.DataCommands

open System
open System.CommandLine
open System.IO
open Cnn.Host.Data

let private whole (name: string) (byDefault: int) (description: string) =
    Option<int>(name, Description = description, DefaultValueFactory = fun _ -> byDefault)

let private fresh (folder: string) (name: string) : string =
    Directory.CreateDirectory(Path.Combine(folder, name)).FullName

let private write (folder: string) (training: int) (test: int) : unit =
    let allTraining, allTest = SampleSets.digits ()

    let someTraining, someTest =
        SampleSets.first training allTraining, SampleSets.first test allTest

    let csv = fresh folder "digits-csv"
    SampleSets.writeCsv (Path.Combine(csv, "train.csv")) true someTraining
    SampleSets.writeCsv (Path.Combine(csv, "test.csv")) true someTest

    let pictures = fresh folder "digits-png"
    SampleSets.writePictures (Path.Combine(pictures, "train")) someTraining
    SampleSets.writePictures (Path.Combine(pictures, "test")) someTest

    let stripes = fresh folder "stripes"
    SampleSets.writeCifar stripes (SampleSets.stripes training 1) (SampleSets.stripes test 2)

    for name in [ csv; pictures; stripes ] do
        printfn $"{name}"

let private data () : Command =
    let folder =
        Argument<string>("FOLDER", Description = "Where the folders digits-csv, digits-png and stripes go.")

    let training = whole "--training" 2000 "Images of each to train on."
    let test = whole "--test" 500 "Images of each to test with."

    let command =
        Command(
            "data",
            "Writes small data sets in the formats that cnn reads: digits of MNIST as CSV files and as PNG files, and coloured stripes as CIFAR-10."
        )

    command.Arguments.Add folder
    command.Options.Add training
    command.Options.Add test

    command.SetAction(fun (parsed: ParseResult) ->
        write (parsed.GetRequiredValue folder) (max 10 (parsed.GetValue training)) (max 10 (parsed.GetValue test))
        0)

    command

/// The commands.
let all () : Command list = [ data () ]
