import Formats
import Testing

struct CRC32Tests {
    @Test func checksumsAreThoseOfZip() {
        let bytes = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) })
        #expect(bytes.withUnsafeBytes { CRC32($0).value } == ZipBuilder.crc32(bytes))
        var parts = CRC32()
        bytes.withUnsafeBytes { bytes in
            parts.append(UnsafeRawBufferPointer(rebasing: bytes[..<777]))
            let rest = CRC32(UnsafeRawBufferPointer(rebasing: bytes[777...]))
            parts.append(crc32: rest.value, byteCount: bytes.count - 777)
        }
        #expect(parts.value == ZipBuilder.crc32(bytes))
    }
}
