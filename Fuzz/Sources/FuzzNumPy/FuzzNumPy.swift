import FuzzSupport

/// A NumPy array, after its magic.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzFile.read([0x93] + Array("NUMPY".utf8) + FuzzFile.bytes(start, count))
}
