public import Checkpoints

/// What was wrong with a registry and was put right, and what is left.
public struct RepairReport: Hashable, Sendable {
    /// Something that was put right.
    public struct Repair: Hashable, Sendable {
        /// The version that it is of; `nil` where it is of no single one.
        public let version: String?
        /// The chunk that is whole again; `nil` where it is none.
        public let chunk: ContentID?
        /// What was done.
        public let description: String

        init(_ description: String, version: String? = nil, chunk: ContentID? = nil) {
            self.version = version
            self.chunk = chunk
            self.description = description
        }
    }

    /// What was put right, in this order.
    public internal(set) var repairs: [Repair] = []
    /// What was left as it is, since nothing tells what is right: a line each.
    public internal(set) var undecided: [String] = []
    /// What a verification found afterwards.
    public internal(set) var verification: VerificationReport

    /// Whether nothing is wrong any more.
    public var isWhole: Bool { verification.problems.isEmpty && undecided.isEmpty }
}

/// Gathers what a repair does.
final class RepairLog {
    private(set) var repairs: [RepairReport.Repair] = []
    private(set) var undecided: [String] = []

    func note(_ repair: RepairReport.Repair) { repairs.append(repair) }
    func leave(_ description: String) { undecided.append(description) }
}
