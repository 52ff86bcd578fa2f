import Checkpoints
import Remotes
import TensorCodec
import Testing

struct PackRangesTests {
    private func chunk(_ number: Int, at range: Range<Int>, pack: UInt8 = 0, byteCount: Int = 1 << 20)
        -> RemoteChunk
    {
        RemoteChunk(
            id: ContentID(hashing: Array("\(pack) \(number)".utf8)), byteCount: byteCount, checksum: 0,
            codec: .raw,
            base: nil, pack: ContentID(hashing: [pack]), packByteCount: 1 << 30, range: range)
    }

    @Test func neighboursComeTogether() {
        let chunks = [chunk(2, at: 2000..<3000), chunk(0, at: 0..<1000), chunk(1, at: 1000..<2000)]
        let requests = PackRanges(chunks).requests
        #expect(requests.map(\.range) == [0..<3000])
        #expect(requests[0].chunks.count == 3)
    }

    @Test func largeGapsAreAskedAround() {
        let far = 10 << 20
        let requests = PackRanges([chunk(0, at: 0..<1000), chunk(1, at: far..<far + 1000)]).requests
        #expect(requests.map(\.range) == [0..<1000, far..<far + 1000])
        #expect(PackRanges([chunk(0, at: 0..<10), chunk(1, at: 0..<10, pack: 1)]).requests.count == 2)
    }

    /// No request is larger than what is to be held in memory, before or after it is decoded.
    @Test(arguments: [100, 1 << 20]) func requestsAreBounded(storedByteCount: Int) {
        let chunks = (0..<200).map { chunk($0, at: $0 * storedByteCount..<($0 + 1) * storedByteCount) }
        let requests = PackRanges(chunks).requests
        #expect(requests.allSatisfy { $0.range.count <= 8 << 20 })
        #expect(requests.allSatisfy { $0.decodedByteCount <= PackRanges.maximumDecodedByteCount })
        #expect(requests.flatMap(\.chunks).map(\.id) == chunks.map(\.id))
    }

    /// Chunks that a hostile tree lays over one another.
    @Test func overlapsAreCovered() {
        let chunks = [chunk(0, at: 0..<500), chunk(1, at: 100..<200), chunk(2, at: 0..<500)]
        for request in PackRanges(chunks).requests {
            for chunk in request.chunks {
                #expect(request.range.lowerBound <= chunk.range.lowerBound)
                #expect(request.range.upperBound >= chunk.range.upperBound)
            }
        }
    }
}
