import Foundations
public import OrderedCollections

/// A key of a dictionary in a checkpoint. `1`, `"1"` and `true` are three different keys.
public indirect enum CheckpointKey: Hashable, Sendable {
    /// A text.
    case string(String)
    /// A whole number, as optimiser state uses them.
    case integer(Int64)
    /// True or false.
    case boolean(Bool)
    /// Python's `None`.
    case none
    /// The bits of a floating-point number.
    case number(bits: UInt64)
    /// Python's `bytes`.
    case bytes([UInt8])
    /// A class or function.
    case name(QualifiedName)
    /// A tuple of keys.
    case tuple([CheckpointKey])
}

/// A dictionary in a checkpoint: entries in the order they were inserted, and the Python type they had.
public struct CheckpointDictionary {
    /// The Python type that a dictionary comes back as, and the attributes that it has there.
    public struct Kind: Hashable, Sendable {
        /// `dict`.
        public static let plain = Kind(isOrdered: false, attributes: nil)

        /// `collections.OrderedDict`, as `state_dict()` returns.
        public static let ordered = Kind(isOrdered: true, attributes: nil)

        /// `collections.OrderedDict` with attributes: of a state dict `{"_metadata": …}`.
        public static func ordered(attributes: PlainTree?) -> Kind {
            Kind(isOrdered: true, attributes: attributes)
        }

        /// Whether it is a `collections.OrderedDict`.
        public let isOrdered: Bool

        /// What Python gives the dictionary as its state; `nil` where there is none. A `dict` has none.
        public let attributes: PlainTree?

        /// The type alone.
        public var withoutAttributes: Kind { isOrdered ? .ordered : .plain }

        /// What the structure calls the type.
        package var name: String { isOrdered ? "ordered_dict" : "dict" }
    }

    /// The entries, in order.
    public var entries: OrderedDictionary<CheckpointKey, Checkpoint>

    /// The Python type.
    public var kind: Kind

    /// A dictionary of `entries`.
    public init(_ entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:], kind: Kind = .plain) {
        self.entries = entries
        self.kind = kind
    }

    /// The value at a text key.
    public subscript(key: String) -> Checkpoint? {
        get { entries[.string(key)] }
        set { entries[.string(key)] = newValue }
    }
}

extension CheckpointKey {
    /// Whether both are the same key. Texts are compared by their bytes.
    public static func == (left: CheckpointKey, right: CheckpointKey) -> Bool {
        switch (left, right) {
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.integer(let left), .integer(let right)): left == right
        case (.boolean(let left), .boolean(let right)): left == right
        case (.none, .none): true
        case (.number(let left), .number(let right)): left == right
        case (.bytes(let left), .bytes(let right)): left == right
        case (.name(let left), .name(let right)): left == right
        case (.tuple(let left), .tuple(let right)): left == right
        default: false
        }
    }
}

extension CheckpointKey: CustomStringConvertible {
    /// The text that stands for the key in a path: `weight`, `0`, `true`, `(0, 1)`.
    public var description: String {
        switch self {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .boolean(let flag): "\(flag)"
        case .none: "None"
        case .number(let bits): "\(Double(bitPattern: bits))"
        case .bytes(let bytes): HexText.of(bytes)
        case .name(let name): name.description
        case .tuple(let keys):
            "(" + keys.map(\.description).joined(separator: ", ") + (keys.count == 1 ? ",)" : ")")
        }
    }
}
