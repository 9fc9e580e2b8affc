using System.Buffers.Binary;
using Cnn.Interchange;
using Microsoft.FSharp.Collections;

namespace Cnn.Host.Onnx;

/// <summary>
/// Reads an ONNX file into a graph of operators. Nothing in the file is trusted: everything is counted before it is kept, weights stay
/// where they are in the file, and what the format allows beyond a plain graph is refused.
/// </summary>
/// <remarks>
/// Where the file is not right, an <see cref="InvalidDataException"/> says why, as the rest of a sentence that starts with its name.
/// </remarks>
public static class OnnxReader
{
    // each is far more than a network of 1000 layers needs; together they bound what a file of any size can cost
    private const int MostInitializers = 10_000;
    private const int MostNodeValues = 64;
    private const int MostAttributes = 32;
    private const int MostAttributeNumbers = 64;
    private const int MostPorts = 10_000;
    private const int MostNotes = 1_000;
    private const int MostOperatorSets = 64;
    private const int MostWholeNumbers = 64;

    /// <summary>The graph in the bytes of a file.</summary>
    public static OperatorGraph Decode(byte[] file)
    {
        var reader = new ProtobufReader(file);
        ProtobufReader? graph = null;
        List<GraphNote> notes = [];
        List<(string Domain, long Version)> operatorSets = [];
        string documentation = "";
        while (reader.Read())
            switch (reader.Field)
            {
                case OnnxFields.Model.Graph when graph is null:
                    graph = reader.Message;
                    break;
                case OnnxFields.Model.Graph:
                    throw new InvalidDataException("it holds two graphs");
                case OnnxFields.Model.Functions:
                    throw new InvalidDataException("it defines operators of its own; export it without functions");
                case OnnxFields.Model.OpsetImport:
                    ProtobufReader.AddTo(operatorSets, OperatorSet(reader.Message), MostOperatorSets, "operator sets");
                    break;
                case OnnxFields.Model.Metadata:
                    ProtobufReader.AddTo(notes, Note(reader.Message), MostNotes, "notes");
                    break;
                case OnnxFields.Model.Documentation:
                    documentation = reader.Text;
                    break;
            }
        if (graph is null)
            throw new InvalidDataException("it holds no graph");
        long[] versions = [.. operatorSets.Where(set => set.Domain is "" or "ai.onnx").Select(set => set.Version)];
        if (versions.Length != 1)
            throw new InvalidDataException("it does not say which version of the ONNX operators it is of");
        return Graph(graph, documentation, versions[0], notes);
    }

    private static (string Domain, long Version) OperatorSet(ProtobufReader reader)
    {
        (string domain, long version) = ("", 0);
        while (reader.Read())
            if (reader.Field == OnnxFields.OperatorSet.Domain)
                domain = reader.Text;
            else if (reader.Field == OnnxFields.OperatorSet.Version)
                version = reader.Number;
        return (domain, version);
    }

    private static GraphNote Note(ProtobufReader reader)
    {
        (string key, string value) = ("", "");
        while (reader.Read())
            if (reader.Field == OnnxFields.Entry.Key)
                key = reader.Text;
            else if (reader.Field == OnnxFields.Entry.Value)
                value = reader.Text;
        return new GraphNote(key, value);
    }

    private static OperatorGraph Graph(ProtobufReader reader, string documentation, long opset, List<GraphNote> notes)
    {
        string name = "";
        List<GraphNode> nodes = [];
        List<GraphTensor> initializers = [];
        List<GraphPort> inputs = [];
        List<GraphPort> outputs = [];
        while (reader.Read())
            switch (reader.Field)
            {
                case OnnxFields.Graph.Node:
                    ProtobufReader.AddTo(nodes, Node(reader.Message), GraphImport.MostNodes, "nodes");
                    break;
                case OnnxFields.Graph.Name:
                    name = reader.Text;
                    break;
                case OnnxFields.Graph.Initializer:
                    ProtobufReader.AddTo(initializers, Tensor(reader.Message), MostInitializers, "constants");
                    break;
                case OnnxFields.Graph.SparseInitializer:
                    throw new InvalidDataException("it holds a sparse tensor; only dense ones are read");
                case OnnxFields.Graph.Input:
                    ProtobufReader.AddTo(inputs, Port(reader.Message), MostPorts, "inputs");
                    break;
                case OnnxFields.Graph.Output:
                    ProtobufReader.AddTo(outputs, Port(reader.Message), MostPorts, "outputs");
                    break;
            }
        return new OperatorGraph(
            name,
            documentation,
            opset,
            ListModule.OfSeq(nodes),
            ListModule.OfSeq(initializers),
            ListModule.OfSeq(inputs),
            ListModule.OfSeq(outputs),
            ListModule.OfSeq(notes)
        );
    }

