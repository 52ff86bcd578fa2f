import FuzzSupport

/// A safetensors file. Its length of the header is made to fit, which chance would not.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var bytes = FuzzFile.bytes(start, count)
    guard bytes.count > 8, bytes[8] == UInt8(ascii: "{") else { return -1 }
    let claimed = Int(bytes[0]) | Int(bytes[1]) << 8
    let header = claimed % (bytes.count - 7)
    bytes.replaceSubrange(0..<8, with: [UInt8(header & 0xFF), UInt8(header >> 8 & 0xFF), 0, 0, 0, 0, 0, 0])
    return FuzzFile.read(bytes)
}
