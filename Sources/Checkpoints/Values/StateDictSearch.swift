public import Foundations

/// The weights within a checkpoint, under the names that PyTorch's `state_dict()` gives them.
///
/// A flat dictionary of tensors is a state dict. A module is one by its `_parameters`, `_buffers` and `_modules`. Of any
/// other dictionary it is the only member that is one, or the only one with a usual name such as `state_dict`.
public struct StateDictSearch: Sendable {
    /// A tensor of the state dict.
    public struct Entry: Hashable, Sendable {
        /// Its name, such as `encoder.0.weight`.
        public let name: String
        /// Its number among the leaves of the checkpoint.
        public let leaf: Int
    }

    /// The tensors, in the order of the state dict. A module that is there twice gives its tensors two names.
    public let entries: [Entry]

    /// Where the state dict is, as keys joined by `/`; empty for the whole checkpoint.
    public let path: String

    /// The attributes of the dictionary that it is, such as `_metadata`; `nil` where it has none or is a module.
    public let attributes: PlainTree?

    /// Looks for the state dict of a checkpoint.
    ///
    /// - Parameters:
    ///   - path: Where it is; `nil` to find it.
    ///   - value: The plain value of a leaf, by its number; `nil` for a tensor. Modules list there which of their buffers
    ///     are not saved.
    /// - Throws: ``StateDictError``.
    /// - Complexity: O(n · d) for n leaves in d levels.
    public init(
        _ structure: Structure, at path: String? = nil, value: @escaping (Int) -> PlainValue?
    ) throws(StateDictError) {
        let nodes = Nodes(structure)
        if let path {
            guard let node = nodes.node(at: path) else { throw .noPath(path) }
            guard let entries = nodes.entries(of: node, value) else { throw .notStateDict(path) }
            self.entries = entries
            self.path = path
            attributes = nodes.attributes(of: node)
            return
        }
        (entries, self.path) = try StateDictSearch.search(nodes.root, at: .root, nodes, value)
        attributes = nodes.node(at: self.path).flatMap { nodes.attributes(of: $0) }
    }

    /// Names of members that are weights where several members are.
    private static let usualNames: Set<String> = [
        "state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights", "ema",
        "ema_state_dict", "state_dict_ema", "model_ema", "params", "params_ema",
    ]

    private static func search(
        _ node: Node, at path: CheckpointPath, _ nodes: Nodes, _ value: @escaping (Int) -> PlainValue?
    ) throws(StateDictError) -> (entries: [Entry], path: String) {
        if let entries = nodes.entries(of: node, value) { return (entries, path.text) }
        var found: [(name: String, entries: [Entry], path: String)] = []
        for member in nodes.members(of: node) {
            let below = path.appending(member.key)
            if let entries = nodes.entries(of: member.node, value) {
                found.append((member.key, entries, below.text))
            } else if usualNames.contains(member.key), case .dictionary = member.node.structure {
                let (entries, path) = try search(member.node, at: below, nodes, value)
                found.append((member.key, entries, path))
            }
        }
        let usual = found.filter { usualNames.contains($0.name) }
        let candidates = usual.isEmpty ? found : usual
        if candidates.count > 1 { throw .ambiguous(candidates.map(\.path)) }
        if let only = candidates.first { return (only.entries, only.path) }
        // Tensors beside plain values: these are all the weights there are.
        let tensors = nodes.members(of: node).filter { nodes.isTensor($0.node) }
        guard !tensors.isEmpty else { throw .none }
        return (tensors.map { Entry(name: $0.key, leaf: $0.node.firstLeaf) }, path.text)
    }
}

/// A place in a structure, and the number of the first leaf below it.
private struct Node {
    let structure: Structure
    let firstLeaf: Int
}

private struct Nodes {
    let root: Node
    private var labelled: [Int: Node] = [:]

    init(_ structure: Structure) {
        root = Node(structure: structure, firstLeaf: 0)
        collectLabels(root)
    }

    private mutating func collectLabels(_ node: Node) {
        if case .object(let form, _) = node.structure, let label = form.label { labelled[label] = node }
        for child in children(of: node) { collectLabels(child.node) }
    }

