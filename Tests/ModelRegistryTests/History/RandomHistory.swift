import Checkpoints
import ModelRegistry
import OrderedCollections
import Tensors
import TestSupport

/// A model whose leaves come and go, change, change back, and are tied and untied from version to version.
struct RandomHistory {
    let registry: Registry
    private var generator: SeededGenerator
    private var entries: [(key: CheckpointKey, value: Checkpoint)] = []

    /// The keys `0` and `"0"` spell the same.
    private static let keys: [CheckpointKey] = [
        .string("a"), .string("b.weight"), .string("c/d"), .string("é"), .string("e\u{301}"), .integer(0),
        .string("0"), .string(""),
    ]

    init(seed: UInt64) throws {
        registry = try Registry.inMemory()
        generator = SeededGenerator(seed: seed)
    }

    /// Saves versions of two models, the one in between the other, and deletes some.
    mutating func save(_ count: Int, deleting deleted: [Int] = []) throws {
        for _ in 0..<count {
            change()
            try registry.save(checkpoint, as: "m", message: "")
            if generator.number(in: 0...2) == 0 { try registry.save(checkpoint, as: "other", message: "") }
        }
        for number in deleted { try registry.delete("m:v\(number)") }
    }

    private var checkpoint: Checkpoint {
        var dictionary = CheckpointDictionary()
        for (key, value) in entries { dictionary.entries[key] = value }
        return .dictionary(dictionary)
    }

    /// One of few values, so that some come back.
    private mutating func value() -> Checkpoint {
        let number = Float(generator.number(in: 0...2))
        let tensor = Tensor([number, 1, 2, 3, 5, 7], shape: [2, 3])
        switch generator.number(in: 0...9) {
        case 0: return .integer(Int64(number))
        case 1: return .string("\(number)")
        case 2: return .number(.nan)
        case 3: return .tensor(tensor.to(.bfloat16))
        case 4: return .tensor(tensor.reshaped(to: [3, 2]))
        // The same content as an untransposed one, in another order in memory.
        case 5: return .tensor(tensor.transposed(0, 1).copied().transposed(0, 1))
        default: return .tensor(tensor)
        }
    }

    private mutating func change() {
        for _ in 0...generator.number(in: 0...2) {
            switch generator.number(in: 0...5) {
            case 0, 1:
                guard let key = RandomHistory.keys.randomElement(using: &generator) else { continue }
                let new = value()
                if let index = entries.firstIndex(where: { $0.key == key }) {
                    entries[index].value = new
                } else {
                    entries.insert((key, new), at: generator.number(in: 0...entries.count))
                }
            case 2 where !entries.isEmpty:
                entries.remove(at: generator.number(in: 0...entries.count - 1))
            case 3 where entries.count > 1:
                // Tied: the very same tensor.
                entries[0].value = entries[1].value
            case 4: entries.shuffle(using: &generator)
            default: break
            }
        }
    }
}
