import Checkpoints
import Foundations
import Tensors

/// Storages that are files of their own within a pickle: what `pickle.dump` makes of a tensor.
extension PickleMachine {
    /// The storage that `torch.storage._load_from_bytes(bytes)` gives; `nil` where the bytes are anything else than one
    /// storage in PyTorch's legacy format.
    mutating func nestedStorage(_ arguments: [PickleValue]) throws -> PickleValue? {
        guard arguments.count == 1 else { return nil }
        let place: PickleHeap.InlineBytes
        switch arguments[0] {
        case .bytes(let text), .byteText(let text): place = .range(text)
        case .latin1(let text):
            try spend(2 * Int(text.byteCount))
            guard let decoded = latin1Bytes(text) else { return nil }
            heap.decodedBytes.append(decoded)
            place = .decoded(Int32(heap.decodedBytes.count - 1), 0..<decoded.count)
        case .decodedBytes(let index): place = .decoded(index, 0..<heap.decodedBytes[Int(index)].count)
        default: return nil
        }
        guard let found = withBytes(of: place, PickleMachine.singleStorage) else { return nil }
        try spend(2 * PickleHeap.objectByteCount)
        let type = heap.global(found.type)
        heap.globals[Int(type)].isCalled = true
        heap.storages.append(
            PickleHeap.Storage(
                key: PickleText(0..<0), dtype: found.dtype, elementCount: found.elementCount, type: type,
                inline: place.part(found.elements)))
        return .storage(Int32(heap.storages.count - 1))
    }

    /// Calls `body` with bytes that lie in the pickle, or were decoded from it.
    func withBytes<Result>(
        of place: PickleHeap.InlineBytes, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        switch place {
        case .range(let text): try body(bytes(text))
        case .decoded(let index, let range):
            try heap.decodedBytes[Int(index)].withUnsafeBytes {
                try body(UnsafeRawBufferPointer(rebasing: $0[range]))
            }
        }
    }

    /// The bytes that a text has in Latin-1; `nil` where a character has none.
    func latin1Bytes(_ text: PickleText) -> [UInt8]? {
        (try? characters(text)).flatMap(PickleMachine.latin1Bytes)
    }

    static func latin1Bytes(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            guard let byte = UInt8(exactly: scalar.value) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private struct NestedStorage {
        let type: QualifiedName
        let dtype: DType
        let elementCount: Int64
        let elements: Range<Int>
    }

    /// The only storage of a file in the legacy format: magic number, version, system, storage, keys, elements.
    private static func singleStorage(_ file: UnsafeRawBufferPointer) -> NestedStorage? {
        guard var offset = LegacyPyTorch.endOfMagic(file) else { return nil }
        func run() -> (PickleMachine, PickleValue)? {
            let rest = UnsafeRawBufferPointer(rebasing: file[offset...])
            guard var machine = try? PickleMachine(rest, source: "a storage", allowsNesting: false),
                let value = try? machine.run()
            else { return nil }
            offset += machine.consumedByteCount
            return (machine, value)
        }
        guard case .integer(LegacyPyTorch.version)? = run()?.1, run() != nil, let (machine, value) = run(),
            case .storage(let index) = value,
            machine.heap.storages.count == 1,
            machine.heap.objects.isEmpty, run() != nil
        else { return nil }
        let storage = machine.heap.storages[Int(index)]
        var reader = ByteReader(file, at: offset)
        guard let count = reader.integer(Int64.self), count == storage.elementCount, count >= 0,
            case (let byteCount, let overflow) = Int(count).multipliedReportingOverflow(
                by: storage.dtype.byteWidth ?? 1),
            !overflow, let elements = reader.take(byteCount), reader.remainingCount == 0
        else { return nil }
        return NestedStorage(
            type: machine.heap.globals[Int(storage.type)].name, dtype: storage.dtype, elementCount: count,
            elements: elements)
    }
}
