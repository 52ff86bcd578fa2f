/// A Python object that is no list, tuple, dictionary, plain value or tensor, taken apart and never run.
///
/// It is a name and up to six parts, each of them an ordinary value: the object's attributes, the arguments that it
/// was made from, the items of a list or the entries of a dictionary that it is.
public struct CheckpointObject {
    /// The object's name, construction and label.
    public var form: ObjectForm

    /// The parts, in the order of ``ObjectPart``, each at most once.
    public var parts: [(part: ObjectPart, value: Checkpoint)]

    /// An object of `parts`.
    public init(_ form: ObjectForm, parts: [(part: ObjectPart, value: Checkpoint)]) {
        self.form = form
        self.parts = parts
    }

    /// The part that is asked for; `nil` where the object has none.
    public subscript(part: ObjectPart) -> Checkpoint? { parts.first { $0.part == part }?.value }
}

/// The name, construction and label of an object: all but its parts.
public struct ObjectForm: Hashable, Sendable {
    /// The class of the object, or the function that makes it.
    public let name: QualifiedName

    /// The way in which Python makes the object.
    public let construction: ObjectConstruction

    /// The number that references to the object carry; `nil` if nothing refers to it.
    ///
    /// Objects that are referred to count from 0 in the order in which they first appear.
    public let label: Int?

    /// Describes an object.
    public init(name: QualifiedName, construction: ObjectConstruction, label: Int? = nil) {
        self.name = name
        self.construction = construction
        self.label = label
    }
}

/// The way in which Python makes an object.
public enum ObjectConstruction: String, Sendable, CaseIterable {
    /// `name.__new__(name, *arguments, **keywords)`.
    case new
    /// `name(*arguments)`.
    case call
    /// The first argument, itself an object, is called with the others. The name says nothing.
    case apply
    /// A program outside of the file knows the object by its argument.
    case persistent
    /// A tensor as something else: a NumPy array or number, a storage, a tensor with attributes.
    case view
}

/// A part of an object.
public enum ObjectPart: String, Sendable, CaseIterable {
    /// The tensor of a ``ObjectConstruction/view``.
    case value
    /// What the object is made from: a tuple.
    case arguments
    /// What it is made from by name: a dictionary.
    case keywords
    /// What it holds as a list.
    case items
    /// What it holds as a dictionary.
    case entries
    /// Its attributes, mostly: what Python's `__setstate__` is given.
    case state

    /// Where the part is among the parts of an object.
    package var order: Int {
        switch self {
        case .value: 0
        case .arguments: 1
        case .keywords: 2
        case .items: 3
        case .entries: 4
        case .state: 5
        }
    }

    /// What stands for the part in a path where the part's own members are not directly below the object.
    var pathComponent: String {
        switch self {
        case .value: "__value__"
        case .arguments: "__args__"
        case .keywords: "__kwargs__"
        case .items: "__items__"
        case .entries: "__entries__"
        case .state: "__state__"
        }
    }
}

extension Collection<ObjectPart> {
    /// The part whose members are directly below the object in a path: what it holds, or its attributes, or what it is
    /// made from.
    var direct: ObjectPart? {
        let order: [ObjectPart] = [.value, .entries, .items, .state, .arguments, .keywords]
        return order.first { contains($0) }
    }
}
