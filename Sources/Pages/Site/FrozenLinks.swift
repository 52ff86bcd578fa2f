import Foundations
import ModelReg
import Synchronization

/// File names of pages, and the pages that are still to be written.
final class FrozenLinks: Sendable {
    private struct Names {
        var names: [PageAddress: String] = [:]
        var queue: [PageAddress] = []
    }

    private let state = Mutex(Names())
    private let limit: Int

    /// - Parameter limit: Pages, at most.
    init(limit: Int) { self.limit = limit }

    /// Paths that become files. A query that filters or pages is no page of its own: what is frozen has no end otherwise.
    private static let paths: Set<String> = [
        "/", "/model", "/version", "/parameter", "/diff", "/runs", "/run", "/lineage", "/storage",
    ]
    private static let items: Set<String> = ["name", "ref", "model", "path", "version", "a", "b", "module"]

    func href(_ address: PageAddress) -> String? {
        switch address.path {
        case "/style.css": return "style.css"
        case "/script.js": return "script.js"
        case "/icon.svg": return "icon.svg"
        default: break
        }
        guard FrozenLinks.paths.contains(address.path),
            address.items.allSatisfy({ FrozenLinks.items.contains($0.name) })
        else {
            return nil
        }
        // A parameter is one page, of its latest version.
        let page = address.path == "/parameter" ? address.setting("version", nil) : address
        return state.withLock { names in
            if let known = names.names[page] { return known }
            guard names.names.count < limit else { return nil }
            let name = FrozenLinks.fileName(page)
            names.names[page] = name
            names.queue.append(page)
            return name
        }
    }

    /// The next page to write.
    func next() -> (address: PageAddress, name: String)? {
        state.withLock { names in
            guard !names.queue.isEmpty else { return nil }
            let address = names.queue.removeFirst()
            return (address, names.names[address] ?? "index.html")
        }
    }

    var isFull: Bool { state.withLock { $0.names.count >= limit } }

    /// Such as `version-mlp-v3-9c1185a5.html`: readable, and never a path, whatever the names.
    private static func fileName(_ address: PageAddress) -> String {
        guard !address.items.isEmpty else {
            return address.path == "/" ? "index.html" : address.path.dropFirst() + ".html"
        }
        var words = String(address.path.dropFirst())
        for item in address.items {
            words += "-"
            words += String(
                item.value.unicodeScalars.prefix(40).map { scalar -> Character in
                    scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
                        ? Character(scalar) : "-"
                })
        }
        let digest = ContentID(hashing: Array(address.target.utf8)).hex.prefix(10)
        return "\(words.prefix(100))-\(digest).html"
    }
}
