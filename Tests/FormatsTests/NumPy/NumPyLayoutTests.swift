import Checkpoints
import Formats
import OrderedCollections
import Tensors
import Testing

struct NumPyLayoutTests {
    /// Bytes that NumPy 2 wrote: `numpy.save(file, numpy.zeros((3, 4), numpy.float32))`.
    @Test func headerIsWhatNumPyWrites() throws {
        let layout = try NumPyLayout(dtype: .float32, shape: [3, 4])
        let text =
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }" + String(repeating: " ", count: 58)
            + "\n"
        #expect(layout.literals[0].bytes == [0x93] + Array("NUMPY".utf8) + [1, 0, 0x76, 0] + Array(text.utf8))
        #expect(layout.ranges == [128..<176])
        #expect(layout.byteCount == 176)
    }

    @Test(arguments: [
        (DType.bool, [5], "'|b1'", "(5,)"), (.complex128, [], "'<c16'", "()"),
        (.uint16, [0, 2], "'<u2'", "(0, 2)"),
    ])
    func headerNamesTypeAndShape(dtype: DType, shape: [Int], type: String, tuple: String) throws {
        let header = try NumPyLayout(dtype: dtype, shape: shape).literals[0].bytes
        #expect(header.count % 64 == 0)
        #expect(
            String(decoding: header[10...], as: UTF8.self)
                .hasPrefix("{'descr': \(type), 'fortran_order': False, 'shape': \(tuple), }"))
    }

    @Test func archivesAreReadAgain() throws {
        let first = try CheckpointFile.read(path: Examples.path("arrays.npz"))
        let path = temporaryPath()
        defer { remove(path) }
        try CheckpointFile.write(first.checkpoint, to: path, as: .npz)
        let second = try CheckpointFile.read(path: path)
        #expect(second.format == .npz)
        let (found, expected) = (Examples.leaves(second.checkpoint), Examples.leaves(first.checkpoint))
        #expect(found.map(\.path) == expected.map(\.path))
        #expect(found.map(\.sha256) == expected.map(\.sha256))
        #expect(found.map(\.dtype) == expected.map(\.dtype))
        #expect(found.map(\.shape) == expected.map(\.shape))
    }

    @Test func arraysInArchivesAreAligned() throws {
        let layout = try NumPyArchiveLayout([
            .init(name: "a", dtype: .uint8, shape: [3]), .init(name: "b/c", dtype: .float64, shape: [2]),
        ])
        #expect(layout.ranges.allSatisfy { $0.lowerBound % 64 == 0 })
        checkCoverage(layout)
    }

    @Test func saysWhatNumPyCannotHold() {
        #expect {
            try NumPyLayout(dtype: .bfloat16, shape: [1])
        } throws: {
            "\($0)" == "NumPy has no bfloat16, which the tensor is; save it as safetensors"
        }
        let state = Checkpoint.dictionary(CheckpointDictionary([.string("epoch"): .integer(1)]))
        #expect {
            try CheckpointFile.write(state, to: temporaryPath(), as: .npz)
        } throws: {
            "\($0)" == "NumPy holds tensors only, \"epoch\" is a whole number; save it as a PyTorch file"
        }
        #expect {
            try CheckpointFile.write(state, to: temporaryPath(), as: .npy)
        } throws: {
            "\($0)" == "a .npy file holds one array, this is a dictionary; save it as a PyTorch file"
        }
        #expect(throws: NumPyLayoutError.name("../a")) {
            try NumPyArchiveLayout([.init(name: "../a", dtype: .bool, shape: [])])
        }
        #expect(throws: NumPyLayoutError.duplicateName("a")) {
            try NumPyArchiveLayout([
                .init(name: "a", dtype: .bool, shape: []), .init(name: "a", dtype: .bool, shape: []),
            ])
        }
    }
}
