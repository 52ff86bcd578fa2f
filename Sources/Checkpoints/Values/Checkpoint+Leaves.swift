public import Foundations
import OrderedCollections
public import Tensors

/// A plain value in a checkpoint.
public enum PlainValue: Hashable, Sendable {
    /// A text.
    case string(String)
    /// A whole number.
    case integer(Int64)
    /// The bits of a floating-point number, so that NaN equals itself and -0 differs from 0.
    case number(bits: UInt64)
    /// True or false.
    case boolean(Bool)
    /// Nothing.
    case none
}

extension PlainValue {
    /// Whether both are the same value, bit for bit.
    public static func == (left: PlainValue, right: PlainValue) -> Bool {
        switch (left, right) {
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.boolean(let left), .boolean(let right)): left == right
        case (.none, .none): true
        default: false
        }
    }
}

/// A tensor or plain value at the end of a path; the tensor is there, or is only described.
public enum CheckpointLeaf<TensorOrDescription> {
    /// A tensor and its role.
    case tensor(TensorOrDescription, role: TensorRole)
    /// A plain value.
    case value(PlainValue)

    /// The tensor; `nil` for a plain value.
    public var tensor: TensorOrDescription? {
        if case .tensor(let tensor, _) = self { tensor } else { nil }
    }

    /// The leaf with another tensor or description in place of its own.
    public func mapTensor<Other, Failure: Error>(
        _ transform: (TensorOrDescription) throws(Failure) -> Other
    ) throws(Failure) -> CheckpointLeaf<Other> {
        switch self {
        case .tensor(let tensor, let role): .tensor(try transform(tensor), role: role)
        case .value(let value): .value(value)
        }
    }
}

extension CheckpointLeaf: Sendable where TensorOrDescription: Sendable {}

/// A checkpoint that cannot be saved.
public enum CheckpointError: Error, Equatable {
    /// Containers are nested deeper than ``Checkpoint/maximumDepth``.
    case tooDeep(path: String)
    /// The leaves do not fit the structure they are to fill.
    case leafCount(expected: Int, found: Int)
}

extension CheckpointError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .tooDeep(let path):
            "containers nested more than \(Checkpoint.maximumDepth) deep at \"\(path.prefix(80))…\""
        case .leafCount(let expected, let found):
            "structure has room for \(expected) values, but there are \(found)"
        }
    }
}

extension Checkpoint {
    /// Takes the checkpoint apart: its structure, and its leaves in the structure's order.
    ///
    /// - Throws: ``CheckpointError/tooDeep(path:)``.
    public func disassembled() throws(CheckpointError) -> (
        structure: Structure, leaves: [CheckpointLeaf<Tensor>]
    ) {
        var leaves: [CheckpointLeaf<Tensor>] = []
        let structure = try disassemble(into: &leaves, at: .root, depth: 0)
        return (structure, leaves)
    }

    private func disassemble(
        into leaves: inout [CheckpointLeaf<Tensor>], at path: CheckpointPath, depth: Int
    ) throws(CheckpointError) -> Structure {
        guard depth <= Checkpoint.maximumDepth else { throw .tooDeep(path: path.text) }
        switch self {
        case .tensor(let tensor, let role):
            leaves.append(.tensor(tensor, role: role))
            return .tensor
        case .string(let text): leaves.append(.value(.string(text)))
        case .integer(let number): leaves.append(.value(.integer(number)))
        case .number(let number): leaves.append(.value(.number(bits: number.bitPattern)))
        case .boolean(let flag): leaves.append(.value(.boolean(flag)))
        case .none: leaves.append(.value(.none))
        case .list(let items):
            return .list(try Checkpoint.disassemble(items, into: &leaves, at: path, depth: depth))
        case .tuple(let items):
            return .tuple(try Checkpoint.disassemble(items, into: &leaves, at: path, depth: depth))
        case .dictionary(let dictionary):
            var entries: [Structure.Entry] = []
            for (key, value) in dictionary.entries {
                let below = path.appending(key.description)
                let structure = try value.disassemble(into: &leaves, at: below, depth: depth + 1)
                entries.append(Structure.Entry(key: key, structure: structure))
            }
            return .dictionary(entries, kind: dictionary.kind)
        }
        return .value
    }