    private static GraphNode Node(ProtobufReader reader)
    {
        (string name, string @operator, string domain) = ("", "", "");
        List<string> inputs = [];
        List<string> outputs = [];
        List<GraphAttribute> attributes = [];
        while (reader.Read())
            switch (reader.Field)
            {
                case OnnxFields.Node.Input:
                    ProtobufReader.AddTo(inputs, reader.Text, MostNodeValues, "inputs of one node");
                    break;
                case OnnxFields.Node.Output:
                    ProtobufReader.AddTo(outputs, reader.Text, MostNodeValues, "outputs of one node");
                    break;
                case OnnxFields.Node.Name:
                    name = reader.Text;
                    break;
                case OnnxFields.Node.Operator:
                    @operator = reader.Text;
                    break;
                case OnnxFields.Node.Domain:
                    domain = reader.Text;
                    break;
                case OnnxFields.Node.Attribute:
                    ProtobufReader.AddTo(
                        attributes,
                        Attribute(reader.Message),
                        MostAttributes,
                        "attributes of one node"
                    );
                    break;
            }
        return new GraphNode(
            name,
            @operator,
            domain,
            ListModule.OfSeq(inputs),
            ListModule.OfSeq(outputs),
            ListModule.OfSeq(attributes)
        );
    }

    private static GraphAttribute Attribute(ProtobufReader reader)
    {
        string name = "";
        long type = OnnxFields.AttributeTypes.Undefined;
        GraphValue? value = null;
        List<long> integers = [];
        List<float> numbers = [];
        while (reader.Read())
            switch (reader.Field)
            {
                case OnnxFields.Attribute.Name:
                    name = reader.Text;
                    break;
                case OnnxFields.Attribute.Type:
                    type = reader.Number;
                    break;
                case OnnxFields.Attribute.Float:
                    value = GraphValue.NewNumber(reader.Single);
                    break;
                case OnnxFields.Attribute.Int:
                    value = GraphValue.NewInteger(reader.Number);
                    break;
                case OnnxFields.Attribute.String:
                    value = GraphValue.NewText(reader.Text);
                    break;
                case OnnxFields.Attribute.Tensor:
                    value = GraphValue.NewTensorOf(Tensor(reader.Message));
                    break;
                case OnnxFields.Attribute.Ints:
                    reader.AddNumbers(integers, MostAttributeNumbers, "numbers in one attribute");
                    break;
                case OnnxFields.Attribute.Floats:
                    reader.AddSingles(numbers, MostAttributeNumbers, "numbers in one attribute");
                    break;
            }
        // a list may be empty, and a number of 0 need not be written
        return new GraphAttribute(
            name,
            type switch
            {
                OnnxFields.AttributeTypes.Ints => GraphValue.NewIntegers(ListModule.OfSeq(integers)),
                OnnxFields.AttributeTypes.Floats => GraphValue.NewNumbers(ListModule.OfSeq(numbers)),
                OnnxFields.AttributeTypes.Int => value ?? GraphValue.NewInteger(0),
                OnnxFields.AttributeTypes.Float => value ?? GraphValue.NewNumber(0),
                OnnxFields.AttributeTypes.String => value ?? GraphValue.NewText(""),
                OnnxFields.AttributeTypes.Tensor when value is not null => value,
                OnnxFields.AttributeTypes.Graph => GraphValue.NewOtherValue("graph"),
                _ => GraphValue.NewOtherValue($"type {type}"),
            }
        );
    }