    /// What is directly below a node, by path component.
    private func children(of node: Node) -> [(key: String, node: Node)] {
        var next = node.firstLeaf
        func child(_ key: String, _ structure: Structure) -> (key: String, node: Node) {
            defer { next += structure.leafCount }
            return (key, Node(structure: structure, firstLeaf: next))
        }
        switch node.structure {
        case .tensor, .value, .reference: return []
        case .list(let items), .tuple(let items):
            return items.enumerated().map { child("\($0.offset)", $0.element) }
        case .dictionary(let entries, _): return entries.map { child($0.key.description, $0.structure) }
        case .object(_, let parts):
            let direct = parts.lazy.map(\.part).direct
            return parts.flatMap { part -> [(key: String, node: Node)] in
                let place = child(part.part.pathComponent, part.structure)
                guard part.part == direct else { return [place] }
                let below = children(of: place.node)
                return below.isEmpty ? [place] : below
            }
        }
    }

    /// The node that a reference names; any other node itself.
    private func resolved(_ node: Node) -> Node {
        if case .reference(let label) = node.structure { labelled[label] ?? node } else { node }
    }

    /// The members of a dictionary, or the attributes of an object, that have names.
    func members(of node: Node) -> [(key: String, node: Node)] {
        let node = resolved(node)
        switch node.structure {
        case .dictionary(let entries, _):
            return zip(entries, children(of: node)).compactMap { entry, child in
                guard case .string(let key) = entry.key, !entry.structure.isOpaqueFile else { return nil }
                return (key, resolved(child.node))
            }
        case .object(_, let parts):
            guard parts.lazy.map(\.part).direct.map({ [.entries, .state].contains($0) }) ?? false else {
                return []
            }
            return children(of: node).map { ($0.key, resolved($0.node)) }
        default: return []
        }
    }

    func node(at path: String) -> Node? {
        var node = root
        guard !path.isEmpty else { return node }
        for component in path.split(separator: "/", omittingEmptySubsequences: false) {
            let key = component.split(separator: "~1", omittingEmptySubsequences: false).joined(separator: "/")
                .split(separator: "~0", omittingEmptySubsequences: false).joined(separator: "~")
            guard let child = children(of: resolved(node)).first(where: { $0.key.hasSameBytes(as: key) }) else {
                return nil
            }
            node = resolved(child.node)
        }
        return node
    }

    func isTensor(_ node: Node) -> Bool {
        switch resolved(node).structure {
        case .tensor: true
        case .object(let form, _): form.construction == .view && form != .opaqueFile
        default: false
        }
    }

    // MARK: State dicts

    /// The attributes of a dictionary.
    func attributes(of node: Node) -> PlainTree? {
        if case .dictionary(_, let kind) = resolved(node).structure { kind.attributes } else { nil }
    }

    /// The tensors of a node that is a state dict or a module; `nil` for any other node.
    func entries(of node: Node, _ value: @escaping (Int) -> PlainValue?) -> [StateDictSearch.Entry]? {
        let node = resolved(node)
        switch node.structure {
        case .dictionary(let entries, _):
            let tensors = members(of: node)
            // Beside the weights of a folder are its other files.
            guard !tensors.isEmpty, tensors.count == entries.count(where: { !$0.structure.isOpaqueFile }),
                tensors.allSatisfy({ isTensor($0.node) })
            else {
                return nil
            }
            return tensors.map { StateDictSearch.Entry(name: $0.key, leaf: $0.node.firstLeaf) }
        case .object(let form, let parts):
            // A dictionary with attributes that are no plain values.
            if form.name == .known("collections:OrderedDict"), let first = parts.first, first.part == .entries {
                return self.entries(of: Node(structure: first.structure, firstLeaf: node.firstLeaf), value)
            }
            guard isModule(node) else { return nil }
            var walk = ModuleWalk(value: value)
            collect(node, prefix: "", depth: 0, &walk)
            return walk.isTooLarge ? nil : walk.entries
        default: return nil
        }
    }

