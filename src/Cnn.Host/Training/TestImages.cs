using Cnn.Host.Data;

namespace Cnn.Host.Training;

/// <summary>The test images of a data set as a model wants them.</summary>
internal static class TestImages
{
    /// <summary>Reads those of a data set that the user names.</summary>
    /// <param name="path">The data set; null for the one of the program.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="CommandException">Bad data: there are none, or none such as the model knows.</exception>
    public static LabelledImages Load(string? path, Model model) =>
        Load(DataSource.Open(path ?? DataSource.Default), model);

    /// <summary>Reads them: pictures in the size and colours that the model takes, and with its numbers for their classes.</summary>
    /// <param name="source">The data set.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="CommandException">Bad data: there are none, or none such as the model knows.</exception>
    public static LabelledImages Load(IImageSource source, Model model)
    {
        LabelledImages images = source.LoadTest(ImageForm.Of(model));
        Evaluator.CheckShape(model, images);
        images = images.WithClasses(model.ClassNames);
        Evaluator.CheckFit(model, images);
        return images with { ClassNames = model.ClassNames };
    }
}
