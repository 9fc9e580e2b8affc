module Cnn.Tests.Program

open System
open System.Text
open Expecto
open Expecto.Tests

/// What hangs on the vectors of a processor: .ci/run lets it run on lesser ones as well, by this name.
let private onEveryProcessor = testList "every processor"

/// What tests the core alone, in the order of its own files: these run under coverage as well (.ci/coverage).
let private core =
    testList
        "core"
        [
            GuideTests.tests
            GuideBackwardTests.tests
            Tensors.TensorTests.tests
            Tensors.RandomTests.tests
            onEveryProcessor
                [
                    Kernels.ProcessorTests.tests
                    Kernels.UpdateTests.tests
                    Kernels.PatchTests.tests
                    Kernels.PooledRowsTests.tests
                    Kernels.StencilTests.tests
                    Kernels.WinogradTests.tests
                    Kernels.CellRowsTests.tests
                    Kernels.ActivationFunctionTests.tests
                    Kernels.DenseTests.tests
                    Fusion.FusedNetworkTests.tests
                    Training.DataParallelTests.tests
                ]
            Kernels.IdleTests.tests
            Operations.ConvolutionTests.tests
            Operations.PoolingTests.tests
            Operations.ReluTests.tests
            Operations.ActivationTests.tests
            Operations.BatchNormTests.tests
            Operations.BatchNormFoldingTests.tests
            Operations.DropoutTests.tests
            Operations.GlobalAveragePoolTests.tests
            Operations.DenseTests.tests
            Operations.SoftmaxCrossEntropyTests.tests
            Networks.ParametersTests.tests
            Networks.InitializerTests.tests
            Networks.ArchitectureTests.tests
            Networks.NetworkCreationTests.tests
            Networks.NetworkTests.tests
            Fusion.PlanTests.tests
            Fusion.PlanMemoryTests.tests
            Training.OptimizerTests.tests
            Training.LearningOptionsTests.tests
            Training.PhasesTests.tests
            Training.TrainingStateTests.tests
            Training.LearningStepTests.tests
            Training.EvaluationTests.tests
            Training.LayerStateTests.tests
            Explanations.ExplanationTests.tests
            Checking.GradientCheckTests.tests
            PurityTests.tests
            Storage.ModelFileTests.tests
            Interchange.NaturalOrderTests.tests
            Interchange.ModuleMatchingTests.tests
            Interchange.PyTorchWeightsTests.tests
            Storage.CheckpointFileTests.tests
            Interchange.GraphTests.tests
            Interchange.ForeignGraphTests.tests
            Interchange.GraphRefusalTests.tests
            Interchange.OnnxFormTests.tests
            Training.DivergenceTests.tests
            Facade.ModelTests.tests
            Facade.EpochTests.tests
            Facade.SurfaceTests.tests
            Facade.InspectionTests.tests
            Facade.ImageFilterTests.tests
            Facade.PlanProfileTests.tests
        ]

/// What tests the core with so many cases that counting lines would take minutes, and reaches few lines that the others do not.
let private thorough =
    testList
        "thorough"
        [
            onEveryProcessor [ Kernels.TileTests.tests ]
            Checking.WrongConvolutionTests.tests
            Checking.WrongBackwardTests.tests
            Checking.WrongChannelTests.tests
        ]

/// What tests the command line, most of it as a program of its own.
let private host =
    testList
        "host"
        [
            Host.HelpTests.tests
            Host.CompletionTests.tests
            Host.TrainTests.tests
            Host.ScheduleTests.tests
            Host.RecipeTests.tests
            Host.RecipeTrainingTests.tests
            Host.PatienceTests.tests
            Host.MetricsFileTests.tests
            Host.EventFileTests.tests
            Host.RunFolderTests.tests
            Host.RunPlaceTests.tests
            Host.ReportTests.tests
            Host.ExperimentTests.tests
            Host.ExperimentFileTests.tests
            Host.RateRangeTests.tests
            Host.BadInputTests.tests
            Host.BenchTests.tests
            Host.WarpTests.tests
            Host.ElasticFieldTests.tests
            Host.AugmentationTests.tests
            Host.PreviewTests.tests
            Host.ImageFileTests.tests
            Host.CsvFilesTests.tests
            Host.CifarFolderTests.tests
            Host.ClassFoldersTests.tests
            Host.DataSourceTests.tests
            Host.ShowTests.tests
            Host.PreparationTests.tests
            Host.PredictTests.tests
            Host.ServeTests.tests
            Host.ServeRefusalTests.tests
            Host.ServeFloodTests.tests
            Host.ServePageTests.tests
            Host.FilterTests.tests
            Host.PyTorchFileTests.tests
            Host.GuideCommandTests.tests
            Host.VisualizeTests.tests
            Interchange.OnnxRuntimeTests.tests
            Host.OnnxTests.tests
            Trust.RunTests.tests
            Trust.FileTests.tests
            Trust.FileTrialTests.tests
        ]

/// What tests the documents: that they say what the program does.
let private documents =
    testList
        "documents"
        [
            Documents.AgreementTests.tests
            Documents.SiteTests.tests
            Documents.CommandTests.tests
        ]

/// Written to the raw stream, after everything that Expecto still had to say, so that it is really last; on a line
/// of its own, because Expecto leaves a reset of the colours behind without ending that line.
let private writeLastLine (line: string) =
    Console.Out.Flush()
    Console.Error.Flush()
    use output = Console.OpenStandardOutput()
    output.Write(Encoding.UTF8.GetBytes(Environment.NewLine + line + Environment.NewLine))
    output.Flush()

let private countLine (summary: Impl.TestRunSummary) =
    let failed = summary.failed.Length + summary.errored.Length
    let skipped = summary.ignored.Length
    let line = $"{summary.passed.Length} passed, {failed} failed"
    if skipped = 0 then line else $"{line}, {skipped} skipped"

[<EntryPoint>]
let main arguments =
    let last: Impl.TestRunSummary option ref = ref None

    // Expecto tells its outcome to no one but the printer, so the printer keeps it
    let printer =
        let usual = Impl.TestPrinters.defaultPrinter

        { usual with
            summary =
                fun config summary ->
                    last.Value <- Some summary
                    usual.summary config summary
        }

    // later arguments win, so a user's own still count
    let settings =
        [
            CLIArguments.Printer printer
            CLIArguments.No_Spinner
            if Console.IsOutputRedirected then
                CLIArguments.Colours 0
        ]

    let tests, arguments =
        match List.ofArray arguments with
        | "--long-commands" :: rest -> Documents.CommandTests.long.Value, Array.ofList rest
        | _ -> testList "cnn" [ core; thorough; host; documents ], arguments

    let code = runTestsWithCLIArgs settings arguments tests

    match last.Value with
    | Some summary ->
        writeLastLine (countLine summary)
        // a filter that matches nothing must not pass for success
        if code = 0 && summary.passed.IsEmpty then 1 else code
    // --list-tests, --help and the like run nothing, and are not asked to
    | None -> code
