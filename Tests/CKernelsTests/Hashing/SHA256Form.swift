import CKernels

/// Whether a hash may use the processor's instructions. Where it has none, both forms are the portable one.
enum SHA256Form: CaseIterable {
    case portable
    case accelerated

    /// The hash of bytes that are added in pieces, which end at `splits`, in ascending order.
    func hash(_ bytes: UnsafeRawBufferPointer, splitAt splits: [Int] = []) -> [UInt8] {
        var hash = mr_sha256()
        switch self {
        case .portable: mr_sha256_begin_portable(&hash)
        case .accelerated: mr_sha256_begin(&hash)
        }
        var start = 0
        for end in splits + [bytes.count] {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            mr_sha256_add(&hash, piece.baseAddress, piece.count)
            start = end
        }
        var digest = [UInt8](repeating: 0, count: 32)
        mr_sha256_end(&hash, &digest)
        return digest
    }

    func hash(_ bytes: [UInt8], splitAt splits: [Int] = []) -> [UInt8] {
        bytes.withUnsafeBytes { hash($0, splitAt: splits) }
    }
}
