using System.Reflection;
using Cnn.Interchange;

namespace Cnn.Host.Onnx;

/// <summary>A graph of operators as an ONNX file.</summary>
public static class OnnxWriter
{
    /// <summary>The version of the format itself; the first in which operator set 20 may stand.</summary>
    public const int IrVersion = 9;

    private const string Producer = "FunctionalCnn";

    /// <summary>The bytes of the file: the same graph always gives the same.</summary>
    public static byte[] Encode(OperatorGraph graph)
    {
        var model = new ProtobufMessage();
        model.Add(OnnxFields.Model.IrVersion, IrVersion);
        model.Add(OnnxFields.Model.ProducerName, Producer);
        model.Add(OnnxFields.Model.ProducerVersion, Version);
        model.Add(OnnxFields.Model.Documentation, graph.Documentation);
        model.Add(OnnxFields.Model.Graph, Graph(graph));
        var operators = new ProtobufMessage();
        operators.Add(OnnxFields.OperatorSet.Version, graph.Opset);
        model.Add(OnnxFields.Model.OpsetImport, operators);
        foreach (GraphNote note in graph.Notes)
        {
            var entry = new ProtobufMessage();
            entry.Add(OnnxFields.Entry.Key, note.Key);
            entry.Add(OnnxFields.Entry.Value, note.Text);
            model.Add(OnnxFields.Model.Metadata, entry);
        }
        return model.ToArray();
    }

    private static string Version =>
        typeof(OnnxWriter).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    private static ProtobufMessage Graph(OperatorGraph graph)
    {
        var message = new ProtobufMessage();
        foreach (GraphNode node in graph.Nodes)
            message.Add(OnnxFields.Graph.Node, Node(node));
        message.Add(OnnxFields.Graph.Name, graph.Name);
        foreach (GraphTensor tensor in graph.Initializers)
            message.Add(OnnxFields.Graph.Initializer, Tensor(tensor));
        foreach (GraphPort input in graph.Inputs)
            message.Add(OnnxFields.Graph.Input, Port(input));
        foreach (GraphPort output in graph.Outputs)
            message.Add(OnnxFields.Graph.Output, Port(output));
        return message;
    }

    private static ProtobufMessage Node(GraphNode node)
    {
        var message = new ProtobufMessage();
        foreach (string input in node.Inputs)
            message.Add(OnnxFields.Node.Input, input);
        foreach (string output in node.Outputs)
            message.Add(OnnxFields.Node.Output, output);
        message.Add(OnnxFields.Node.Name, node.Name);
        message.Add(OnnxFields.Node.Operator, node.Operator);
        foreach (GraphAttribute attribute in node.Attributes)
            message.Add(OnnxFields.Node.Attribute, Attribute(attribute));
        if (node.Domain.Length > 0)
            message.Add(OnnxFields.Node.Domain, node.Domain);
        return message;
    }

    private static ProtobufMessage Attribute(GraphAttribute attribute)
    {
        var message = new ProtobufMessage();
        message.Add(OnnxFields.Attribute.Name, attribute.Name);
        int type;
        switch (attribute.Value)
        {
            case GraphValue.Number number:
                message.Add(OnnxFields.Attribute.Float, number.Item);
                type = OnnxFields.AttributeTypes.Float;
                break;
            case GraphValue.Integer number:
                message.Add(OnnxFields.Attribute.Int, number.Item);
                type = OnnxFields.AttributeTypes.Int;
                break;
            case GraphValue.Text text:
                message.Add(OnnxFields.Attribute.String, text.Item);
                type = OnnxFields.AttributeTypes.String;
                break;
            case GraphValue.TensorOf tensor:
                message.Add(OnnxFields.Attribute.Tensor, Tensor(tensor.Item));
                type = OnnxFields.AttributeTypes.Tensor;
                break;
            case GraphValue.Numbers numbers:
                foreach (float number in numbers.Item)
                    message.Add(OnnxFields.Attribute.Floats, number);
                type = OnnxFields.AttributeTypes.Floats;
                break;
            case GraphValue.Integers numbers:
                foreach (long number in numbers.Item)
                    message.Add(OnnxFields.Attribute.Ints, number);
                type = OnnxFields.AttributeTypes.Ints;
                break;
            default:
                throw new ArgumentException($"the attribute {attribute.Name} has no value that can be written");
        }
        message.Add(OnnxFields.Attribute.Type, type);
        return message;
    }

    private static ProtobufMessage Tensor(GraphTensor tensor)
    {
        var message = new ProtobufMessage();
        foreach (long extent in tensor.Extents)
            message.Add(OnnxFields.Tensor.Extents, extent);
        message.Add(OnnxFields.Tensor.DataType, TypeOf(tensor.Type));
        message.Add(OnnxFields.Tensor.Name, tensor.Name);
        message.Add(OnnxFields.Tensor.RawData, tensor.Bytes);
        return message;
    }

    private static ProtobufMessage Port(GraphPort port)
    {
        var shape = new ProtobufMessage();
        foreach (Extent extent in port.Extents)
        {
            var dimension = new ProtobufMessage();
            switch (extent)
            {
                case Extent.Fixed cells:
                    dimension.Add(OnnxFields.Extent.Value, cells.Item);
                    break;
                case Extent.Open open:
                    dimension.Add(OnnxFields.Extent.Parameter, open.name);
                    break;
            }
            shape.Add(OnnxFields.Shape.Extent, dimension);
        }
        var tensor = new ProtobufMessage();
        tensor.Add(OnnxFields.TensorType.ElementType, TypeOf(port.Type));
        tensor.Add(OnnxFields.TensorType.Shape, shape);
        var type = new ProtobufMessage();
        type.Add(OnnxFields.Type.Tensor, tensor);
        var message = new ProtobufMessage();
        message.Add(OnnxFields.ValueInfo.Name, port.Name);
        message.Add(OnnxFields.ValueInfo.Type, type);
        return message;
    }

    private static long TypeOf(ElementType type) =>
        type.IsFloat32 ? OnnxFields.DataTypes.Float32
        : type.IsUInt8 ? OnnxFields.DataTypes.UInt8
        : type.IsInt32 ? OnnxFields.DataTypes.Int32
        : type.IsInt64 ? OnnxFields.DataTypes.Int64
        : throw new ArgumentException("a tensor has numbers of a type that cannot be written");
}
