/// What each command that README.md and the guide print must do, and where the text says so.
module Cnn.Tests.Documents.CommandCases

/// How it is put to the test.
type Way =
    /// Run with the other tests, within seconds, in a folder with the files that it names.
    | Short
    /// Run by `dotnet run -c Release --project tests -- --long-commands`, in a fresh clone.
    | Long
    /// It goes on until it is stopped: run until it says this.
    | Until of string
    /// Named, not to be typed as it is: its help has what is named.
    | Named
    /// Not run by itself.
    | LeftOut of why: string

type Case =
    {
        Line: string
        Way: Way
        /// Words of each text that prints it: what they promise is below.
        Says: string list
        /// Patterns, each of which some line of the output fits.
        Prints: string list
        /// Files that are there afterwards.
        Writes: string list
        /// What is typed before it.
        Before: string list
    }

let private case (line: string) (way: Way) (says: string list) (prints: string list) : Case =
    {
        Line = line
        Way = way
        Says = says
        Prints = prints
        Writes = []
        Before = []
    }

let private accuracy (pattern: string) =
    $@"^test accuracy {pattern} %% \(loss \d+\.\d+, \d+ images\)$"

let private figures (names: string list) =
    [ for name in names -> $"figures/{name}.png" ]

let private readme: Case list =
    [
        case
            "./cnn eval model.bin"
            Short
            [ "accuracy, loss, precision and recall of each class, confusion matrix" ]
            [
                accuracy @"9\d\.\d\d"
                @"^ *class +images +precision +recall *$"
                @"^ *9 +1009 +\d+\.\d\d % +\d+\.\d\d % *$"
                @"^ *true.*predicted|predicted.*true|^ *(\d+ +){10}\d+ *$"
            ]
        case
            "./cnn predict model.bin digit.png"
            Short
            [ "what is in a picture of your own" ]
            [ @"^digit\.png: \d \d+\.\d\d %, \d \d+\.\d\d %, \d \d+\.\d\d %$" ]
        case
            "./cnn serve model.bin"
            (Until "model.bin is at http://127.0.0.1:8028/ until you press Ctrl-C")
            [ "on a page of your browser" ]
            []
        case
            "./cnn show model.bin --index 7"
            Short
            [ "a test image in the terminal, and the probability of each class" ]
            [
                @"^ +[-=+*#%@]{4,}"
                @"^[ >] +0 +\d+\.\d\d %"
                @"^[ >] +9 +\d+\.\d\d %"
                @"^answer: class \d \(\d+\.\d\d %\), which is (right|wrong)"
            ]
        { case "./cnn visualize model.bin" Short [ "filters"; "visualize" ] [] with
            Writes =
                figures
                    [
                        "learned_filters"
                        "activations_digit_7"
                        "saliency_digit_7"
                        "confusion_matrix"
                        "mistakes"
                    ]
        }
        { case "./cnn visualize runs/NAME/model.bin" Short [ "learning curves" ] [] with
            Writes = figures [ "training_curves" ]
            Before =
                [
                    "./cnn train --epochs 1 --arch \"pool 4, flatten, dense classes\" --run runs/NAME"
                ]
        }
        case "./cnn gradcheck" Short [ "gradcheck" ] [ @"^(\d+) of \1 gradients agree within 1e-07$" ]
        case "./cnn train --data DIR" Short [ "a folder for each class" ] [ accuracy @"\d+\.\d\d" ]
        { case
              "./cnn train --resume runs/NAME"
              Short
              [ "go on with a run that was stopped" ]
              [ @"^epoch 4/4 "; accuracy @"\d+\.\d\d" ] with
            Before = [ "./cnn train --data DIR --epochs 4 --stop-after 2 --run runs/NAME" ]
        }
        { case
              "./cnn export model.bin --onnx model.onnx"
              Short
              [ "for ONNX Runtime" ]
              [
                  @"^model\.onnx  operator set 20, \d+ nodes, [\d,]+ bytes, sha256 [0-9a-f]{64}$"
              ] with
            Writes = [ "model.onnx" ]
        }
        { case "./cnn lr-find" Short [ "for the learning rate" ] [ @"^suggested --lr: [\d.]+ " ] with
            Writes = [ "lr-find.png" ]
        }
        case
            "./cnn --help"
            Short
            [ "lists them all" ]
            [
                for name in
                    [
                        "train"
                        "eval"
                        "predict"
                        "serve"
                        "show"
                        "visualize"
                        "gradcheck"
                        "export"
                        "import"
                        "experiment"
                        "lr-find"
                        "bench"
                        "guide"
                    ] -> $"^  {name} "
            ]
        case "./cnn guide 1" Short [ "nine parts" ] [ @"^part 1: all \d+ checks passed$" ]
        case "./cnn import" Named [] []

        case "./cnn train --epochs 10" Long [] [ @"^epoch 10/10  "; accuracy @"99\.\d\d" ]
        case "./cnn train" Long [ "99.37 %" ] [ accuracy @"99\.[2-5]\d" ]
        case "./cnn train --recipe fast" Long [ "99.26 %" ] [ accuracy @"99\.[12345]\d" ]
        case "./cnn train --recipe best" Long [ "99.67 %" ] [ accuracy @"99\.[56789]\d" ]
        case
            "./cnn train --arch \"conv 16 5, relu, pool 2, flatten, dense classes\""
            Long
            [ "a network of your own" ]
            [ accuracy @"9[89]\.\d\d" ]
        case
            "./cnn experiment default --seeds 5"
            Long
            [ "mean and standard deviation" ]
            [ @"^accuracy 99\.3\d+ % ± 0\.\d+, .*mean of 5 seeds$" ]
        case
            "./cnn bench"
            Long
            [ "images/s for every preset" ]
            [
                @"^network +batch +threads +images/s"
                @"^network +stage +.*microseconds.* of peak$"
            ]
        { case "./publish" Long [ "starts five times as fast" ] [] with
            Writes = [ "artifacts/native/cnn" ]
        }
        { case ".paket/lock" Long [ "resolves `paket.dependencies` anew" ] [] with
            Writes = [ "paket.lock" ]
        }
        case "dotnet run -c Release --project tests" (LeftOut "it is what runs this") [] []
    ]

let private guide: Case list =
    [
        { case
              "./cnn filter photo.jpg --kernel sobel-x"
              Short
              [ "on any picture" ]
              [ @"^filtered\.png  \d+x\d+ pixels in grey: photo\.jpg by sobel-x" ] with
            Writes = [ "filtered.png" ]
        }
        case "./cnn summary --model deep" Short [ "1,218,048" ] [ @"^ *total +206,922 +1,218,048 *$" ]
        case "./cnn filter" Named [] []
        case "./cnn predict" Named [] []
        case "./cnn experiment" Named [] []
        case "./cnn train --resume" Named [] []
        case "./cnn bench --purity" Long [ "what is left of the cost" ] [ "images/s" ]
    ]

/// All of them.
let all: Case list = readme @ guide
