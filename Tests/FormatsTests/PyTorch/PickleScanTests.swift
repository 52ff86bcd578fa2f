import Checkpoints
import Formats
import Foundation
import Foundations
import Testing

private func names(_ bytes: [UInt8]) throws -> [String] {
    let path = temporaryPath()
    defer { remove(path) }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return PickledName.scan(try MappedFile(path: path)).filter { $0.risk == .dangerous }.map(\.name.description)
}

/// Dangerous names in files that are no checkpoints.
struct PickleScanTests {
    private let evil = [0x80, 2] + Pickle.call("os", "system", Pickle.text("ls")) + Pickle.stop

    @Test func aPickleIsFollowedAsFarAsItGoes() throws {
        #expect(try names(evil) == ["os.system"])
        // Without an end, with an operation that is not known, behind another pickle, and with something behind it.
        #expect(try names(evil.dropLast()) == ["os.system"])
        #expect(try names(evil.dropLast() + [0xFF]) == ["os.system"])
        #expect(try names([0x80, 2] + Pickle.none + Pickle.stop + evil) == ["os.system"])
        #expect(try names(evil + [0, 1, 2]) == ["os.system"])
        // Without a mark.
        #expect(try names(Array(evil.dropFirst(2)) + Array("rest".utf8)) == ["os.system"])
    }

    @Test func textsThatBeginAsPicklesAreTexts() throws {
        #expect(try names(Array("cos\nsin\ntan\n".utf8)) == [])
        #expect(try names([]) == [])
    }

    @Test func archivesAndArraysAreLookedInto() throws {
        let zip = ZipBuilder([("a/data.pkl", evil)]).bytes
        #expect(try names(zip) == ["os.system"])
        #expect(try names(ZipBuilder([("x.pt", zip)]).bytes) == ["os.system"])
        let header = Array("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n".utf8)
        let array = hex("934e554d5059 01 00") + bytes(of: UInt16(header.count)) + header
        #expect(try names(array + evil) == ["os.system"])
        let arrays = ZipBuilder([("x.npy", array + evil)]).bytes
        #expect(try names(arrays) == ["os.system"])
        #expect(try read(arrays).pickledNames.map(\.name.description) == ["os.system"])
        #expect(try names(tar("model/weights.ckpt", zip)) == ["os.system"])
    }

    /// One member of a tar archive.
    private func tar(_ name: String, _ content: [UInt8]) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        header.replaceSubrange(0..<name.utf8.count, with: name.utf8)
        let digits = String(content.count, radix: 8)
        header.replaceSubrange(124..<124 + digits.utf8.count, with: digits.utf8)
        header[156] = UInt8(ascii: "0")
        header.replaceSubrange(257..<262, with: "ustar".utf8)
        return header + content + [UInt8](repeating: 0, count: 1024 + (512 - content.count % 512) % 512)
    }
}
