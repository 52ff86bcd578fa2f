/// Memory that is kept from one chunk to the next. Contents do not survive a growing `reserve`.
struct ScratchBuffer: ~Copyable {
    private var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// At least `byteCount` bytes, aligned to a cache line.
    mutating func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer {
        if let start = bytes.baseAddress, bytes.count >= byteCount { return start }
        bytes.deallocate()
        bytes = .allocate(byteCount: max(byteCount, 64), alignment: 64)
        // A buffer of at least one byte has an address.
        return bytes.baseAddress.unsafelyUnwrapped
    }

    deinit { bytes.deallocate() }
}
