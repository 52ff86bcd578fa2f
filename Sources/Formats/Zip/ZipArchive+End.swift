import Foundations

extension ZipArchive {
    /// Tells why an archive's end record is not where the file ends.
    static func withoutEnd(_ file: UnsafeRawBufferPointer) -> ZipError {
        // The record and its comment.
        let tail = file.suffix(22 + Int(UInt16.max))
        let hasEnd = tail.indices.dropLast(3).contains {
            tail[$0] == 0x50 && tail[$0...].starts(with: [0x50, 0x4B, 5, 6])
        }
        return hasEnd ? .noEnd : cut(file) ?? .noDirectory
    }

    /// Which entry the file ends in, as far as entries say how long they are; `nil` where that is not known.
    private static func cut(_ file: UnsafeRawBufferPointer) -> ZipError? {
        var reader = ByteReader(file)
        for _ in 0..<maximumEntryCount {
            guard reader.integer() == UInt32(0x0403_4B50), reader.take(14) != nil,
                let compressedByteCount = reader.integer(UInt32.self),
                let byteCount = reader.integer(UInt32.self),
                let nameByteCount = reader.integer(UInt16.self),
                let extraByteCount = reader.integer(UInt16.self),
                let name = reader.take(Int(nameByteCount)), let extra = reader.take(Int(extraByteCount)),
                var wide = try? WideFields(file, extra: extra), wide.value(byteCount) != nil,
                // Zero where the sizes follow the data: then nothing is known of what comes after.
                let count = wide.value(compressedByteCount), count > 0
            else { return nil }
            guard reader.take(count) != nil else {
                return .cutShort(reader.text(name) ?? "", missing: count - reader.remainingCount)
            }
        }
        return nil
    }
}
