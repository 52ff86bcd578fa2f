import ModelReg
import NN
import Tensors

/// The next chapters of a deep-learning course: `swift run -c release Chapters [FOLDER OF digits.npz]`.
///
/// Each builds a network from layers, trains it for a moment, and goes through a registry: what is asked in the end are
/// weights that were loaded.
@main
enum Chapters {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        let registry = try Registry.inMemory()
        try Convolution.run(registry, digits: (arguments.first ?? "Examples/Digits") + "/digits.npz")
        try Recurrence.run(registry)
        try Attention.run(registry)
    }
}

/// A text as numbers, one for each letter that is in it.
struct Letters {
    let all: [Character]
    let numbers: Tensor

    init(_ text: String) {
        all = Set(text).sorted()
        let places = Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1, Int64($0)) })
        numbers = Tensor(text.compactMap { places[$0] })
    }

    /// `count` pieces of the text of `length` letters, and for each letter the one that follows: `[count, length]`.
    func batch(_ count: Int, length: Int, _ generator: RandomGenerator) -> (input: Tensor, target: Tensor) {
        let starts = generator.integers(in: 0..<numbers.elementCount - length, [count, 1])
        let places = starts + Tensor.arange(0..<length)
        return (numbers[places], numbers[places + 1])
    }

    /// The letters of numbers.
    func text(_ numbers: [Int64]) -> String { String(numbers.map { all[Int($0)] }) }

    /// What the examples read.
    static let rhyme = String(
        repeating: "the cat sat on the mat, the rat sat on the cat, and that was that. ", count: 8)
}
