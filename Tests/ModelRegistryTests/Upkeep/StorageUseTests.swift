import Checkpoints
import ModelRegistry
import Tensors
import TestSupport
import Testing

/// What things take, against what a collection then frees.
struct StorageUseTests {
    @Test(arguments: 1...4) func deletingFreesWhatWasSaid(_ number: Int) throws {
        let run = try TrainingRun(weightCount: 300_000)
        try run.save(4)
        let before = try run.fileByteCount
        let promise = try run.registry.byteCountFreed(byDeleting: "m:v\(number)")
        #expect(try run.fileByteCount == before)
        try run.registry.delete("m:v\(number)")
        #expect(try run.registry.collectGarbage().freedByteCount == promise)
        #expect(try run.fileByteCount == before - promise)
    }

    @Test func sharedAndUniqueBytes() throws {
        let run = try TrainingRun(weightCount: 300_000)
        let registry = run.registry
        try run.save(2)
        try registry.save(run.checkpoints[0], as: "copy", message: "")
        let models = try registry.modelStorageUse()
        #expect(models.map(\.model) == ["copy", "m"] && models.map(\.versionCount) == [1, 2])
        #expect(models[0].use.uniqueByteCount == 0)
        let versions = try registry.versionStorageUse(of: "m")
        #expect(versions.map(\.reference) == ["m:v2", "m:v1"])
        #expect(versions[1].use.uniqueByteCount == 0)
        #expect(models[1].use.uniqueByteCount == versions[0].use.uniqueByteCount)
        let all = try registry.fileStorageUse()
        #expect(all.storedByteCount == models[1].use.storedByteCount)
        #expect(all.byteCount == (try run.fileByteCount))
    }

    @Test func tensorsSayWhoNeedsThem() throws {
        let run = try TrainingRun(weightCount: 300_000)
        try run.save(3)
        let tensors = try run.registry.tensorStorageUse(of: "m:v2")
        #expect(tensors.map(\.path.text) == ["weight", "fresh", "bias", "constant"])
        #expect(tensors.map(\.users) == [[], [], [], ["m:v1", "m:v3"]])
        #expect(tensors.map(\.dependants) == [["m:v1"], [], ["m:v1"], []])
        #expect(tensors.map(\.depth) == [1, 0, 1, 0])
        #expect(tensors[3].use.uniqueByteCount == 0 && tensors[0].use.sharedByteCount == 0)
    }
}
