import FuzzSupport

/// The index of a model in several safetensors files.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzFile.readIndex(FuzzFile.bytes(start, count))
    return 0
}
