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
    /// Python's `bytes`.
    case bytes([UInt8])
    /// A whole number of more than 64 bits.
    case bigInteger(BigInteger)
    /// A class or function, by its name alone.
    case name(QualifiedName)
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
        case (.bytes(let left), .bytes(let right)): left == right
        case (.bigInteger(let left), .bigInteger(let right)): left == right
        case (.name(let left), .name(let right)): left == right
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
        case .bytes(let bytes): leaves.append(.value(.bytes(bytes)))
        case .bigInteger(let number): leaves.append(.value(.bigInteger(number)))
        case .name(let name): leaves.append(.value(.name(name)))
        case .reference(let label): return .reference(label)
        case .object(let object):
            var parts: [Structure.Part] = []
            let direct = object.parts.lazy.map(\.part).direct
            for (part, value) in object.parts {
                let below = part == direct ? path : path.appending(part.pathComponent)
                let structure = try value.disassemble(into: &leaves, at: below, depth: depth + 1)
                parts.append(Structure.Part(part: part, structure: structure))
            }
            return .object(object.form, parts: parts)
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
    /// A `nil` leaf is left out together with containers that become empty by it: a partial load. A reference to an
    /// object that is left out is left out, too, and does not keep a container that is empty otherwise.
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
            case .object(let form, let parts): .object(CheckpointObject(form, parts: parts))
            case .reference(let label): .reference(label)
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
        /// An object.
        case object(ObjectForm, parts: [(part: ObjectPart, value: Value)])
        /// A reference to an object.
        case reference(Int)
    }

    /// Puts a value of any kind together, from leaves to the top.
    ///
    /// - Parameters:
    ///   - leaves: In the structure's order; `nil` to leave one out, with containers that become empty by it.
    ///   - build: Makes a value of a container of values.
    /// - Returns: `nil` where all leaves are left out.
    /// - Throws: ``CheckpointError/leafCount(expected:found:)``.
    public func assembled<Value>(
        from leaves: [Value?], _ build: @escaping (Container<Value>) -> Value
    ) throws(CheckpointError) -> Value? {
        let expected = leafCount
        guard leaves.count == expected else { throw .leafCount(expected: expected, found: leaves.count) }
        var assembly = Assembly(remaining: leaves[...], build: build)
        return assembly.assemble(self)
    }

    /// Number of leaves.
    public var leafCount: Int {
        switch self {
        case .tensor, .value: 1
        case .reference: 0
        case .object(_, let parts): parts.reduce(0) { $0 + $1.structure.leafCount }
        case .list(let items), .tuple(let items): items.reduce(0) { $0 + $1.leafCount }
        case .dictionary(let entries, _): entries.reduce(0) { $0 + $1.structure.leafCount }
        }
    }
}

/// Puts values together from the leaves of a structure.
private struct Assembly<Value> {
    /// The leaves that have not been placed.
    var remaining: ArraySlice<Value?>
    let build: (Structure.Container<Value>) -> Value

    /// Labels of the objects that were left out.
    private var omitted: Set<Int> = []

    init(remaining: ArraySlice<Value?>, build: @escaping (Structure.Container<Value>) -> Value) {
        self.remaining = remaining
        self.build = build
    }

    mutating func assemble(_ structure: Structure) -> Value? {
        switch structure {
        case .tensor, .value: return remaining.removeFirst()
        case .reference(let label): return omitted.contains(label) ? nil : build(.reference(label))
        case .list(let items):
            return assemble(items, { $0 }) { _, value in value }.map { build(.list($0)) }
        case .tuple(let items):
            return assemble(items, { $0 }) { _, value in value }.map { build(.tuple($0)) }
        case .dictionary(let entries, let kind):
            let members = assemble(entries, \.structure) { (key: $0.key, value: $1) }
            return members.map { build(.dictionary($0, kind: kind)) }
        case .object(let form, let parts):
            let members = assemble(parts, \.structure) { (part: $0.part, value: $1) }
            if members == nil, let label = form.label { omitted.insert(label) }
            return members.map { build(.object(form, parts: $0)) }
        }
    }

    /// The members of a container that remain; `nil` where there were some and none but references do.
    private mutating func assemble<Member, Result>(
        _ members: [Member], _ structure: (Member) -> Structure, _ pair: (Member, Value) -> Result
    ) -> [Result]? {
        var isAlive = members.isEmpty
        var isWhole = true
        var results: [Result] = []
        results.reserveCapacity(members.count)
        for member in members {
            let structure = structure(member)
            guard let value = assemble(structure) else {
                isWhole = false
                continue
            }
            if case .reference = structure {} else { isAlive = true }
            results.append(pair(member, value))
        }
        return isAlive || isWhole ? results : nil
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
        case .value(.bytes(let bytes)): self = .bytes(bytes)
        case .value(.bigInteger(let number)): self = .bigInteger(number)
        case .value(.name(let name)): self = .name(name)
        }
    }
}

extension CheckpointError: CategorisedError {
    /// Values that no checkpoint can hold.
    public var category: ErrorCategory { .badData }
}
