#if Zstd
import CKernels

/// Huffman codes for planes of small values, as exponents are, in a zstd frame. Faster than zstd, because a sample of
/// the plane is enough.
final class HuffmanCoder {
    private let codes: OpaquePointer

    init() {
        guard let codes = mr_huffman_codes_make() else { preconditionFailure("no memory for Huffman codes") }
        self.codes = codes
    }

    deinit { mr_huffman_codes_free(codes) }

    /// The number of bytes written, or `nil` if the plane is not of that kind.
    ///
    /// - Parameters:
    ///   - expected: How often each byte value occurs in the plane, or in a sample of it.
    ///   - countedByteCount: The bytes of the plane or the sample.
    func compress(
        _ plane: UnsafeRawBufferPointer, _ expected: UnsafePointer<UInt32>, countedByteCount: Int,
        into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        precondition(target.count >= mr_huffman_bound(plane.count), "\(target.count) bytes for a plane's code")
        let byteCount = mr_huffman_encode(
            codes, plane.bindMemory(to: UInt8.self).baseAddress, plane.count, expected,
            countedByteCount, target.bindMemory(to: UInt8.self).baseAddress)
        return byteCount > 0 ? byteCount : nil
    }
}
#endif