    /// Whether a node is a module of PyTorch, or of TorchScript.
    private func isModule(_ node: Node) -> Bool {
        guard case .object(let form, let parts) = node.structure else { return false }
        guard let state = parts.first(where: { $0.part == .state })?.structure,
            case .dictionary(let entries, _) = state
        else { return false }
        if form.name.module.hasPrefix("__torch__") { return true }
        let keys = Set(entries.compactMap { if case .string(let key) = $0.key { key } else { nil } })
        return keys.isSuperset(of: ["_parameters", "_modules"])
    }

    /// Adds the tensors of a module and of those within it.
    private func collect(_ module: Node, prefix: String, depth: Int, _ walk: inout ModuleWalk) {
        guard walk.begins(module, depth: depth) else { return }
        defer { walk.active.remove(module.firstLeaf) }
        let members = members(of: module)
        if case .object(let form, _) = module.structure, form.name.module.hasPrefix("__torch__") {
            for member in members where isTensor(member.node) { walk.add(prefix + member.key, member.node) }
            for member in members where isModule(member.node) {
                collect(member.node, prefix: prefix + member.key + ".", depth: depth + 1, &walk)
            }
            return
        }
        func group(_ name: String) -> [(key: String, node: Node)] {
            members.first { $0.key == name }.map { self.members(of: $0.node) } ?? []
        }
        let unsaved = unsavedBuffers(members, walk.value)
        for member in group("_parameters") where isTensor(member.node) {
            walk.add(prefix + member.key, member.node)
        }
        for member in group("_buffers") where isTensor(member.node) && !unsaved.contains(member.key) {
            walk.add(prefix + member.key, member.node)
        }
        for member in group("_modules") where isModule(member.node) {
            collect(member.node, prefix: prefix + member.key + ".", depth: depth + 1, &walk)
        }
    }

    /// Names of the buffers that a module does not save.
    private func unsavedBuffers(_ members: [(key: String, node: Node)], _ value: (Int) -> PlainValue?) -> Set<
        String
    > {
        guard let set = members.first(where: { $0.key == "_non_persistent_buffers_set" })?.node else {
            return []
        }
        let leaves = set.firstLeaf..<set.firstLeaf + set.structure.leafCount
        return Set(leaves.compactMap { leaf in if case .string(let name)? = value(leaf) { name } else { nil } })
    }
}

/// A walk through a module and those within it. References may lead anywhere: it ends all the same.
private struct ModuleWalk {
    let value: (Int) -> PlainValue?
    private(set) var entries: [StateDictSearch.Entry] = []
    /// First leaves of the modules that the walk is within.
    var active: Set<Int> = []
    private(set) var isTooLarge = false
    private var visitCount = 0

    /// Most modules that are visited: those that are there twice count twice.
    private static let maximumVisitCount = 1 << 17

    init(value: @escaping (Int) -> PlainValue?) { self.value = value }

    mutating func add(_ name: String, _ node: Node) {
        entries.append(StateDictSearch.Entry(name: name, leaf: node.firstLeaf))
    }

    /// Whether to go into a module: not into one that the walk is within, which has no state dict in PyTorch either.
    mutating func begins(_ module: Node, depth: Int) -> Bool {
        visitCount += 1
        guard visitCount <= ModuleWalk.maximumVisitCount, depth <= Checkpoint.maximumDepth else {
            isTooLarge = true
            return false
        }
        // Without leaves it has no tensors.
        return !isTooLarge && module.structure.leafCount > 0 && active.insert(module.firstLeaf).inserted
    }
}

/// A checkpoint in which no state dict can be found.
public enum StateDictError: Error, Equatable {
    /// It has no weights by name.
    case none
    /// Several members could be meant; their paths.
    case ambiguous([String])
    /// Nothing is at the path.
    case noPath(String)
    /// Something else is at the path.
    case notStateDict(String)
}

extension StateDictError: CategorisedError, CustomStringConvertible {
    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .none: "the checkpoint has no state dict: no tensors by name, and no module"
        case .ambiguous(let paths):
            "several state dicts could be meant; choose one with --at: "
                + paths.prefix(10).map(quoted).joined(separator: ", ")
        case .noPath(let path): "nothing in the checkpoint is at \(quoted(path))"
        case .notStateDict(let path): "\(quoted(path)) is no state dict: no tensors by name, and no module"
        }
    }

    /// Weights that the checkpoint does not have.
    public var category: ErrorCategory { .noInput }
}
