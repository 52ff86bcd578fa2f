public import OrderedCollections

/// An ordered dictionary from dotted names to tensors, as a module makes it.
///
/// Two names may hold the same tensor (`===`), or tensors with the same ``Storage``: these are tied, and stay
/// tied through a registry. Entries are references.
public struct StateDict {
    /// Names and tensors, in the order they were inserted.
    public var tensors: OrderedDictionary<String, Tensor>

    /// An empty state dict, or one of `tensors`.
    public init(_ tensors: OrderedDictionary<String, Tensor> = [:]) { self.tensors = tensors }

    /// The tensor called `name`. Assigning `nil` removes it.
    public subscript(name: String) -> Tensor? {
        get { tensors[name] }
        set { tensors[name] = newValue }
    }

    /// The names, in order.
    public var names: [String] { Array(tensors.keys) }

    /// Number of entries; a tied tensor counts under each of its names.
    public var count: Int { tensors.count }

    /// Whether there are no entries.
    public var isEmpty: Bool { tensors.isEmpty }
}

extension StateDict: ExpressibleByDictionaryLiteral {
    /// The entries in the order written.
    ///
    /// - Precondition: Names are unique.
    public init(dictionaryLiteral elements: (String, Tensor)...) {
        tensors = OrderedDictionary(uniqueKeysWithValues: elements)
    }
}

extension StateDict: Sequence {
    /// The entries, in order.
    public func makeIterator() -> AnyIterator<(name: String, tensor: Tensor)> {
        var base = tensors.makeIterator()
        return AnyIterator { base.next().map { (name: $0.key, tensor: $0.value) } }
    }
}
