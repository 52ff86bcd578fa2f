import Checkpoints
import Formats
import Tensors
import Testing

/// A generator whose numbers follow from its seed (SplitMix64, Steele et al. 2014).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

/// Damaged files are read or refused, never crashed on.
struct MutationTests {
    @Test(arguments: [
        "x-files", "tied.pt", "dtypes.safetensors", "views.pt", "dtypes.pt", "array.npy", "legacy.pt",
        "arrays-deflated.npz", "quantised.gguf",
    ])
    func damagedFilesThrowOrReturn(name: String) throws {
        let original = try Examples.bytes(name)
        // Without checksums, so that damage reaches the pickle.
        let unchecked = clearingChecksums(original)
        var accepted = 0
        for seed in 0..<600 as Range<UInt64> {
            var generator = SeededGenerator(state: seed)
            let mutated = mutate(seed % 2 == 0 ? original : unchecked, &generator)
            do {
                let file = try read(mutated)
                // What was accepted can be read in full.
                _ = Examples.leaves(file.checkpoint)
                accepted += 1
            } catch {
                #expect(!"\(error)".contains("\n"), "seed \(seed)")
            }
        }
        // The loop reaches both sides.
        #expect(accepted > 0 && accepted < 600)
    }

    private func mutate(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            // The interesting bytes are at both ends and around; most others are weights.
            let reach = Bool.random(using: &generator) ? min(bytes.count, 700) : bytes.count
            let offset = Int.random(in: 0..<reach, using: &generator)
            let place = Bool.random(using: &generator) ? offset : bytes.count - 1 - offset
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
            case 2: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 3: bytes.removeLast(Int.random(in: 0...min(64, bytes.count), using: &generator))
            case 4: bytes.remove(at: place)
            default:
                let length = min(Int.random(in: 1...32, using: &generator), bytes.count - place)
                bytes.insert(contentsOf: bytes[place..<place + length], at: offset)
            }
        }
        return bytes
    }

    /// `bytes` with the checksums of its zip records zeroed, as PyTorch writes them when told to.
    private func clearingChecksums(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for offset in bytes.indices.dropLast(46) where bytes[offset] == 0x50 && bytes[offset + 1] == 0x4B {
            if bytes[offset + 2] == 1, bytes[offset + 3] == 2 {
                for index in offset + 16..<offset + 20 { bytes[index] = 0 }
            }
        }
        return bytes
    }
}
