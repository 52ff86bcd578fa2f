import Checkpoints
import Foundations
import FuzzSupport

@testable import ModelRegistry

/// A patch that `diff -o` wrote, with the bytes of its header changed, or its fields.
///
/// What is accepted makes a version that verifies; what is refused leaves no version.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    switch input.byte() {
    case UInt8(ascii: "h"):
        var bytes = Fixture.shared.header.encoded
        input.edit(&bytes)
        checkHeader(bytes)
        apply(Fixture.file(header: bytes, records: Fixture.shared.records))
    case UInt8(ascii: "r"):
        var records = Fixture.shared.records
        input.edit(&records)
        apply(Fixture.file(header: Fixture.shared.header.encoded, records: records))
    case UInt8(ascii: "c"):
        var header = Fixture.shared.header
        var records = Fixture.shared.records
        while !input.isEmpty { PatchChange.make(in: &header, &records, from: &input) }
        header.rehash()
        apply(Fixture.file(header: header.encoded, records: records))
    default: return -1
    }
    return 0
}

private func checkHeader(_ bytes: [UInt8]) {
    let header = refusing {
        try bytes.withUnsafeBytes { bytes throws(FieldProblem) in try PatchHeader(decoding: bytes) }
    }
    guard let header else { return }
    require(header.encoded == bytes, "two spellings of one header")
}

private func apply(_ file: [UInt8]) {
    let fixture = Fixture.shared
    let path = FuzzFile.inFolder("change.mrpatch", file)
    let result = refusing { try fixture.registry.applyPatch(at: path, as: "received") }
    guard let result else {
        require(refusing { try fixture.registry.versions(of: "received") } ?? [] == [], "half a version")
        return
    }
    let reference = result.version.reference
    do {
        let problems = try fixture.registry.verify().problems
        require(problems.isEmpty, "it does not verify: \(problems)")
        _ = try fixture.registry.load(reference, as: Checkpoint.self, verifiesHashes: true)
        _ = try fixture.registry.restoreSourceFile(
            of: result.version, to: FuzzFile.inFolder("restored", []), mayReplace: true)
    } catch {
        fail("\(error)")
    }
    fixture.reset()
}
