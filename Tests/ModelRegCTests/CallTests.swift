import CModelReg
import Foundation
import ModelRegC
import Testing

@Suite struct CallTests {
    let registry: CRegistry
    let memory = LeafMemory()

    init() throws { registry = try CRegistry() }

    @Test func handlesThatAreNoneAreRefused() {
        var number: UInt64 = 7
        for handle: UInt64 in [0, .max] {
            #expect(mr_close(handle, nil) == 64)
            #expect(mr_layout_close(handle, nil) == 64)
            #expect(mr_read(handle, 0, nil, 0, nil, nil, nil, nil) == 64)
            #expect(mr_layout_open(handle, "m", nil, nil, &number, nil, nil) == 64)
        }
        #expect(mr_layout_close(registry.handle, nil) == 64, "a registry is no layout")
    }

    @Test func openingRefusesWhatIsNoRegistry() throws {
        var handle: UInt64 = 7
        #expect(mr_open(nil, 1, 0, -1, 0, &handle, nil) == 64)
        #expect(handle == 0)
        #expect(mr_open("", 1, 0, -1, 0, &handle, nil) == 64)
        #expect(mr_open("/tmp/x", 1, 0, .nan, 0, &handle, nil) == 64)
        #expect(mr_open("/tmp/x", 1, 0, -1, 0, nil, nil) == 64)
        #expect(mr_open(registry.folder + "/none.db", 0, 0, -1, 0, &handle, nil) == 66)
        #expect(mr_open(registry.folder + "/none/none.db", 1, 0, -1, 0, &handle, nil) != 0)
        let other = registry.folder + "/other.db"
        try Data("no registry, but a text".utf8).write(to: URL(fileURLWithPath: other))
        #expect(mr_open(other, 1, 0, .infinity, 0, &handle, nil) == 78)
    }

    @Test func destinationsMustFit() throws {
        #expect(registry.save([memory.tensor([1, 2], shape: [2])], structure: "\"tensor\"").code == 0)
        var layout: UInt64 = 0
        let opened = Answer { result, error in
            mr_layout_open(registry.handle, "m", nil, nil, &layout, &result, &error)
        }
        #expect(opened.code == 0)
        var floats: [Float] = [7, 7]
        floats.withUnsafeMutableBytes { bytes in
            var buffer = mr_buffer(bytes: bytes.baseAddress, byte_count: 4)
            #expect(mr_read(layout, 1, &buffer, 0, nil, nil, nil, nil) == 64)
            buffer.byte_count = 8
            #expect(mr_read(layout, 2, &buffer, 0, nil, nil, nil, nil) == 64)
            #expect(mr_read(layout, -1, &buffer, 0, nil, nil, nil, nil) == 64)
            #expect(mr_read(layout, 1, nil, 0, nil, nil, nil, nil) == 64)
            buffer.bytes = nil
            #expect(mr_read(layout, 1, &buffer, 0, nil, nil, nil, nil) == 64)
        }
        #expect(floats == [7, 7])
        _ = mr_layout_close(layout, nil)
    }

    @Test func commandsThatCannotBeAreRefused() {
        #expect(registry.call("lss").message == "no such command: \"lss\" (did you mean \"ls\"?)")
        #expect(registry.call("log", "[").code == 64)
        #expect(registry.call("log", #"{"model":7}"#).code == 64)
        #expect(registry.call("version").message?.contains("\"reference\" is missing") == true)
        #expect(registry.call("version", #"{"reference":"none"}"#).code == 66)
        #expect(registry.call("log", #"{"limit":-1}"#).code == 64)
        #expect(registry.call("history", #"{"model":"m","limit":-1}"#).code == 64)
        #expect(registry.call("prune", #"{"model":"m"}"#).code == 64)
        #expect(registry.call("prune", #"{"model":"m","keep_last":-1}"#).code == 64)
        #expect(registry.call("prune", #"{"model":"m","keep_every":0}"#).code == 64)
        #expect(
            registry.call("prune", #"{"model":"m","keep_best":[{"count":0,"metric":"a","mode":"min"}]}"#).code
                == 64)
        #expect(registry.call("diff", #"{"old":"a","new":"b"}"#).code == 66)
        #expect(registry.call("export", #"{"reference":"a","format":"word"}"#).code == 64)
        #expect(registry.call("save file", #"{"path":"/none.pt","model":"m"}"#).code == 66)
        #expect(registry.call("run finish", #"{"run":"none"}"#).code == 66)
        #expect(registry.call("run start", #"{"model":"m","name":"a b"}"#).code == 64)
        let noPlace = Answer { _, error in mr_call(registry.handle, "ls", nil, nil, nil, nil, nil, &error) }
        #expect(noPlace.message == "result_json is NULL")
    }

