extension Structure {
    /// For each leaf, whether it is the place of a tensor.
    package var leafPlaces: [Bool] {
        switch self {
        case .tensor: [true]
        case .value: [false]
        case .list(let items), .tuple(let items): items.flatMap(\.leafPlaces)
        case .dictionary(let entries, _): entries.flatMap(\.structure.leafPlaces)
        case .object(_, let parts): parts.flatMap(\.structure.leafPlaces)
        case .reference: []
        }
    }
}
