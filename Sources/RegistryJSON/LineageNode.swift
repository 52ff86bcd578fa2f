package import ModelReg

/// A version and what it was made from, or what was made from it.
package struct LineageNode: Encodable {
    package let reference: String
    /// How the version above was made from it, or it from that; `nil` at the top and for a parent of the same model.
    package var kind: String?
    package var isGiven: Bool?
    package var share: Double?
    /// Whether it is in the registry.
    package var isPresent = true
    /// Versions of the same model between it and the one above that have nothing of their own to tell.
    package var skippedCount = 0
    package var from: [LineageNode] = []

    /// Versions that one tree shows, at most: the rest of a tangled lineage is left out.
    private static let limit = 1000

    package static func ancestors(of version: Version, in registry: Registry) throws -> LineageNode {
        var seen: Set<String> = []
        return try ancestors(of: version, in: registry, &seen)
    }

    private static func ancestors(of version: Version, in registry: Registry, _ seen: inout Set<String>) throws
        -> LineageNode
    {
        var node = LineageNode(reference: version.reference)
        guard seen.count < limit, seen.insert(version.reference).inserted else { return node }
        for ancestor in try registry.lineage(of: version) {
            var child = LineageNode(reference: ancestor.reference)
            if ancestor.isPresent {
                child = try ancestors(of: registry.version(ancestor.reference), in: registry, &seen)
            }
            child.kind = ancestor.kind.rawValue
            child.isGiven = ancestor.isGiven
            child.share = ancestor.share
            child.isPresent = ancestor.isPresent
            node.from.append(child)
        }
        // Down the model's own versions, to the next one that came from elsewhere or to the first.
        var last: Version?
        var skipped = -1
        var next = version.parent
        while let reference = next, skipped < limit, let parent = try? registry.version(reference),
            parent.model == version.model
        {
            last = parent
            skipped += 1
            next = try registry.lineage(of: parent).isEmpty ? parent.parent : nil
        }
        if let last {
            var child = try ancestors(of: last, in: registry, &seen)
            child.skippedCount = skipped
            node.from.append(child)
        }
        return node
    }

    package static func descendants(of version: Version, in registry: Registry) throws -> LineageNode {
        var seen: Set<String> = []
        return try descendants(of: version, in: registry, &seen)
    }

    private static func descendants(of version: Version, in registry: Registry, _ seen: inout Set<String>)
        throws
        -> LineageNode
    {
        var node = LineageNode(reference: version.reference)
        guard seen.count < limit, seen.insert(version.reference).inserted else { return node }
        for descendant in try registry.descendants(of: version) {
            var child = try descendants(of: descendant, in: registry, &seen)
            let link = try registry.lineage(of: descendant).first { $0.reference == version.reference }
            child.kind = link?.kind.rawValue ?? Ancestor.Kind.fineTuned.rawValue
            child.isGiven = link?.isGiven ?? true
            child.share = link?.share
            node.from.append(child)
        }
        return node
    }
}
