import Foundations
import Tensors

/// One tensor as a GGUF header describes it.
struct GGUFTensorInfo {
    let name: String
    let dtype: DType
    /// Length of each axis, the innermost last; bytes along the last where there are blocks.
    let shape: [Int]
    /// The name of the type of quantised blocks.
    let blockType: String?
    /// The number of a type that is not known; then dtype and shape say nothing of the bytes.
    let unknownType: GGUFHeader.UnknownType?
    /// Bytes of the tensor; `nil` where the type is not known.
    let byteCount: Int?
    /// Where the bytes begin, counted from the first tensor's.
    let offset: UInt64

    /// Reads what comes next in a header.
    init(_ reader: inout GGUFReader) throws {
        let name = try reader.name()
        let rank: UInt32 = try reader.integer()
        guard rank <= UInt32(GGUFHeader.maximumRank) else {
            throw GGUFError.tooManyAxes(name: name, count: rank)
        }
        var lengths: [Int] = []
        for _ in 0..<rank {
            let length: UInt64 = try reader.integer()
            guard let length = Int(exactly: length) else { throw GGUFError.length(name: name) }
            lengths.append(length)
        }
        let number: UInt32 = try reader.integer()
        self.name = name
        offset = try reader.integer()
        let type = GGUFType(number: number)
        unknownType = type == nil ? GGUFHeader.UnknownType(number: number, lengths: lengths) : nil
        switch type {
        case .plain(let dtype):
            self.dtype = dtype
            blockType = nil
        case .blocks(let blockType, let elementCount, let byteCount):
            guard let row = lengths.first, row % elementCount == 0 else {
                throw GGUFError.blocks(name: name, type: blockType, elementCount: elementCount)
            }
            let (bytes, overflow) = (row / elementCount).multipliedReportingOverflow(by: byteCount)
            guard !overflow else { throw GGUFError.length(name: name) }
            lengths[0] = bytes
            dtype = .uint8
            self.blockType = blockType
        case nil:
            dtype = .uint8
            blockType = nil
        }
        // The innermost axis comes first in the file.
        shape = lengths.reversed()
        do {
            let count = try TensorGeometry.byteCount(dtype: dtype, shape: shape)
            byteCount = type == nil && count > 0 ? nil : count
        } catch {
            throw GGUFError.tensor(name: name, error)
        }
    }
}

extension GGUFTensorInfo {
    /// Where the bytes of each of `infos` lie in a file of `fileByteCount` bytes.
    ///
    /// Tensors must follow each other from the end of the header on, each at the next multiple of the alignment. One of a
    /// type that is not known goes on to the next tensor, or to the end of the file.
    static func ranges(
        of infos: [GGUFTensorInfo], after headerByteCount: Int, alignment: Int, in fileByteCount: Int
    ) throws -> [Range<Int>] {
        func padded(_ offset: Int) throws -> Int {
            let (sum, overflow) = offset.addingReportingOverflow(alignment - 1)
            guard !overflow else { throw GGUFError.cutShort }
            return sum / alignment * alignment
        }
        let start = try padded(headerByteCount)
        func cutShort(_ info: GGUFTensorInfo) -> GGUFError {
            let end = GGUFTensorInfo.end(of: infos, from: start)
            return .dataCutShort(name: info.name, missing: end.map { max(1, $0 - fileByteCount) })
        }
        func begin(_ info: GGUFTensorInfo) throws -> Int {
            guard let offset = Int(exactly: info.offset),
                case (let first, let overflow) = start.addingReportingOverflow(offset), !overflow
            else { throw cutShort(info) }
            return first
        }
        var end = infos.isEmpty ? headerByteCount : start
        var ranges = [Range<Int>](repeating: 0..<0, count: infos.count)
        let order = infos.indices.sorted {
            (infos[$0].offset, infos[$0].byteCount ?? .max) < (infos[$1].offset, infos[$1].byteCount ?? .max)
        }
        for (position, index) in order.enumerated() {
            let info = infos[index]
            let first = try begin(info)
            let last: Int
            if let byteCount = info.byteCount {
                let (sum, overflow) = first.addingReportingOverflow(byteCount)
                guard !overflow else { throw cutShort(info) }
                last = sum
            } else {
                let next = position + 1 < order.count ? infos[order[position + 1]] : nil
                last = try next.map { try begin($0) } ?? fileByteCount
                guard last > first else {
                    throw next == nil
                        ? cutShort(info)
                        : GGUFError.offset(name: info.name, info.offset)
                }
            }
            guard last <= fileByteCount else { throw cutShort(info) }
            guard try first == padded(end) else { throw GGUFError.offset(name: info.name, info.offset) }
            ranges[index] = first..<last
            end = last
        }
        // Writers pad the last tensor too, or do not.
        guard try fileByteCount <= padded(end) else {
            throw GGUFError.trailingBytes(count: fileByteCount - end)
        }
        return ranges
    }

    /// Where the last of `infos` ends, as far as is known; `nil` where that is beyond what an integer holds.
    private static func end(of infos: [GGUFTensorInfo], from start: Int) -> Int? {
        var end = start
        for info in infos {
            guard let offset = Int(exactly: info.offset),
                case (let first, let overflow) = start.addingReportingOverflow(offset), !overflow,
                // One of a type that is not known has a byte at least.
                case (let last, let endOverflow) = first.addingReportingOverflow(info.byteCount ?? 1),
                !endOverflow
            else { return nil }
            end = max(end, last)
        }
        return end
    }
}
