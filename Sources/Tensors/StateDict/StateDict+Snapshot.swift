import Foundations
internal import OrderedCollections

/// The values of a state dict at one moment, safe to hand to another thread while training goes on.
///
/// Tied tensors stay tied. Nobody writes to the copies, which is what makes this `Sendable`.
public struct StateDictSnapshot: Sendable {
    private let layouts: OrderedDictionary<String, TensorLayout<Storage>>

    /// Copies the values of `stateDict`.
    ///
    /// - Complexity: O(bytes): views of one storage copy the span that all of them lie in once.
    public init(_ stateDict: StateDict) {
        let spans = StorageSpans(stateDict.tensors.values)
        let copies = spans.stretches.map { storage, range in
            storage.withUnsafeBytes { Storage(copying: UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
        layouts = stateDict.tensors.mapValues { spans.layout(of: $0, in: copies) }
    }

    /// The values as tensors that share the snapshot's storage: read them, or copy them before writing.
    public var stateDict: StateDict {
        StateDict(
            layouts.mapValues { layout in
                Tensor(
                    unchecked: layout.storage, dtype: layout.dtype, shape: layout.shape,
                    strides: layout.strides,
                    offset: layout.offset, elementCount: layout.shape.reduce(1, *),
                    isContiguous: TensorGeometry.isContiguous(shape: layout.shape, strides: layout.strides))
            })
    }
}

extension StateDict {
    /// The values at this moment, to be saved on another thread.
    public func snapshot() -> StateDictSnapshot { StateDictSnapshot(self) }

    /// A state dict with storage of its own. Tied tensors stay tied, and one tensor under two names stays one.
    public func copied() -> StateDict {
        let copies = snapshot().stateDict
        var made: [ObjectIdentifier: Tensor] = [:]
        var result = StateDict()
        for (name, tensor) in self {
            let copy = made[ObjectIdentifier(tensor)] ?? copies[name]
            made[ObjectIdentifier(tensor)] = copy
            result[name] = copy
        }
        return result
    }

    /// The entries under other names, in the same order; entries for which `rename` returns `nil` are left out.
    ///
    /// - Precondition: New names are unique.
    public func renamingKeys(_ rename: (String) -> String?) -> StateDict {
        var result = StateDict()
        for (name, tensor) in self {
            guard let newName = rename(name) else { continue }
            require(result[newName] == nil, "two entries would be called \"\(newName)\"")
            result[newName] = tensor
        }
        return result
    }

    /// The entries whose names begin with `prefix`, without it: `stateDict.part("encoder.")`.
    public func part(_ prefix: String) -> StateDict {
        renamingKeys { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : nil }
    }

    /// The entries with `prefix` before their names.
    public func prefixed(_ prefix: String) -> StateDict { renamingKeys { prefix + $0 } }

    /// Adds the entries of `other`, which replace those of the same name.
    public mutating func merge(_ other: StateDict) {
        for (name, tensor) in other { self[name] = tensor }
    }
}

extension StateDict: CustomStringConvertible {
    /// One line for each entry: name, dtype and shape.
    public var description: String {
        map { "\($0.name): \($0.tensor.dtype) \($0.tensor.shape)" }.joined(separator: "\n")
    }
}
