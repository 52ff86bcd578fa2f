import Foundations

extension RegistryBlobStore {
    /// Pages of tags, at most.
    private static let pageLimit = 1000
    /// Bytes of a page, at most: registries that know no pages send all tags.
    private static let pageByteLimit = 64 << 20
    /// Tags, at most.
    private static let tagLimit = 1_000_000

    package func tags() throws -> [String] {
        let what = "reading tags"
        var tags: Set<String> = []
        var visited: Set<WebAddress> = []
        var next: WebAddress? = connection.address("tags/list").adding(query: "n=1000")
        while let address = next {
            guard visited.insert(address).inserted, visited.count <= RegistryBlobStore.pageLimit else {
                throw RemoteError.damaged(name, problem: "\(what): its pages have no end")
            }
            let (answer, body) = try connection.send(
                HTTPRequest(method: .get, address: address), for: .pull, what,
                limit: RegistryBlobStore.pageByteLimit)
            switch answer.head.status {
            case 200: break
            case 404: return tags.sorted()
            default: throw connection.refused(answer, what)
            }
            do {
                try RegistryBlobStore.add(body, to: &tags)
            } catch {
                throw RemoteError.damaged(name, problem: "\(what): \(error)")
            }
            guard tags.count <= RegistryBlobStore.tagLimit else {
                throw RemoteError.damaged(name, problem: "\(what): more than \(RegistryBlobStore.tagLimit)")
            }
            next = try nextPage(answer, what)
        }
        return tags.sorted()
    }

    private static func add(_ body: [UInt8], to tags: inout Set<String>) throws {
        try body.withUnsafeBytes { bytes in
            var json = JSONReader(bytes)
            try json.object { json, key in
                guard key == "tags" else { return try json.skipValue() }
                guard !json.null() else { return }
                try json.array { json in
                    let tag = try json.string()
                    // Nobody could ask for any other.
                    if RegistryTag.isValid(tag) { tags.insert(tag) }
                }
            }
        }
    }

    private func nextPage(_ answer: RegistryConnection.Answer, _ what: String) throws -> WebAddress? {
        guard let reference = LinkHeader.next(answer.head.all("link")) else { return nil }
        guard let address = connection.address("tags/list").resolving(reference),
            address.origin == connection.registry
        else {
            throw RemoteError.damaged(name, problem: "\(what): its next page is elsewhere")
        }
        return address
    }
}

/// `Link` headers (RFC 8288), as registries have them.
enum LinkHeader {
    /// What `<…>; rel="next"` points at.
    static func next(_ headers: [String]) -> String? {
        for header in headers {
            var rest = header[...]
            while let start = rest.firstIndex(of: "<"), let end = rest[start...].firstIndex(of: ">") {
                let reference = rest[rest.index(after: start)..<end]
                rest = rest[rest.index(after: end)...]
                let parameters = rest.prefix { $0 != "<" }.split { $0 == ";" || $0 == "," }.map { parameter in
                    parameter.filter { $0 != " " && $0 != "\"" }.lowercased()
                }
                if parameters.contains("rel=next") { return String(reference) }
            }
        }
        return nil
    }
}
