import CKernels
import GRDB

/// Encoded chunks in memory, read in a transaction to be decoded after it.
package final class EncodedBytes: @unchecked Sendable {
    // Read by many threads once it is filled; filled by one.
    private var memory: UnsafeMutableRawBufferPointer
    private var count = 0
    private var ranges: [PackTable.Place: Range<Int>] = [:]

    package init() { memory = UnsafeMutableRawBufferPointer(start: mr_allocate(0), count: 0) }

    deinit { mr_deallocate(memory.baseAddress, memory.count) }

    /// Makes room for other chunks; those that were read are not there any more.
    func clear() {
        count = 0
        ranges.removeAll(keepingCapacity: true)
    }

    /// Reads a chunk and all chunks that it is decoded by way of.
    ///
    /// - Parameter known: A chunk that is decoded already: where the chain comes by it, it goes no deeper.
    /// - Throws: ``StoreDamage``.
    func read(_ chunk: ChunkLocation, from packs: PackReader, knowing known: KnownChunk? = nil) throws {
        var next: ChunkLocation? = chunk
        while let link = next {
            try StoreDamage.naming(link.contentID) { try readLink(link, from: packs) }
            next = known?.isBase(of: link) == true ? nil : link.base
        }
    }

    private func readLink(_ link: ChunkLocation, from packs: PackReader) throws {
        let place = PackTable.Place(pack: link.pack, offset: link.packOffset)
        if ranges[place]?.count == link.storedByteCount { return }
        reserve(link.storedByteCount)
        let range = count..<count + link.storedByteCount
        try packs.read(
            pack: place.pack, offset: place.offset, into: UnsafeMutableRawBufferPointer(rebasing: memory[range])
        )
        ranges[place] = range
        count = range.upperBound
    }

    private func reserve(_ byteCount: Int) {
        guard memory.count - count < byteCount else { return }
        let capacity = max(count + byteCount, 2 * memory.count, 1 << 20)
        let larger = UnsafeMutableRawBufferPointer(start: mr_allocate(capacity), count: capacity)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        mr_deallocate(memory.baseAddress, memory.count)
        memory = larger
    }

    /// The encoded bytes of a chunk that was read.
    ///
    /// - Throws: ``StoreDamage`` where it was not.
    package subscript(chunk: ChunkLocation) -> UnsafeRawBufferPointer {
        get throws {
            let range = ranges[PackTable.Place(pack: chunk.pack, offset: chunk.packOffset)]
            guard let range, range.count == chunk.storedByteCount else {
                throw StoreDamage(chunk: chunk.contentID, problem: "its encoded bytes were not read")
            }
            return UnsafeRawBufferPointer(rebasing: memory[range])
        }
    }
}
