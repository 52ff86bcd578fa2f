import Checkpoints
import Formats
import Foundations
import OrderedCollections
import Tensors
import Testing

struct PyTorchLayoutTests {
    /// The pickle, operation by operation.
    @Test func pickleIsWhatTorchSaveWouldWrite() throws {
        let outline = CheckpointOutline.dictionary(
            [
                (.string("w"), .tensor(.init(storage: 0, dtype: .float32, shape: [2]), role: .parameter)),
                (
                    .integer(70_000),
                    .tuple([
                        .value(.number(bits: 1.5.bitPattern)), .value(.boolean(true)), .value(.none),
                    ])
                ),
            ], kind: .ordered)
        let layout = try PyTorchLayout(outline, storageByteCounts: [8])
        let pickle =
            [0x80, 2] + Array("ccollections\nOrderedDict\nq\0)R(".utf8)  // OrderedDict()
            + Array("X\u{1}\0\0\0w".utf8)
            + Array("ctorch._utils\n_rebuild_parameter\nq\u{1}(".utf8)
            + Array("ctorch._utils\n_rebuild_tensor_v2\nq\u{2}(".utf8)
            + Array("(X\u{7}\0\0\0storageq\u{3}ctorch\nFloatStorage\nq\u{4}X\u{1}\0\0\0".utf8)
            + Array("0X\u{3}\0\0\0cpuq\u{5}K\u{2}tQ".utf8)  // the storage of two elements
            // Offset, shape, strides, requires_grad, hooks.
            + Array("K\0(K\u{2}t(K\u{1}t".utf8) + [0x89] + Array("h\0)RtR".utf8)
            + [0x88] + Array("h\0)RtR".utf8)  // requires_grad, hooks
            + Array("J".utf8) + bytes(of: Int32(70_000))
            + Array("(G".utf8) + [0x3F, 0xF8, 0, 0, 0, 0, 0, 0, 0x88] + Array("Ntu.".utf8)
        // It starts at a multiple of 64, after a header that is padded to that.
        #expect(Array(layout.literals[0].bytes[64...]) == pickle)
        #expect(layout.literals[0].bytes.starts(with: hex("504b0304 1400 0008 0000")))
    }

    @Test func storagesStartAtMultiplesOf64() throws {
        let outline = CheckpointOutline.list(
            (0..<5).map { .tensor(.init(storage: $0, dtype: .uint8, shape: [$0])) })
        let layout = try PyTorchLayout(outline, storageByteCounts: [0, 1, 2, 3, 4])
        #expect(layout.ranges.map(\.count) == [0, 1, 2, 3, 4])
        #expect(layout.ranges.allSatisfy { $0.lowerBound % 64 == 0 })
        checkCoverage(layout)
    }

    @Test(arguments: Examples.names)
    func whatIsReadIsWrittenAndReadAgain(name: String) throws {
        let first = try CheckpointFile.read(path: Examples.path(name))
        let path = temporaryPath()
        defer { remove(path) }
        try CheckpointFile.write(first.checkpoint, to: path, as: .pytorch)
        let second = try CheckpointFile.read(path: path)
        #expect(Examples.leaves(second.checkpoint) == Examples.leaves(first.checkpoint))
        #expect(Examples.tied(second.checkpoint) == Examples.tied(first.checkpoint))
        // Every storage that is not empty is a part of the file: nothing is compressed.
        #expect(second.storages.count >= first.storages.count)
    }

    /// PyTorch remembers a storage by the first type that it is seen with; as bytes it has none.
    @Test func oneStorageMayBeSeenAsSeveralTypes() throws {
        let storage = Storage(zeroedByteCount: 16)
        let floats = try Tensor(storage: storage, dtype: .float32, shape: [4])
        let bytes = try Tensor(storage: storage, dtype: .uint8, shape: [3], offset: 5)
        let checkpoint = Checkpoint.list([.tensor(floats), .tensor(bytes), .tensor(floats)])
        let path = temporaryPath()
        defer { remove(path) }
        try CheckpointFile.write(checkpoint, to: path, as: .pytorch)
        let read = try CheckpointFile.read(path: path)
        #expect(Examples.leaves(read.checkpoint) == Examples.leaves(checkpoint))
        guard case .list(let list) = read.checkpoint, case .tensor(let first, _) = list[0],
            case .tensor(let second, _) = list[1], case .tensor(let third, _) = list[2]
        else {
            Issue.record("no tensors")
            return
        }
        #expect(first.storage === second.storage)
        #expect(first === third)
    }

