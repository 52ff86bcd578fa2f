import Remotes
import Testing

/// Lists of tags, which come in pages.
struct RegistryTagsTests {
    @Test func pagesOfTagsAreFollowed() throws {
        let registry = try FakeRegistry { request, index in
            switch index {
            case 0:
                .answer(
                    200, ["Link": #"</v2/team/mlp/tags/list?n=2&last=b>; rel="next""#],
                    #"{"name":"x","tags":["b","a"]}"#)
            case 1: .answer(200, ["Link": "<?n=2&last=c>;rel=next"], #"{"tags":["c","b","../x","-",""]}"#)
            default: .answer(200, ["Link": #"</else>; rel="first""#], #"{"tags":null}"#)
            }
        }
        defer { registry.server.stop() }
        try #expect(registry.store().tags() == ["a", "b", "c"])
        #expect(
            registry.server.requests.map(\.target) == [
                "/v2/team/mlp/tags/list?n=1000", "/v2/team/mlp/tags/list?n=2&last=b",
                "/v2/team/mlp/tags/list?n=2&last=c",
            ])
    }

    @Test func pagesThatLoopEnd() throws {
        let registry = try FakeRegistry { _, index in
            .answer(200, ["Link": "</v2/team/mlp/tags/list?p=\(index % 3)>; rel=\"next\""], #"{"tags":["a"]}"#)
        }
        defer { registry.server.stop() }
        let store = try registry.store()
        let error = #expect(throws: RemoteError.self) { try store.tags() }
        #expect(error == .damaged(store.name, problem: "reading tags: its pages have no end"))
        #expect(registry.server.requests.count == 4)
    }

    @Test func pagesThatNeverEndEnd() throws {
        let registry = try FakeRegistry { _, index in
            .answer(200, ["Link": "<?p=\(index)>; rel=\"next\""], "{}")
        }
        defer { registry.server.stop() }
        let store = try registry.store()
        #expect(throws: RemoteError.self) { try store.tags() }
        #expect(registry.server.requests.count == 1000)
    }

    @Test(arguments: [#"{"tags":["a""#, "", "[]", #"{"tags":[1]}"#])
    func tagsThatAreNoneAreDamage(body: String) throws {
        let registry = try FakeRegistry { _, _ in .answer(200, [:], body) }
        defer { registry.server.stop() }
        let store = try registry.store()
        guard case .damaged? = #expect(throws: RemoteError.self, performing: { try store.tags() }) else {
            Issue.record("another error")
            return
        }
    }
}
