/// Elements of the other byte order.
enum ByteOrder {
    /// Turns the bytes of each word of `width` bytes around; words of one byte stay as they are.
    static func swap(_ bytes: UnsafeMutableRawBufferPointer, width: Int) {
        switch width {
        case 2: swap(UInt16.self, bytes)
        case 4: swap(UInt32.self, bytes)
        case 8: swap(UInt64.self, bytes)
        default: break
        }
    }

    private static func swap<Word: FixedWidthInteger>(_ type: Word.Type, _ bytes: UnsafeMutableRawBufferPointer)
    {
        let width = MemoryLayout<Word>.size
        for offset in stride(from: 0, to: bytes.count - bytes.count % width, by: width) {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: Word.self)
            bytes.storeBytes(of: word.byteSwapped, toByteOffset: offset, as: Word.self)
        }
    }
}
