/// What a test says of a version.
public enum BisectVerdict: String, Hashable, Sendable {
    /// What is looked for has not begun.
    case good
    /// It has.
    case bad
    /// It cannot be told of this version.
    case skip
}

/// How to look for the first bad version.
public enum BisectStrategy: Hashable, Sendable {
    /// Halves what is left with each test: right where all versions before the first bad one are good, and all after
    /// it are bad.
    case binary
    /// Tests one after the other, from the oldest: right in any case.
    case linear
}

/// The search for the first bad of some things, of which the first is good and the last is bad.
///
/// Free of what the things are: asks for a test by index, and takes its verdict.
struct Bisection {
    private let strategy: BisectStrategy
    /// The last index known to be good, and the first known to be bad.
    private(set) var good: Int
    private(set) var bad: Int
    private var skipped: Set<Int> = []

    /// - Precondition: `good < bad`.
    init(good: Int, bad: Int, strategy: BisectStrategy) {
        precondition(good < bad, "good \(good), bad \(bad)")
        self.good = good
        self.bad = bad
        self.strategy = strategy
    }

    /// What is left between the good and the bad one and can be tested.
    private var candidates: [Int] { (good + 1..<bad).filter { !skipped.contains($0) } }

    /// The index to test next; `nil` when all is known that can be.
    var next: Int? {
        switch strategy {
        case .linear: return candidates.first
        case .binary:
            // The nearest to the middle that was not skipped; of two, the earlier one.
            let middle = (good + bad) / 2
            return candidates.min { (abs($0 - middle), $0) < (abs($1 - middle), $1) }
        }
    }

    /// How many tests are left, about.
    var remainingTestCount: Int {
        let count = candidates.count
        return strategy == .linear ? count : count == 0 ? 0 : Int.bitWidth - count.leadingZeroBitCount
    }

    /// Takes the verdict on the index that ``next`` named.
    mutating func take(_ verdict: BisectVerdict, on index: Int) {
        switch verdict {
        case .good: good = index
        case .bad: bad = index
        case .skip: skipped.insert(index)
        }
    }

    /// The indices of which one is the first bad one; a single one where that is known.
    var suspects: ClosedRange<Int> { good + 1...bad }
}
