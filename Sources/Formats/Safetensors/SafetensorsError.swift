public import Foundations
public import Tensors

/// A safetensors file that breaks the rules of the format.
public enum SafetensorsError: FormatError, Equatable {
    /// Not even the length of the header is there.
    case cutShort
    /// A header above ``SafetensorsHeader/maximumByteCount``.
    case headerTooLong(byteCount: UInt64)
    /// The file ends within its header.
    case headerCutShort(byteCount: Int, remaining: Int)
    /// The header does not begin with `{`.
    case noObject
    /// The header is not the JSON it should be.
    case json(JSONError)
    /// A name that appears twice, or two that Unicode holds to be the same.
    case duplicateName(String)
    /// More tensors than ``SafetensorsHeader/maximumTensorCount``.
    case tooManyTensors
    /// More axes in all tensors together than ``SafetensorsHeader/maximumAxisCount``.
    case tooManyAxes
    /// More metadata than ``SafetensorsHeader/maximumTextCount``.
    case tooManyTexts
    /// A field that is unknown, or there twice.
    case unexpectedField(name: String, field: String)
    /// A field that is not there, or not complete.
    case missingField(name: String, field: String)
    /// More numbers in a shape or in offsets than can be.
    case tooManyNumbers(name: String, field: String, maximum: Int)
    /// A dtype that safetensors does not have.
    case unknownDType(name: String, dtype: String)
    /// An invalid shape.
    case tensor(name: String, TensorError)
    /// Offsets that end before they start, or overflow.
    case offsets(name: String, start: Int, end: Int)
    /// Offsets that do not span what the shape needs.
    case byteCount(name: String, dtype: DType, shape: [Int], needs: Int, has: Int)
    /// A tensor that starts within another.
    case overlap(name: String)
    /// Bytes before a tensor that belong to none.
    case hole(name: String, byteCount: Int)
    /// The file ends before the data does.
    case dataCutShort(needs: Int, has: Int)
    /// Bytes after the last tensor.
    case trailingBytes(count: Int)

    /// One line, lower case, with the values.
    public var description: String {
        switch self {
        case .cutShort: "the file is cut short: not even the length of the safetensors header is there"
        case .headerTooLong(let byteCount):
            "safetensors header of \(byteCount) bytes; at most \(SafetensorsHeader.maximumByteCount) are read"
        case .headerCutShort(let byteCount, let remaining):
            "the file is cut short by \(byteCount - remaining) bytes or more: safetensors header of \(byteCount) bytes, "
                + "\(remaining) are there"
        case .noObject: "safetensors header does not begin with \"{\""
        case .json(let error): "safetensors header: \(error)"
        case .duplicateName(let name): "safetensors header has \(quoted(name)) twice"
        case .tooManyTensors: "more than \(SafetensorsHeader.maximumTensorCount) tensors in one file"
        case .tooManyAxes: "more than \(SafetensorsHeader.maximumAxisCount) axes in one file"
        case .tooManyTexts: "more than \(SafetensorsHeader.maximumTextCount) texts in the metadata"
        case .unexpectedField(let name, let field): "\(quoted(name)) has an unknown or second \(quoted(field))"
        case .missingField(let name, let field): "\(quoted(name)) has no complete \(quoted(field))"
        case .tooManyNumbers(let name, let field, let maximum):
            "\(quoted(name)) has more than \(maximum) numbers in \(quoted(field))"
        case .unknownDType(let name, let dtype): "\(quoted(name)) has an unknown dtype \(quoted(dtype))"
        case .tensor(let name, let error): "\(quoted(name)): \(error)"
        case .offsets(let name, let start, let end): "\(quoted(name)) has invalid offsets [\(start), \(end)]"
        case .byteCount(let name, let dtype, let shape, let needs, let has):
            "\(quoted(name)) is \(dtype) of shape \(shape), \(needs) bytes, but its offsets span \(has)"
        case .overlap(let name): "\(quoted(name)) overlaps another tensor"
        case .hole(let name, let byteCount): "\(byteCount) bytes before \(quoted(name)) belong to no tensor"
        case .dataCutShort(let needs, let has):
            "the file is cut short by \(needs - has) bytes: its tensors need \(needs), \(has) are there"
        case .trailingBytes(let count): "\(count) bytes after the last tensor belong to no tensor"
        }
    }
}