    private static GraphTensor Tensor(ProtobufReader reader)
    {
        string name = "";
        long type = 0;
        List<long> extents = [];
        List<long> integers = [];
        ReadOnlyMemory<byte>? bytes = null;
        while (reader.Read())
            switch (reader.Field)
            {
                case OnnxFields.Tensor.Name:
                    name = reader.Text;
                    break;
                case OnnxFields.Tensor.DataType:
                    type = reader.Number;
                    break;
                case OnnxFields.Tensor.Extents:
                    reader.AddNumbers(extents, GraphTensorModule.MostAxes, "axes of one tensor");
                    break;
                // numbers that are packed have the form of raw data
                case OnnxFields.Tensor.RawData:
                case OnnxFields.Tensor.FloatData when bytes is null && reader.HasContents:
                    bytes = reader.Bytes;
                    break;
                case OnnxFields.Tensor.Int32Data:
                case OnnxFields.Tensor.Int64Data:
                    reader.AddNumbers(integers, MostWholeNumbers, "whole numbers in one tensor");
                    break;
                case OnnxFields.Tensor.FloatData:
                case OnnxFields.Tensor.Segment:
                    throw new InvalidDataException("a tensor comes in pieces; only whole ones are read");
                case OnnxFields.Tensor.ExternalData:
                case OnnxFields.Tensor.DataLocation when reader.Number != 0:
                    throw new InvalidDataException(
                        "its weights are in another file; save it as a single file (external data is not read)"
                    );
            }
        return new GraphTensor(name, ElementTypeOf(type), ListModule.OfSeq(extents), bytes ?? Written(type, integers));
    }

    private static ElementType ElementTypeOf(long type) =>
        type switch
        {
            OnnxFields.DataTypes.Float32 => ElementType.Float32,
            OnnxFields.DataTypes.UInt8 => ElementType.UInt8,
            OnnxFields.DataTypes.Int32 => ElementType.Int32,
            OnnxFields.DataTypes.Int64 => ElementType.Int64,
            _ => ElementType.NewOtherType(OnnxFields.DataTypes.NameOf(type)),
        };

    // whole numbers in the form of raw data
    private static byte[] Written(long type, List<long> numbers)
    {
        int width = type == OnnxFields.DataTypes.Int64 ? sizeof(long) : sizeof(int);
        byte[] bytes = new byte[width * numbers.Count];
        for (int i = 0; i < numbers.Count; i++)
            if (width == sizeof(long))
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(width * i), numbers[i]);
            else
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(width * i), unchecked((int)numbers[i]));
        return bytes;
    }

    private static GraphPort Port(ProtobufReader reader)
    {
        string name = "";
        ElementType type = ElementType.NewOtherType("no tensor");
        List<Extent> extents = [];
        while (reader.Read())
            if (reader.Field == OnnxFields.ValueInfo.Name)
                name = reader.Text;
            else if (reader.Field == OnnxFields.ValueInfo.Type)
                foreach (ProtobufReader tensor in Within(reader.Message, OnnxFields.Type.Tensor))
                    while (tensor.Read())
                        if (tensor.Field == OnnxFields.TensorType.ElementType)
                            type = ElementTypeOf(tensor.Number);
                        else if (tensor.Field == OnnxFields.TensorType.Shape)
                            foreach (ProtobufReader extent in Within(tensor.Message, OnnxFields.Shape.Extent))
                                ProtobufReader.AddTo(
                                    extents,
                                    ExtentOf(extent),
                                    GraphTensorModule.MostAxes,
                                    "axes of an input"
                                );
        return new GraphPort(name, type, ListModule.OfSeq(extents));
    }

    private static Extent ExtentOf(ProtobufReader reader)
    {
        Extent extent = Extent.NewOpen("");
        while (reader.Read())
            if (reader.Field == OnnxFields.Extent.Value)
                extent = Extent.NewFixed(reader.Number);
            else if (reader.Field == OnnxFields.Extent.Parameter)
                extent = Extent.NewOpen(reader.Text);
        return extent;
    }

    // the messages in one field of another
    private static IEnumerable<ProtobufReader> Within(ProtobufReader reader, int field)
    {
        while (reader.Read())
            if (reader.Field == field)
                yield return reader.Message;
    }
}