    private static func disassemble(
        _ items: [Checkpoint], into leaves: inout [CheckpointLeaf<Tensor>], at path: CheckpointPath, depth: Int
    ) throws(CheckpointError) -> [Structure] {
        var structures: [Structure] = []
        for (index, item) in items.enumerated() {
            let below = path.appending("\(index)")
            structures.append(try item.disassemble(into: &leaves, at: below, depth: depth + 1))
        }
        return structures
    }
}

extension Structure {
    /// Puts a checkpoint together from leaves in the structure's order.
    ///
    /// A `nil` leaf is left out together with containers that become empty by it: a partial load.
    ///
    /// - Returns: `nil` where all leaves are left out.
    /// - Throws: ``CheckpointError/leafCount(expected:found:)``.
    public func assembled(from leaves: [CheckpointLeaf<Tensor>?]) throws(CheckpointError) -> Checkpoint? {
        try assembled(from: leaves.map { $0.map(Checkpoint.init) }) { container in
            switch container {
            case .list(let items): .list(items)
            case .tuple(let items): .tuple(items)
            case .dictionary(let entries, let kind):
                .dictionary(
                    CheckpointDictionary(OrderedDictionary(uniqueKeysWithValues: entries), kind: kind))
            }
        }
    }

    /// A container whose members have been put together.
    public enum Container<Value> {
        /// A list.
        case list([Value])
        /// A tuple.
        case tuple([Value])
        /// A dictionary. Keys are unique.
        case dictionary([(key: CheckpointKey, value: Value)], kind: CheckpointDictionary.Kind)
    }

    /// Puts a value of any kind together, from leaves to the top.
    ///
    /// - Parameters:
    ///   - leaves: In the structure's order; `nil` to leave one out, with containers that become empty by it.
    ///   - build: Makes a value of a container of values.
    /// - Returns: `nil` where all leaves are left out.
    /// - Throws: ``CheckpointError/leafCount(expected:found:)``.
    public func assembled<Value>(
        from leaves: [Value?], _ build: (Container<Value>) -> Value
    ) throws(CheckpointError) -> Value? {
        let expected = leafCount
        guard leaves.count == expected else { throw .leafCount(expected: expected, found: leaves.count) }
        var remaining = leaves[...]
        return assemble(&remaining, build)
    }

    /// Number of leaves.
    public var leafCount: Int {
        switch self {
        case .tensor, .value: 1
        case .list(let items), .tuple(let items): items.reduce(0) { $0 + $1.leafCount }
        case .dictionary(let entries, _): entries.reduce(0) { $0 + $1.structure.leafCount }
        }
    }

    private func assemble<Value>(
        _ leaves: inout ArraySlice<Value?>, _ build: (Container<Value>) -> Value
    ) -> Value? {
        switch self {
        case .tensor, .value: return leaves.removeFirst()
        case .list(let items):
            let parts = items.compactMap { $0.assemble(&leaves, build) }
            return parts.isEmpty && !items.isEmpty ? nil : build(.list(parts))
        case .tuple(let items):
            let parts = items.compactMap { $0.assemble(&leaves, build) }
            return parts.isEmpty && !items.isEmpty ? nil : build(.tuple(parts))
        case .dictionary(let entries, let kind):
            let parts = entries.compactMap { entry in
                entry.structure.assemble(&leaves, build).map { (key: entry.key, value: $0) }
            }
            return parts.isEmpty && !entries.isEmpty ? nil : build(.dictionary(parts, kind: kind))
        }
    }
}

extension Checkpoint {
    /// The checkpoint that is a single leaf.
    public init(_ leaf: CheckpointLeaf<Tensor>) {
        switch leaf {
        case .tensor(let tensor, let role): self = .tensor(tensor, role: role)
        case .value(.string(let text)): self = .string(text)
        case .value(.integer(let number)): self = .integer(number)
        case .value(.number(let bits)): self = .number(Double(bitPattern: bits))
        case .value(.boolean(let flag)): self = .boolean(flag)
        case .value(.none): self = .none
        }
    }
}

extension CheckpointError: CategorisedError {
    /// Values that no checkpoint can hold.
    public var category: ErrorCategory { .badData }
}
