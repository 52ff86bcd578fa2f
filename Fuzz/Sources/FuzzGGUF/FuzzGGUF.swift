import FuzzSupport

/// A GGUF file, after its magic.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzFile.read(Array("GGUF".utf8) + FuzzFile.bytes(start, count))
}
