import Checkpoints
import Formats
import Foundation
import Foundations
import OrderedCollections
import Tensors
import Testing

/// Writes `index` and safetensors files of one-byte tensors with the names given, and reads the model.
private func model(_ index: String, _ shards: [String: [String]] = [:]) throws -> ShardedSafetensors {
    let folder = temporaryPath()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { remove(folder) }
    for (shard, names) in shards {
        var tensors: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        for (index, name) in names.enumerated() { tensors[.string(name)] = .tensor(Tensor([UInt8(index)])) }
        try CheckpointFile.write(
            .dictionary(CheckpointDictionary(tensors)), to: "\(folder)/\(shard)", as: .safetensors)
    }
    let path = "\(folder)/model.safetensors.index.json"
    try Data(index.utf8).write(to: URL(fileURLWithPath: path))
    return try ShardedSafetensors.read(indexPath: path)
}

struct ShardedSafetensorsTests {
    @Test func tensorsComeInTheOrderOfTheIndex() throws {
        let index = """
            {"metadata": {"total_size": 3.0e0, "more": [null, true, {"a": -1}]},
             "weight_map": {"c": "2.safetensors", "a": "1.safetensors", "b": "2.safetensors"}}
            """
        let model = try model(index, ["1.safetensors": ["a"], "2.safetensors": ["b", "c"]])
        guard case .dictionary(let dictionary) = model.checkpoint, case .tensor(let c, _)? = dictionary["c"]
        else {
            Issue.record("no tensors")
            return
        }
        #expect(dictionary.entries.keys.map(\.description) == ["c", "a", "b"])
        #expect(c.bytes == [1])
        #expect(model.shardNames == ["2.safetensors", "1.safetensors"])
        #expect(model.shards.map(\.storages.count) == [2, 1])
    }

    @Test(arguments: [
        ("{}", "the file is JSON without \"weight_map\", and so no index of a model in several files"),
        ("{\"weight_map\":{\"a\":\"1\",\"a\":\"1\"}}", "the index has \"a\" twice"),
        ("{\"weight_map\":{},\"weight_map\":{}}", "the index has \"weight_map\" twice"),
        ("{\"weight_map\":{\"a\":\"../1\"}}", "the index names the file \"../1\", which is not beside it"),
        ("{\"weight_map\":{\"a\":\"\"}}", "the index names the file \"\", which is not beside it"),
        ("{\"weight_map\":{\"a\":1}}", "the index is not valid JSON: expected the name of a file at byte 19"),
        (
            "{\"x\":\(String(repeating: "[", count: 1000))",
            "the index is not valid JSON: nested too deep at byte 69"
        ),
        ("{\"x\":nul}", "the index is not valid JSON: expected a value at byte 5"),
        ("{\"weight_map\":{\"x\":\"1\",\"y\":\"1\"}}", "\"y\" is not in \"1\", where the index has it"),
        ("{\"weight_map\":{\"y\":\"2\"}}", "\"z\" is in \"2\", but not where the index says"),
        (
            "{\"weight_map\":{\"x\":\"1\",\"y\":\"2\",\"z\":\"1\"}}",
            "\"z\" is in \"2\", but not where the index says"
        ),
    ])
    func refusesAnIndexThatItsFilesContradict(index: String, expected: String) {
        #expect {
            try model(index, ["1": ["x"], "2": ["y", "z"]])
        } throws: {
            "\($0)" == expected
        }
    }

    // It was told what is wrong, and not in which of the files.
    @Test func damagedShardsAreNamed() throws {
        let folder = temporaryPath()
        defer { remove(folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("{\"weight_map\":{\"a\":\"1.safetensors\"}}".utf8).write(
            to: URL(fileURLWithPath: folder + "/index"))
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 497\n"
        try Data(pointer.utf8).write(to: URL(fileURLWithPath: folder + "/1.safetensors"))
        #expect {
            try ShardedSafetensors.read(indexPath: folder + "/index")
        } throws: {
            "\($0)"
                == "\"1.safetensors\": the file is a Git LFS pointer to 497 bytes that are not here; run `git lfs pull`"
        }
    }

    @Test func missingShardsAreFileErrors() {
        #expect {
            try model("{\"weight_map\":{\"a\":\"1.safetensors\"}}")
        } throws: {
            ($0 as? FileError)?.operation == .open
        }
    }
}
