import Checkpoints
import Formats
import Foundations
import OrderedCollections
import Tensors
import Testing

/// The files in Examples/data against what PyTorch, safetensors and NumPy read from them, bit for bit.
struct ExampleFilesTests {
    @Test(arguments: Examples.names)
    func holdWhatTheirLibrariesRead(name: String) throws {
        let expected = try #require(try Examples.expected().files[name])
        let file = try CheckpointFile.read(path: Examples.path(name))
        let found = Examples.leaves(file.checkpoint)
        #expect(found.map(\.path) == expected.leaves.map(\.path))
        for (found, var expected) in zip(found, expected.leaves) {
            // A tensor is compared by the hash of its bytes, a number by its bits.
            if expected.kind == "tensor" || expected.kind == "number" { expected.printed = nil }
            // NumPy does not say what strides an empty array has in the file.
            if expected.kind == "tensor", expected.strides == nil { expected.strides = found.strides }
            // PyTorch counts strides of float4 in bytes.
            if expected.dtype == "float4_e2m1fn" {
                expected.strides = found.strides
                expected.offset = 0
            }
            #expect(found == expected)
        }
        #expect(Examples.tied(file.checkpoint) == expected.tied)
        #expect(file.format.rawValue == expected.format)
        #expect(file.metadata.map { [$0.key, $0.value] } == expected.metadata ?? [])
    }

    @Test func coverEveryFileInTheFolder() throws {
        #expect(try Examples.expected().files.keys.sorted() == Examples.names)
    }

    @Test(arguments: Examples.names)
    func storagesAreTheirRangesOfTheFile(name: String) throws {
        let file = try CheckpointFile.read(path: Examples.path(name))
        let bytes = try Examples.bytes(name)
        #expect(file.storages.isEmpty == (name == "arrays-deflated.npz"))
        var end = 0
        for stored in file.storages {
            #expect(stored.range.lowerBound >= end)
            end = stored.range.upperBound
            #expect(stored.storage.withUnsafeBytes { [UInt8]($0) } == Array(bytes[stored.range]))
        }
        #expect(end <= bytes.count)
    }

    @Test func equalButSeparateTensorsStaySeparate() throws {
        let file = try CheckpointFile.read(path: Examples.path("tied.pt"))
        guard case .dictionary(let state) = file.checkpoint,
            case .tensor(let first, _)? = state["2.weight"], case .tensor(let second, _)? = state["4.weight"],
            case .tensor(let copy, _)? = state["copy.weight"]
        else {
            Issue.record("no tensors")
            return
        }
        #expect(first.storage === second.storage)
        #expect(first.storage !== copy.storage)
        #expect(first.bytes == copy.bytes)
    }
}
