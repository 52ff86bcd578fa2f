import Checkpoints
import Formats
import OrderedCollections
import Tensors
import Testing

/// Reading what a file says of ten thousand tensors, 16 bytes each.
struct HeaderSpeedTests {
    @Test(arguments: [FileFormat.safetensors, .pytorch])
    func tenThousandTensorsAreReadInMilliseconds(format: FileFormat) throws {
        var entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        for index in 0..<10_000 {
            entries[.string("model.layers.\(index / 10).attention.weight.\(index)")] = .tensor(
                Tensor([Float(index), 0, 0, 0]))
        }
        let path = temporaryPath()
        defer { remove(path) }
        try CheckpointFile.write(.dictionary(CheckpointDictionary(entries)), to: path, as: format)
        let clock = ContinuousClock()
        let times = try (0..<15).map { _ in
            try clock.measure { _ = try CheckpointFile.read(path: path) }
        }.sorted()
        print("header of 10,000 tensors, \(format): median \(times[7]), best \(times[0])")
        // 30 ms is the aim; a machine that does other things too may take a multiple.
        #expect(times[0] < .milliseconds(90))
    }
}
