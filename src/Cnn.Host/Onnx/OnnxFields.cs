namespace Cnn.Host.Onnx;

/// <summary>
/// The numbers of the fields that this program writes and reads, by message, as the public definition of the format has them
/// (onnx.proto), and of the kinds of values.
/// </summary>
internal static class OnnxFields
{
    public static class Model
    {
        public const int IrVersion = 1;
        public const int ProducerName = 2;
        public const int ProducerVersion = 3;
        public const int Documentation = 6;
        public const int Graph = 7;
        public const int OpsetImport = 8;
        public const int Metadata = 14;
        public const int Functions = 25;
    }

    public static class OperatorSet
    {
        public const int Domain = 1;
        public const int Version = 2;
    }

    public static class Entry
    {
        public const int Key = 1;
        public const int Value = 2;
    }

    public static class Graph
    {
        public const int Node = 1;
        public const int Name = 2;
        public const int Initializer = 5;
        public const int Documentation = 10;
        public const int Input = 11;
        public const int Output = 12;
        public const int SparseInitializer = 15;
    }

    public static class Node
    {
        public const int Input = 1;
        public const int Output = 2;
        public const int Name = 3;
        public const int Operator = 4;
        public const int Attribute = 5;
        public const int Domain = 7;
    }

    public static class Attribute
    {
        public const int Name = 1;
        public const int Float = 2;
        public const int Int = 3;
        public const int String = 4;
        public const int Tensor = 5;
        public const int Floats = 7;
        public const int Ints = 8;
        public const int Type = 20;
    }

    /// <summary>What an attribute is, in its field for the type.</summary>
    public static class AttributeTypes
    {
        public const int Undefined = 0;
        public const int Float = 1;
        public const int Int = 2;
        public const int String = 3;
        public const int Tensor = 4;
        public const int Graph = 5;
        public const int Floats = 6;
        public const int Ints = 7;
    }

    public static class Tensor
    {
        public const int Extents = 1;
        public const int DataType = 2;
        public const int Segment = 3;
        public const int FloatData = 4;
        public const int Int32Data = 5;
        public const int Int64Data = 7;
        public const int Name = 8;
        public const int RawData = 9;
        public const int ExternalData = 13;
        public const int DataLocation = 14;
    }

    public static class ValueInfo
    {
        public const int Name = 1;
        public const int Type = 2;
    }

    public static class Type
    {
        public const int Tensor = 1;
    }

    public static class TensorType
    {
        public const int ElementType = 1;
        public const int Shape = 2;
    }

    public static class Shape
    {
        public const int Extent = 1;
    }

    public static class Extent
    {
        public const int Value = 1;
        public const int Parameter = 2;
    }

    /// <summary>What the numbers of a tensor are.</summary>
    public static class DataTypes
    {
        public const int Float32 = 1;
        public const int UInt8 = 2;
        public const int Int32 = 6;
        public const int Int64 = 7;

        private static readonly string[] names =
        [
            "an undefined type",
            "float32",
            "uint8",
            "int8",
            "uint16",
            "int16",
            "int32",
            "int64",
            "string",
            "bool",
            "float16",
            "float64",
            "uint32",
            "uint64",
            "complex64",
            "complex128",
            "bfloat16",
        ];

        /// <summary>The name of a type, for sentences.</summary>
        public static string NameOf(long type) => type >= 0 && type < names.Length ? names[type] : $"data type {type}";
    }
}
