import CKernels
import TestSupport
import Testing

@Suite struct PlanesTests {
    @Test(arguments: [2, 4, 8], [false, true]) func everyLevelIsEqual(width: Int, rotate: Bool) {
        var generator = SeededGenerator(seed: UInt64(width))
        for count in [Int](0...100) + [1000, 4097] {
            for offset in [0, 1, 3] {
                let bytes = (0..<(count * width)).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let expected = planes(of: bytes, width: width, rotate: rotate)
                for level in allLevels {
                    let split = bytes.withCopy(misalignedBy: offset) { elements in
                        var planes = [UInt8](repeating: 0, count: count * width)
                        planes.withUnsafeMutableBufferPointer { planes in
                            let start = planes.baseAddress
                            let starts = (0..<width).map { plane in start.map { $0 + plane * count } }
                            mr_split_planes(level, elements.baseAddress, count, width, rotate, starts)
                        }
                        return planes
                    }
                    #expect(split == expected)
                    let merged = split.withCopy(misalignedBy: offset) { planes in
                        let start = planes.bindMemory(to: UInt8.self).baseAddress
                        let starts = (0..<width).map { plane in start.map { $0 + plane * count } }
                        var elements = [UInt8](repeating: 0, count: count * width)
                        mr_merge_planes(level, starts, count, width, rotate, &elements)
                        return elements
                    }
                    #expect(merged == bytes)
                }
            }
        }
    }

    /// The definition, in the plainest way.
    private func planes(of bytes: [UInt8], width: Int, rotate: Bool) -> [UInt8] {
        let count = bytes.count / width
        var planes = [UInt8](repeating: 0, count: bytes.count)
        for i in 0..<count {
            var element: UInt64 = 0
            for byte in 0..<width { element |= UInt64(bytes[i * width + byte]) << UInt64(8 * byte) }
            if rotate { element = element << 1 | element >> UInt64(8 * width - 1) }
            for byte in 0..<width {
                planes[byte * count + i] = UInt8(truncatingIfNeeded: element >> UInt64(8 * byte))
            }
        }
        return planes
    }
}
