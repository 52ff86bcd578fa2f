package import Checkpoints
import Foundation
import Foundations
import Synchronization

/// What was seen of tags: the state that a write of one is for.
struct TagStates {
    enum State: Hashable {
        case absent
        /// There, as the ETag of its object has it.
        case present(etag: String)
    }

    private var states: [String: State] = [:]
    /// The tags of the last list.
    private var listed: Set<String>?

    /// The state of a tag; `nil` where nobody has looked at it.
    subscript(tag: String) -> State? {
        get { states[tag] ?? (listed.map { !$0.contains(tag) } == true ? .absent : nil) }
        set {
            states[tag] = newValue
            if newValue == nil { listed?.insert(tag) }
        }
    }

    /// Notes a list of all tags. Of those that are in it, no more is known than before.
    mutating func note(list: Set<String>) {
        listed = list
        states = states.filter { list.contains($0.key) && $0.value != .absent }
    }
}

extension S3BlobStore {
    /// Bytes of the object of a tag, at most.
    private static let descriptorByteLimit = 65536
    /// Pages of tags, at most.
    private static let pageLimit = 1000
    /// Bytes of a page, at most: a thousand objects have a few hundred thousand.
    private static let pageByteLimit = 8 << 20
    /// Bytes of what a next page is asked for with, at most.
    private static let tokenByteLimit = 4096

    private func key(ofTag tag: String) -> String { "\(prefix)tags/\(tag)" }

    // MARK: One tag

    /// What a tag points at; `nil` where there is no such tag.
    func descriptor(ofTag tag: String) throws -> OCIDescriptor? {
        let what = "reading tag \(tag)"
        let (answer, bytes) = try connection.send(
            .init(method: .get, key: key(ofTag: tag)), what, limit: S3BlobStore.descriptorByteLimit)
        switch answer.head.status {
        case 200: break
        case 404:
            tagStates.withLock { $0[tag] = .absent }
            return nil
        default: throw connection.refused(answer, what)
        }
        let state = try state(answer, what)
        let descriptor: OCIDescriptor = try RemoteJSON.decoded(bytes, from: name)
        tagStates.withLock { $0[tag] = state }
        return descriptor
    }

    /// What an answer says of the object that it is about.
    private func state(_ answer: S3Connection.Answer, _ what: String) throws -> TagStates.State {
        // It goes back in a header.
        guard let etag = answer.head["etag"], (1...1024).contains(etag.utf8.count),
            etag.utf8.allSatisfy({ 0x20...0x7E ~= $0 })
        else { throw RemoteError.damaged(name, problem: "\(what): it has no valid ETag") }
        // A proxy that compresses calls it weak, which no `If-Match` takes; it is the object's all the same.
        return .present(etag: etag.hasPrefix("W/") ? String(etag.dropFirst(2)) : etag)
    }

    /// Points a tag at a manifest, if it is what it was.
    ///
    /// - Throws: ``RemoteError/changedMeanwhile(_:tag:)``.
    func write(_ descriptor: OCIDescriptor, underTag tag: String) throws {
        if tagStates.withLock({ $0[tag] }) == nil { _ = try self.descriptor(ofTag: tag) }
        let what = "writing tag \(tag)"
        let bytes = RemoteJSON.encoded(descriptor)
        let condition: (name: String, value: String)
        switch tagStates.withLock({ $0[tag] }) {
        case .present(let etag)?: condition = ("If-Match", etag)
        default: condition = ("If-None-Match", "*")
        }
        let (answer, _) = try connection.send(
            .init(
                method: .put, key: key(ofTag: tag),
                headers: [("Content-Type", "application/vnd.oci.descriptor.v1+json"), condition],
                body: BlobBytes(bytes), payload: ContentID(hashing: bytes)),
            what, limit: S3Problem.maximumByteCount)
        switch answer.head.status {
        case 200..<300:
            // Without an ETag, it is asked for before the next write.
            let state = try? state(answer, what)
            tagStates.withLock { $0[tag] = state }
        case 404, 412:
            // Another has written it, or deleted it; or a try whose answer was lost has written what this was to write.
            if try self.descriptor(ofTag: tag) == descriptor { return }
            tagStates.withLock { $0[tag] = nil }
            throw RemoteError.changedMeanwhile(name, tag: tag)
        case 501:
            throw RemoteError.refused(
                name,
                problem: "\(what): it does not know conditional writes (If-None-Match), "
                    + "without which two pushes could overwrite each other")
        default: throw connection.refused(answer, what)
        }
    }

