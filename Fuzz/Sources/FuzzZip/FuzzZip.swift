import FuzzSupport

/// A zip archive: a PyTorch file, or NumPy arrays.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzFile.read(FuzzFile.bytes(start, count), magic: [0x50, 0x4B])
}
