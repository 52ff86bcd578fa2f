import Formats
import Foundations
import Tensors
import Testing

struct SafetensorsShardsTests {
    private func entries(_ byteCounts: [Int]) -> [SafetensorsLayout.Entry] {
        byteCounts.enumerated().map { .init(name: "t\($0)", dtype: .uint8, shape: [$1]) }
    }

    @Test func filesAreFilledInOrder() throws {
        // A tensor of more than the limit has a file of its own.
        let shards = try SafetensorsShards(entries([4, 6, 1, 20, 2, 0]), maximumByteCount: 10)
        #expect(shards.shards.map(\.entries) == [[0, 1], [2], [3], [4, 5]])
        #expect(
            shards.shards.map(\.name) == [
                "model-00001-of-00004.safetensors", "model-00002-of-00004.safetensors",
                "model-00003-of-00004.safetensors", "model-00004-of-00004.safetensors",
            ])
    }

    @Test func oneFileNeedsNoIndex() throws {
        let shards = try SafetensorsShards(entries([4, 6]), maximumByteCount: 10)
        #expect(shards.shards.map(\.name) == ["model.safetensors"])
        #expect(shards.shards.map(\.entries) == [[0, 1]])
        #expect(shards.index == nil)
    }

    /// What `json.dumps(index, indent=2, sort_keys=True) + "\n"` gives.
    @Test func indexIsWhatTransformersWrites() throws {
        let entries = ["z", "é😀\n\u{7F}\"", "b/\\"].map {
            SafetensorsLayout.Entry(name: $0, dtype: .float32, shape: [1])
        }
        let shards = try SafetensorsShards(entries, maximumByteCount: 8)
        let index = try #require(shards.index)
        #expect(
            String(decoding: index, as: UTF8.self) == """
                {
                  "metadata": {
                    "total_size": 12
                  },
                  "weight_map": {
                    "b/\\\\": "model-00002-of-00002.safetensors",
                    "z": "model-00001-of-00002.safetensors",
                    "\\u00e9\\ud83d\\ude00\\n\u{7F}\\"": "model-00001-of-00002.safetensors"
                  }
                }

                """)
    }
}