    @Test func runsAreRecorded() {
        let started = registry.call("run start", #"{"model":"m","name":"r","config":{"lr":0.1,"words":["a"]}}"#)
        #expect(started["reference"] as? String == "m/r")
        #expect(registry.call("run log", #"{"run":"m/r","step":-1,"metrics":{"a":1}}"#).code == 64)
        #expect(registry.call("run log", #"{"run":"m/r","step":1,"metrics":{"":1}}"#).code == 64)
        #expect(registry.call("run log", #"{"run":"m/r","step":1,"metrics":{"a":"inf","b":2}}"#).code == 0)
        #expect(registry.call("run finish", #"{"run":"m/r","state":"running"}"#).code == 64)
        let ended = registry.call("run finish", #"{"run":"m/r"}"#)
        #expect(ended["state"] as? String == "finished")
        #expect((ended["metrics"] as? [String: Any])?["b"] as? Double == 2)
    }

    /// "inf" and "nan" were taken for numbers, which facts cannot hold, and a save with such a text failed.
    @Test func textsThatReadLikeNumbersStayTexts() {
        let options = #"{"attributes":{"clip":"inf","words":["nan",{"a":"-inf"}]}}"#
        let saved = registry.save([memory.tensor([1], shape: [1])], structure: "\"tensor\"", options: options)
        #expect(saved.code == 0, "\(saved.message ?? "")")
        let version = registry.call("version", #"{"reference":"m"}"#)
        #expect((version["attributes"] as? [String: Any])?["clip"] as? String == "inf")
    }

    @Test func versionsAreSentAndFetched() throws {
        #expect(registry.save([memory.tensor([1, 2], shape: [2])], structure: "\"tensor\"").code == 0)
        let address = "oci:\(registry.folder)/remote"
        #expect(registry.call("remote add", #"{"name":"origin","address":"\#(address)"}"#).result == "{}")
        #expect(registry.call("remote add", #"{"name":"a b","address":"\#(address)"}"#).code == 64)
        #expect(registry.call("remote add", #"{"name":"other","address":"ftp://host"}"#).code == 64)
        let escaped = address.replacingOccurrences(of: "/", with: "\\/")
        let listed = registry.call("remote ls").result
        #expect(
            listed == "[{\"address\":\"\(address)\",\"name\":\"origin\"}]" || listed?.contains(escaped) == true)
        #expect(registry.call("push", #"{"references":["m"],"dry_run":true}"#)["is_pushed"] as? Bool == false)
        #expect(registry.call("push", #"{"references":["none"]}"#).code == 66)
        #expect(registry.call("push", #"{"references":["m"],"to":"nowhere"}"#).code == 66)
        let sent = registry.call("push", #"{"references":["m"]}"#)
        #expect((sent["pushed"] as? [[String: Any]])?.first?["theirs"] as? String == "m:v1")
        let other = try CRegistry()
        let got = other.call("pull", #"{"references":["m"],"from":"\#(address)"}"#)
        #expect((got["added"] as? [[String: Any]])?.first?["ours"] as? String == "m:v1")
        #expect(other.call("verify")["is_intact"] as? Bool == true)
        #expect(other.call("pull", #"{"references":["m"]}"#).code == 66, "no remote has a name there")
        #expect(registry.call("remote rm", #"{"name":"origin"}"#).code == 0)
        #expect(registry.call("remote rm", #"{"name":"origin"}"#).code == 66)
    }

    @Test func onlyAFileIsGivenBackAsOne() {
        #expect(registry.save([memory.tensor([1, 2], shape: [2])], structure: "\"tensor\"").code == 0)
        let path = registry.folder + "/back.safetensors"
        let refused = registry.call("export", #"{"reference":"m","path":"\#(path)","source":true}"#)
        #expect(refused.code == 64)
        #expect(refused.message == "m:v1 was not saved from a file; export it to one")
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func sqlAsksAndChangesNothing() {
        let table = registry.call("sql", #"{"query":"SELECT 1 AS a, 'x' AS b, NULL, x'00ff', 0.5"}"#)
        #expect(
            table.result
                == #"{"columns":["a","b","NULL","x'00ff'","0.5"],"rows":[[1,"x",null,{"bytes":"00ff"},0.5]]}"#)
        for query in [
            "DELETE FROM model", "ATTACH '/tmp/x.db' AS x", "PRAGMA user_version = 7", "PRAGMA locking_mode",
            "", ";",
            "SELECT 1; DELETE FROM model", "SELECT", "SELECT * FROM none", "BEGIN", "VACUUM",
            "WITH a AS (SELECT 1) DELETE FROM model", "SELECT \\u0000",
        ] {
            let refused = registry.call("sql", #"{"query":"\#(query)"}"#)
            #expect(refused.code == 64, "\(query): \(refused.message ?? refused.result ?? "")")
        }
    }

    @Test func theCommandsOfVersionsAnswer() {
        let structure = #"{"dict":[["w","tensor"]]}"#
        #expect(registry.save([memory.tensor([1, 2], shape: [2])], structure: structure).code == 0)
        #expect(registry.save([memory.tensor([1, 3], shape: [2])], structure: structure).code == 0)
        #expect(registry.call("alias set", #"{"reference":"m:v1","alias":"best"}"#)["version"] as? Int == 1)
        #expect(registry.call("version", #"{"reference":"m:best"}"#)["version"] as? Int == 1)
        let diff = registry.call("diff", #"{"old":"m:v1","new":"m:v2","fail_if":["l2 > 0.5"]}"#)
        #expect((diff["changes"] as? [Any])?.count == 1)
        #expect(((diff["gates"] as? [[String: Any]])?.first?["holds"] as? Bool) == true)
        #expect(registry.call("history", #"{"model":"m","paths":["w"],"exact":true}"#).code == 0)
        #expect(registry.call("verify")["is_intact"] as? Bool == true)
        #expect(registry.call("alias rm", #"{"model":"m","alias":"best"}"#)["before"] as? Int == 1)
        let pruned = registry.call("prune", #"{"model":"m","keep_last":1}"#)
        #expect((pruned["versions"] as? [Any])?.count == 2)
        #expect(registry.call("gc")["version_count"] as? Int == 1)
        #expect(registry.call("wait").result == "{}")
    }
}
