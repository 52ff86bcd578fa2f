import FuzzSupport

/// The pickle of a PyTorch file with two storages.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzFile.read(
        zipArchive([
            ("a/data.pkl", FuzzFile.bytes(start, count)), ("a/data/0", [UInt8](0..<192)),
            ("a/data/1", [UInt8](0..<32)), ("a/version", Array("3\n".utf8)),
        ]))
}
