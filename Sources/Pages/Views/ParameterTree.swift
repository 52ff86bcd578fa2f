import ModelReg

/// The leaves of a version as modules: paths cut at dots and slashes.
struct ParameterTree {
    /// A leaf, and what is known of it where it is a tensor.
    struct Leaf {
        let path: CheckpointPath
        let content: Manifest.Content
        let facts: TensorFacts?
    }

    /// A row: a module with what is in it, or a leaf.
    enum Row {
        case module(Module)
        case leaf(Leaf, name: String, depth: Int)
    }

    /// What the leaves below a module come to.
    struct Module {
        let path: String
        let name: String
        let depth: Int
        var leafCount = 0
        var elementCount = 0
        var byteCount = 0
        var nanCount = 0
        var infinityCount = 0
        var squares = 0.0
        /// Whether its leaves are on the page, too.
        var isOpen = false

        mutating func add(_ leaf: Leaf) {
            leafCount += 1
            guard let facts = leaf.facts else { return }
            // Sizes are those of rows of a file that may be anybody's.
            elementCount = elementCount.addingReportingOverflow(facts.count).partialValue
            byteCount = byteCount.addingReportingOverflow(facts.byteCount).partialValue
            nanCount = nanCount.addingReportingOverflow(facts.nanCount ?? 0).partialValue
            infinityCount = infinityCount.addingReportingOverflow(facts.infinityCount ?? 0).partialValue
            if let norm = facts.l2Norm { squares += norm * norm }
        }
    }

    /// Leaves that a page shows with all modules open.
    static let openLimit = 120

    let total: Module
    private(set) var rows: [Row] = []

    /// The rows of a module: all that is in it where that is not much, else what is one step below.
    ///
    /// - Parameter module: Its path; empty for the whole version.
    init(_ leaves: [Leaf], in module: String) {
        let inside: [(leaf: Leaf, path: ModulePath)] = leaves.compactMap { leaf in
            let path = ModulePath(leaf.path)
            guard module.isEmpty || path.prefixes.dropLast().contains(where: { $0.hasSameBytes(as: module) })
            else {
                return nil
            }
            return (leaf, path)
        }
        var total = Module(path: module, name: module, depth: 0)
        for (leaf, _) in inside { total.add(leaf) }
        self.total = total
        let start = inside.first.map { first in
            module.isEmpty
                ? 0 : (first.path.prefixes.firstIndex { $0.hasSameBytes(as: module) } ?? -1) + 1
        }
        guard let start else { return }
        let isOpen = inside.count <= ParameterTree.openLimit
        var places: [String: Int] = [:]
        var counts: [String: Int] = [:]
        for (_, path) in inside { for prefix in path.prefixes { counts[prefix, default: 0] += 1 } }
        for (leaf, path) in inside {
            // A module with one leaf is a part of the leaf's name: there is a row less to read.
            let last =
                (start..<path.names.count).first { counts[path.prefixes[$0]] == 1 } ?? path.names.count - 1
            // The modules that lead to it, once each: all of them in an open tree, else only the first.
            for level in start..<max(start, last) where isOpen || level == start {
                let prefix = path.prefixes[level]
                if let place = places[prefix], case .module(var known) = rows[place] {
                    known.add(leaf)
                    rows[place] = .module(known)
                } else {
                    places[prefix] = rows.count
                    var new = Module(
                        path: prefix, name: path.names[level], depth: level - start, isOpen: isOpen)
                    new.add(leaf)
                    rows.append(.module(new))
                }
            }
            if isOpen || last <= start {
                rows.append(.leaf(leaf, name: path.name(from: last), depth: max(0, last - start)))
            }
        }
    }
}

extension ModulePath {
    /// What the path says from one of its names on.
    fileprivate func name(from level: Int) -> String {
        guard level > 0, let whole = prefixes.last else { return prefixes.last ?? "" }
        return String(whole.dropFirst(prefixes[level - 1].count + 1))
    }
}

extension String {
    /// Whether both texts are the same bytes.
    fileprivate func hasSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
