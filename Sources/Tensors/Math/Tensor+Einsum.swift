import Foundations

extension Tensor {
    /// Sums of products in Einstein's notation, as `torch.einsum`: `Tensor.einsum("bij,bjk->bik", a, b)`.
    ///
    /// Letters name axes, `...` the axes that broadcast in front of others. Without `->` the result has the letters that
    /// are there once, in the order of the alphabet. Two operands at a time are multiplied as matrices, from the left.
    ///
    /// - Precondition: One term for each operand; an axis has one length wherever it is.
    public static func einsum(_ equation: String, _ operands: Tensor...) -> Tensor {
        einsum(equation, operands)
    }

    /// Sums of products in Einstein's notation.
    public static func einsum(_ equation: String, _ operands: [Tensor]) -> Tensor {
        let parsed = EinsteinSum(equation, operands)
        guard var current = parsed.terms.first else { trap("einsum \"\(equation)\" of no tensors") }
        for (index, next) in parsed.terms.dropFirst().enumerated() {
            // A letter is summed away when nothing later needs it.
            let later = Set(parsed.terms.dropFirst(index + 2).flatMap(\.letters) + parsed.output)
            current = current.product(with: next, keeping: later)
        }
        return current.summed(keeping: Set(parsed.output)).arranged(as: parsed.output).tensor
    }
}

/// A tensor whose axes have letters.
private struct LetteredTensor {
    var tensor: Tensor
    var letters: [Character]

    /// Sums over the letters that are not kept.
    func summed(keeping kept: Set<Character>) -> LetteredTensor {
        let axes = letters.indices.filter { !kept.contains(letters[$0]) }
        if axes.isEmpty { return self }
        return LetteredTensor(tensor: tensor.sum(alongAxes: axes), letters: letters.filter(kept.contains))
    }

    /// The axes in the order of `order`; those that are missing get length 1.
    func arranged(as order: [Character]) -> LetteredTensor {
        let present = order.filter(letters.contains)
        let places = present.compactMap { letters.firstIndex(of: $0) }
        var result = places == Array(letters.indices) ? tensor : tensor.permuted(places)
        for (axis, letter) in order.enumerated() where !letters.contains(letter) {
            result = result.unsqueezed(axis)
        }
        return LetteredTensor(tensor: result, letters: order)
    }

    func product(with other: LetteredTensor, keeping later: Set<Character>) -> LetteredTensor {
        // What only one of the two has, and nobody else needs, is summed before.
        let a = summed(keeping: later.union(other.letters))
        let b = other.summed(keeping: later.union(letters))
        let shared = a.letters.filter(b.letters.contains)
        let (batch, summed) = (shared.filter(later.contains), shared.filter { !later.contains($0) })
        let rows = a.letters.filter { !shared.contains($0) }
        let columns = b.letters.filter { !shared.contains($0) }
        func lengths(_ x: LetteredTensor, _ letters: [Character]) -> [Int] {
            letters.map { letter in x.letters.firstIndex(of: letter).map { x.tensor.shape[$0] } ?? 1 }
        }
        let batchLengths = zip(lengths(a, batch), lengths(b, batch)).map { Swift.max($0, $1) }
        let inner = lengths(a, summed).reduce(1, *)
        let (rowLengths, columnLengths) = (lengths(a, rows), lengths(b, columns))
        let left = a.arranged(as: batch + rows + summed).tensor
            .broadcast(to: batchLengths + rowLengths + lengths(a, summed))
            .reshaped(to: batchLengths + [rowLengths.reduce(1, *), inner])
        let right = b.arranged(as: batch + summed + columns).tensor
            .broadcast(to: batchLengths + lengths(b, summed) + columnLengths)
            .reshaped(to: batchLengths + [inner, columnLengths.reduce(1, *)])
        return LetteredTensor(
            tensor: left.matmul(right).reshaped(to: batchLengths + rowLengths + columnLengths),
            letters: batch + rows + columns)
    }
}

/// An equation and its operands, with letters for all axes.
private struct EinsteinSum {
    var terms: [LetteredTensor]
    var output: [Character]

    init(_ equation: String, _ operands: [Tensor]) {
        let compact = equation.filter { $0 != " " }
        let halves = compact.components(separatedBy: "->")
        let inputs = halves[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        require(
            halves.count <= 2 && inputs.count == operands.count,
            "einsum \"\(equation)\" of \(operands.count) tensors")
        // The axes under the dots are named by characters that no equation has, from the last axis.
        func expanded(_ term: String, _ dots: [Character]) -> [Character] {
            Array(term.replacing("...", with: String(dots)))
        }
        let letterCounts = inputs.map { $0.count { $0 != "." } }
        let dotCounts = zip(inputs, zip(operands, letterCounts)).map { term, pair in
            term.contains("...") ? pair.0.rank - pair.1 : 0
        }
        let names: [Character] = (0..<(dotCounts.max() ?? 0)).map {
            Character(Unicode.Scalar(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: $0)))
        }.reversed()
        var lengths: [Character: Int] = [:]
        terms = zip(zip(inputs, dotCounts), operands).map { entry, tensor in
            let letters = expanded(entry.0, Array(names.suffix(Swift.max(entry.1, 0))))
            require(
                letters.count == tensor.rank && entry.1 >= 0,
                "einsum \"\(equation)\": term \"\(entry.0)\" for a tensor of shape \(tensor.shape)")
            for (letter, length) in zip(letters, tensor.shape) where length != 1 || letter.isLetter {
                let known = lengths.updateValue(length, forKey: letter) ?? length
                require(
                    known == length || !letter.isLetter,
                    "einsum \"\(equation)\": axis \(letter) has lengths \(known) and \(length)")
            }
            return EinsteinSum.withoutRepeats(LetteredTensor(tensor: tensor, letters: letters))
        }
        if halves.count == 2 {
            output = expanded(halves[1], names)
        } else {
            let all = terms.flatMap(\.letters)
            output =
                names
                + Set(all).filter { letter in letter.isLetter && all.count { $0 == letter } == 1 }.sorted()
        }
        let known = Set(terms.flatMap(\.letters))
        require(
            Set(output).count == output.count && output.allSatisfy { known.contains($0) },
            "einsum \"\(equation)\": an axis of the result is unknown, or there twice")
    }

    /// A letter that is twice in one term names a diagonal.
    private static func withoutRepeats(_ term: LetteredTensor) -> LetteredTensor {
        var term = term
        while let second = term.letters.indices.first(where: { term.letters[..<$0].contains(term.letters[$0]) }
        ),
            let first = term.letters.firstIndex(of: term.letters[second])
        {
            let length = term.tensor.shape[first]
            let rest = term.letters.indices.filter { $0 != first && $0 != second }
            let moved = term.tensor.permuted(rest + [first, second])
            let flat = moved.reshaped(to: rest.map { term.tensor.shape[$0] } + [length * length])
            let places = Tensor((0..<Int64(length)).map { $0 * Int64(length + 1) })
            let letter = term.letters[first]
            term = LetteredTensor(
                tensor: flat.indexSelect(-1, places), letters: rest.map { term.letters[$0] } + [letter])
        }
        return term
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        var (parts, rest) = ([String](), self[...])
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
