/// What a bisection found.
public struct BisectResult: Sendable {
    /// A test that was made.
    public struct Test: Sendable {
        /// The version.
        public let version: Version
        /// What came out.
        public let verdict: BisectVerdict
    }

    /// The versions of which one is the first bad one, oldest first: a single one, unless tests were skipped.
    public let suspects: [Version]
    /// The last version known to be good.
    public let lastGood: Version
    /// The tests, in the order in which they were made.
    public let tests: [Test]

    /// The first bad version; `nil` where skipped tests leave several.
    public var firstBad: Version? { suspects.count == 1 ? suspects[0] : nil }
}

/// Ends between which there is nothing to look for.
public enum BisectError: Error, Equatable {
    /// The good and the bad version are of other models than the one to be looked at.
    case otherModel(reference: String, model: String)
    /// The good version is not older than the bad one.
    case order(good: String, bad: String)
    /// The test says something else of one of the ends than was claimed.
    case contradiction(reference: String, claimed: BisectVerdict, found: BisectVerdict)
}

extension BisectError: CustomStringConvertible {
    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .otherModel(let reference, let model): "\(reference) is no version of \"\(model)\""
        case .order(let good, let bad):
            "\(good) is good and \(bad) is bad, but the good one must be the older one; to find where a fault was "
                + "repaired, ask for the opposite"
        case .contradiction(let reference, let claimed, .skip):
            "the test cannot judge \(reference), which should be \(claimed); choose another \(claimed) version"
        case .contradiction(let reference, let claimed, let found):
            "\(reference) should be \(claimed), and the test says \(found): there is no first bad version between them"
        }
    }
}

extension Registry {
    /// Finds the first bad version of a model between a good and a bad one: `git bisect` for weights.
    ///
    /// Both ends are tested first. Deleted versions are passed over.
    ///
    /// - Parameters:
    ///   - model: The model's name.
    ///   - good: A version known to be good; see ``VersionReference``. `nil` for the oldest.
    ///   - bad: A later one known to be bad. `nil` for the latest.
    ///   - strategy: Whether to halve, or to go through all from the oldest.
    ///   - test: Judges a version; `remaining` is about how many more tests may follow.
    /// - Throws: ``RegistryError``, ``BisectError``, and what `test` throws.
    /// - Complexity: 2 + log₂ of the versions between them in tests, unless some are skipped; 2 + their number where
    ///   `strategy` is linear.
    public func bisect(
        _ model: String, good: String? = nil, bad: String? = nil, strategy: BisectStrategy = .binary,
        test: (_ version: Version, _ remaining: Int) throws -> BisectVerdict
    ) throws -> BisectResult {
        let versions = Array(try versions(of: model).reversed())
        guard let oldest = versions.first, let latest = versions.last else {
            throw RegistryError.noVersions(model: model)
        }
        func index(_ reference: String?, _ otherwise: Version) throws -> Int {
            let version = try reference.map { try self.version($0) } ?? otherwise
            guard
                let index = versions.firstIndex(where: { $0.number == version.number && version.model == model }
                )
            else { throw BisectError.otherModel(reference: version.reference, model: model) }
            return index
        }
        let first = try index(good, oldest)
        let last = try index(bad, latest)
        guard first < last else {
            throw BisectError.order(good: versions[first].reference, bad: versions[last].reference)
        }
        var bisection = Bisection(good: first, bad: last, strategy: strategy)
        var tests: [BisectResult.Test] = []
        func judge(_ index: Int) throws -> BisectVerdict {
            let isEnd = index == first || index == last
            let remaining = bisection.remainingTestCount - (isEnd ? 0 : 1)
            let verdict = try test(versions[index], remaining)
            tests.append(BisectResult.Test(version: versions[index], verdict: verdict))
            return verdict
        }
        for (end, claimed) in [(first, BisectVerdict.good), (last, .bad)] {
            let found = try judge(end)
            guard found == claimed else {
                throw BisectError.contradiction(
                    reference: versions[end].reference, claimed: claimed, found: found)
            }
        }
        while let next = bisection.next { bisection.take(try judge(next), on: next) }
        return BisectResult(
            suspects: Array(versions[bisection.suspects]), lastGood: versions[bisection.good], tests: tests)
    }
}