    // MARK: All tags

    package func tags() throws -> [String] {
        let what = "reading tags"
        var tags: Set<String> = []
        var tokens: Set<String> = []
        var next: String?
        for _ in 0..<S3BlobStore.pageLimit {
            var query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", "\(prefix)tags/")]
            if let next { query.append(("continuation-token", next)) }
            let (answer, body) = try connection.send(
                .init(method: .get, query: query), what, limit: S3BlobStore.pageByteLimit)
            guard answer.head.status == 200 else { throw connection.refused(answer, what) }
            do {
                next = try add(body, to: &tags)
            } catch {
                throw RemoteError.damaged(name, problem: "\(what): \(error)")
            }
            guard let token = next else {
                tagStates.withLock { $0.note(list: tags) }
                return tags.sorted()
            }
            guard tokens.insert(token).inserted else { break }
        }
        throw RemoteError.damaged(name, problem: "\(what): its pages have no end")
    }

    private struct BadPage: Error, CustomStringConvertible { let description: String }

    /// Takes the tags of a page.
    ///
    /// - Returns: What the next one is asked for with.
    private func add(_ body: [UInt8], to tags: inout Set<String>) throws -> String? {
        let page = try XMLElement(body)
        guard page.name == "ListBucketResult" else { throw BadPage(description: "another answer than a list") }
        let isEncoded = page["EncodingType"] == "url"
        for object in page.children where object.name == "Contents" {
            guard let said = object["Key"],
                let key = isEncoded ? said.replacing("+", with: " ").removingPercentEncoding : said,
                key.hasPrefix("\(prefix)tags/")
            else { throw BadPage(description: "an object that was not asked for") }
            let tag = String(key.dropFirst(prefix.count + "tags/".count))
            // Nobody could ask for any other.
            if RegistryTag.isValid(tag) { tags.insert(tag) }
        }
        switch page["IsTruncated"] {
        case "false"?: return nil
        case "true"?:
            guard let token = page["NextContinuationToken"],
                (1...S3BlobStore.tokenByteLimit).contains(token.utf8.count)
            else {
                throw BadPage(description: "a list that goes on nowhere")
            }
            return token
        default: throw BadPage(description: "a list of which nobody knows whether it goes on")
        }
    }

    // MARK: Deleting

    /// Deletes the tags of a manifest. Its bytes stay, as do those of all other blobs.
    ///
    /// - Complexity: A request for each tag: nowhere is it written which tags a manifest has.
    package func remove(manifest: ContentID) throws {
        try ConcurrentMap.forEach(tags()) { tag throws(any Error) in
            let found: OCIDescriptor?
            do { found = try descriptor(ofTag: tag) } catch RemoteError.damaged {
                // What is not readable points at nothing.
                return
            }
            guard found?.id == manifest, case .present(let etag)? = tagStates.withLock({ $0[tag] }) else {
                return
            }
            try remove(tag: tag, ifMatch: etag)
        }
    }

    private func remove(tag: String, ifMatch etag: String) throws {
        let what = "deleting tag \(tag)"
        var request = S3Connection.Request(
            method: .delete, key: key(ofTag: tag), headers: [("If-Match", etag)])
        var (answer, _) = try connection.send(request, what, limit: S3Problem.maximumByteCount)
        if answer.head.status == 501 {
            // Conditional deletes are younger than conditional writes.
            request.headers = []
            (answer, _) = try connection.send(request, what, limit: S3Problem.maximumByteCount)
        }
        switch answer.head.status {
        case 200..<300, 404: tagStates.withLock { $0[tag] = .absent }
        // It points at something else by now.
        case 412: tagStates.withLock { $0[tag] = nil }
        default: throw connection.refused(answer, what)
        }
    }
}
