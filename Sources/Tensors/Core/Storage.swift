internal import CKernels
package import Foundations
private import Synchronization

/// A block of bytes that tensors are views of.
///
/// Tensors with the same storage are tied: a write through one is seen by the others. Bytes are little-endian.
///
/// Sharing one between threads is safe while nobody writes to it; writers synchronise among themselves.
public final class Storage: @unchecked Sendable {
    /// Number of bytes.
    public let byteCount: Int

    /// The first byte. Aligned to 64 bytes where the storage allocated it, to nothing where it was mapped.
    @inline(__always)
    var baseAddress: UnsafeMutableRawPointer { address.load(ordering: .acquiring) ?? fill() }

    /// `nil` until somebody needs the bytes of deferred storage.
    private let address: Atomic<UnsafeMutableRawPointer?>

    /// Counts the writes through tensors, so that a gradient notices when a value it needs has changed.
    package internal(set) var version: UInt32 = 0

    private enum Owner {
        case allocation
        case keeper(any Sendable)
        case deferred(DeferredBytes)
    }
    private let owner: Owner
    /// Whether somebody was given the bytes to write to them.
    private let isExposed = Atomic(false)

    /// The alignment of allocated storage: a cache line, and the widest vector register.
    public static let alignment = 64

    /// Allocates storage of which every byte is zero.
    ///
    /// - Complexity: O(`byteCount`).
    public convenience init(zeroedByteCount byteCount: Int) {
        self.init(uninitializedByteCount: byteCount)
        baseAddress.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    /// Storage of zeros that takes memory when it is first read or written.
    package init(deferredByteCount byteCount: Int) {
        precondition(byteCount >= 0, "storage of \(byteCount) bytes")
        self.byteCount = byteCount
        address = Atomic(nil)
        owner = .deferred(DeferredBytes())
    }

    /// Allocates storage whose bytes the caller writes before it reads them.
    public init(uninitializedByteCount byteCount: Int) {
        precondition(byteCount >= 0, "storage of \(byteCount) bytes")
        self.byteCount = byteCount
        address = Atomic(mr_allocate(byteCount))
        owner = .allocation
    }

    /// Allocates storage and copies `bytes` into it.
    public convenience init(copying bytes: UnsafeRawBufferPointer) {
        self.init(uninitializedByteCount: bytes.count)
        if let source = bytes.baseAddress {
            baseAddress.copyMemory(from: source, byteCount: bytes.count)
        }
    }

    /// Wraps memory that something else owns, such as a mapped file.
    ///
    /// - Parameters:
    ///   - bytes: Readable and writable for as long as `keeper` lives. A write must not reach anybody else:
    ///     map files privately.
    ///   - keeper: Kept alive with the storage.
    public init(wrapping bytes: UnsafeMutableRawBufferPointer, keepingAlive keeper: any Sendable) {
        byteCount = bytes.count
        // An empty buffer may have no address; any non-null one will do, nothing is read from it.
        address = Atomic(
            bytes.baseAddress ?? UnsafeMutableRawPointer(bitPattern: Storage.alignment).unsafelyUnwrapped)
        owner = .keeper(keeper)
    }

    deinit {
        let isOwn =
            switch owner {
            case .allocation: true
            case .keeper: false
            case .deferred(let deferred): deferred.lender == nil
            }
        if isOwn, let address = address.load(ordering: .relaxed) { mr_deallocate(address, byteCount) }
    }

    /// All bytes, for code that fills many storages at once. Valid as long as the storage lives.
    package var unsafeMutableBytes: UnsafeMutableRawBufferPointer {
        isExposed.store(true, ordering: .relaxed)
        return UnsafeMutableRawBufferPointer(start: baseAddress, count: byteCount)
    }

    /// The mapped file that the bytes are those of, and where they are in it; `nil` for other storage, and once
    /// somebody may have written to them.
    package var file: (file: MappedFile, range: Range<Int>)? {
        guard case .keeper(let keeper) = owner, let file = keeper as? MappedFile, version == 0,
            !isExposed.load(ordering: .relaxed)
        else { return nil }
        return file.range(of: UnsafeRawBufferPointer(start: baseAddress, count: byteCount)).map { (file, $0) }
    }

    /// Copies bytes to memory that nobody else can change. Those of a mapped file are read from the file: where it has
    /// become shorter, that is an error and not the end of the process.
    ///
    /// - Precondition: `range` is as long as `target`.
    /// - Throws: `FileChangedError`, `FileError`.
    package func copyBytes(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
        if let (file, whole) = file {
            let start = whole.lowerBound + range.lowerBound
            try file.copyBytes(start..<start + range.count, into: target)
        } else {
            withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
    }

    var deferredBytes: DeferredBytes? {
        if case .deferred(let deferred) = owner { deferred } else { nil }
    }

    var isUnfilled: Bool { address.load(ordering: .acquiring) == nil }

    func setAddress(_ new: UnsafeMutableRawPointer) { address.store(new, ordering: .releasing) }

    /// Allocates deferred storage and writes what was deferred, once.
    @inline(never)
    private func fill() -> UnsafeMutableRawPointer {
        guard let deferred = deferredBytes else { preconditionFailure("storage without an address") }
        return deferred.fills.withLock { fills in
            // Another thread may have been faster.
            if let address = address.load(ordering: .acquiring) { return address }
            let bytes = UnsafeMutableRawBufferPointer(start: mr_allocate(byteCount), count: byteCount)
            for fill in fills ?? [] { fill(bytes) }
            fills = nil
            let start = bytes.baseAddress.unsafelyUnwrapped
            address.store(start, ordering: .releasing)
            return start
        }
    }

    /// Calls `body` with all bytes. The pointer is valid during the call only.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: baseAddress, count: byteCount))
    }

    /// Calls `body` with all bytes, to be written. The pointer is valid during the call only.
    public func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        isExposed.store(true, ordering: .relaxed)
        return try body(UnsafeMutableRawBufferPointer(start: baseAddress, count: byteCount))
    }
}