    @Test func integersOfEveryWidthComeBack() throws {
        let integers: [Int64] = [
            0, 255, 256, 65535, 65536, -1, .max, .min, 1 << 31, -(1 << 31), -(1 << 31) - 1,
        ]
        let path = temporaryPath()
        defer { remove(path) }
        let checkpoint = Checkpoint.list(integers.map { .integer($0) })
        try CheckpointFile.write(checkpoint, to: path, as: .pytorch)
        #expect(Examples.leaves(try CheckpointFile.read(path: path).checkpoint) == Examples.leaves(checkpoint))
    }

    @Test func saysWhatPyTorchCannotHold() {
        let six = CheckpointOutline.dictionary(
            [(.string("a/b"), .tensor(.init(storage: 0, dtype: .float6e2m3fn, shape: [4])))], kind: .plain)
        #expect {
            try PyTorchLayout(six, storageByteCounts: [3])
        } throws: {
            "\($0)" == "PyTorch has no float6_e2m3fn, which \"a~1b\" is; save it as safetensors"
        }
        let odd = CheckpointOutline.list([.tensor(.init(storage: 0, dtype: .float4e2m1fn, shape: [2, 3]))])
        #expect {
            try PyTorchLayout(odd, storageByteCounts: [3])
        } throws: {
            "\($0)"
                == "PyTorch packs two 4-bit elements into one, \"0\" of shape [2, 3] has an odd last axis; save it"
                + " as safetensors"
        }
    }

    @Test func sizesAbove4GiBHave64Bits() throws {
        let outline = CheckpointOutline.list([
            .tensor(.init(storage: 0, dtype: .uint8, shape: [5 << 30])),
            .tensor(.init(storage: 1, dtype: .uint8, shape: [1])),
        ])
        let layout = try PyTorchLayout(outline, storageByteCounts: [5 << 30, 1])
        checkCoverage(layout)
        // Local header of the first storage: version 45, full 32-bit sizes, and an extra field with the sizes.
        let header = layout.literals[2].bytes
        #expect(header.starts(with: hex("504b0304 2d00")))
        #expect(Array(header[18..<26]) == hex("ffffffff ffffffff"))
        #expect(Array(header[44..<64]) == hex("0100 1000 0000004001000000 0000004001000000"))
        // The second storage lies beyond, so the directory says where by an extra field, and so does the end.
        let end = try #require(layout.literals.last).bytes
        #expect(end.suffix(42).starts(with: hex("504b0607")))
        #expect(end.suffix(6).starts(with: hex("ffffffff")))
    }

    @Test func nothingIsOverwrittenOrLeftBehind() throws {
        let path = temporaryPath()
        defer { remove(path) }
        try CheckpointFile.write(.none, to: path, as: .pytorch)
        #expect { try CheckpointFile.write(.none, to: path, as: .pytorch) } throws: {
            "\($0)" == "cannot write \"\(path)\": File exists"
        }
        let other = temporaryPath()
        #expect(throws: NamedTensorsError.self) {
            try CheckpointFile.write(.none, to: other, as: .safetensors)
        }
        #expect(throws: FileError(path: other, operation: .open, code: 2)) {
            try CheckpointFile.read(path: other)
        }
    }
}

/// Literals and ranges must cover the file, and not overlap.
func checkCoverage(_ layout: some FileLayout) {
    let pieces = layout.literals.map { $0.offset..<$0.offset + $0.bytes.count } + layout.ranges
    var end = 0
    for piece in pieces.filter({ !$0.isEmpty }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
        #expect(piece.lowerBound == end)
        end = piece.upperBound
    }
    #expect(end == layout.byteCount)
}
