import CKernels
import CZlib
import Testing

@Suite struct CRC32Tests {
    /// Every length around the widths that are folded, at every alignment, from checksums other than that of nothing.
    @Test func foldingGivesTheChecksumsOfZlib() {
        var state: UInt32 = 1
        let bytes = (0..<2000).map { _ -> UInt8 in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        bytes.withUnsafeBytes { bytes in
            for count in Array(0...70) + Array(240...400) + [1023, 1024, 1500] {
                for start in 0..<17 {
                    let part = UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
                    let before = UInt32(truncatingIfNeeded: start &* 0x9E37_79B9)
                    let expected = crc32_z(UInt(before), part.bindMemory(to: UInt8.self).baseAddress, count)
                    var value = before
                    let folded = mr_crc32_fold(&value, part.baseAddress, count)
                    #expect(folded % 16 == 0 && folded <= count)
                    let rest = part.bindMemory(to: UInt8.self).baseAddress.map { $0 + folded }
                    #expect(
                        crc32_z(UInt(value), rest, count - folded) == expected, "\(count) bytes from \(start)")
                }
            }
        }
    }
}
