import Checkpoints
import Foundations
import OrderedCollections
import Tensors
import TestSupport
import Testing

struct CheckpointDiffTests {
    private let one = Tensor([Float(1), 1])
    private let two = Tensor([Float(2), 2])

    private func state(_ tensors: KeyValuePairs<String, Tensor>) -> Checkpoint {
        var dictionary = CheckpointDictionary()
        for (name, tensor) in tensors { dictionary[name] = .tensor(tensor) }
        return .dictionary(dictionary)
    }

    private func diff(_ old: Checkpoint, _ new: Checkpoint, only: [String] = []) throws -> CheckpointDiff {
        try CheckpointDiff(from: Manifest(of: old), to: Manifest(of: new), only: PathSelection(only))
    }

    /// The changes as texts: `+ path`, `- path`, `old > new`, `path: what differs`.
    private func changes(_ old: Checkpoint, _ new: Checkpoint, only: [String] = []) throws -> [String] {
        try diff(old, new, only: only).changes.map { change in
            switch change.kind {
            case .added: "+ \(change.path.text)"
            case .removed: "- \(change.path.text)"
            case .renamed(let from): "\(from.text) > \(change.path.text)"
            case .changed(let what):
                "\(change.path.text): " + what.map(\.rawValue).sorted().joined(separator: ", ")
            }
        }
    }

    @Test func aCheckpointDoesNotDifferFromItself() throws {
        let diff = try diff(state(["a": one, "b": one]), state(["a": one.copied(), "b": two]))
        #expect(!diff.isEmpty)
        let same = try self.diff(state(["a": one, "b": two]), state(["a": one.copied(), "b": two]))
        #expect(same.isEmpty && same.unchangedCount == 2 && !same.isStructureChanged)
    }

    @Test func findsWhatWasAddedAndRemoved() throws {
        #expect(try changes(state(["a": one]), state(["a": one, "b": two])) == ["+ b"])
        #expect(try changes(state(["a": one, "b": two]), state(["b": two])) == ["- a"])
    }

    @Test func newChangesComeInTheNewOrderAndRemovalsLast() throws {
        let old = state(["x": one, "y": two, "z": Tensor([Float(3)])])
        let new = state(["q": Tensor([Float(4)]), "z": Tensor([Float(5)]), "p": Tensor([Float(6)])])
        #expect(try changes(old, new) == ["+ q", "z: value", "+ p", "- x", "- y"])
    }

    @Test func findsChangedValues() throws {
        #expect(try changes(state(["a": one]), state(["a": two])) == ["a: value"])
        let old = Checkpoint.list([.integer(1), .number(.nan), .number(0), .string("é"), .boolean(true), .none])
        let new = Checkpoint.list([
            .integer(2), .number(.nan), .number(-0.0), .string("e\u{301}"), .none, .none,
        ])
        #expect(try changes(old, new) == ["0: value", "2: value", "3: value", "4: value"])
    }

    @Test func findsChangedTypesAndShapes() throws {
        #expect(try changes(state(["a": one]), state(["a": Tensor([Int32(1), 1])])) == ["a: dtype"])
        #expect(
            try changes(state(["a": one]), state(["a": Tensor([Float(1), 1], shape: [2, 1])])) == ["a: shape"])
        #expect(try changes(state(["a": one]), state(["a": Tensor([Double(1)])])) == ["a: dtype, shape"])
        #expect(try changes(.list([.tensor(one)]), .list([.integer(1)])) == ["0: type"])
    }

    @Test func aChangeHoldsBothSides() throws {
        let change = try #require(try diff(state(["a": one]), state(["a": two])).changes.first)
        guard case .tensor(let old) = change.old, case .tensor(let new) = change.new else {
            Issue.record("\(change)")
            return
        }
        #expect(old.shape == [2] && new.dtype == .float32 && old.id != new.id)
    }

    // MARK: Renames

    @Test func sameContentAtAnotherPathIsARename() throws {
        #expect(try changes(state(["a": one, "b": two]), state(["c": one, "b": two])) == ["a > c"])
    }

    @Test func aRenameTakesTheMostAlikePath() throws {
        let old = state(["enc.bias": one, "enc.weight": one, "head.bias": one])
        let new = state([
            "net.enc.weight": one.copied(), "net.head.bias": one.copied(), "net.enc.bias": one.copied(),
        ])
        let separate = state(["enc.bias": one.copied(), "enc.weight": one.copied(), "head.bias": one.copied()])
        _ = old
        #expect(
            try changes(separate, new) == [
                "enc.weight > net.enc.weight", "head.bias > net.head.bias", "enc.bias > net.enc.bias",
            ])
    }

    @Test func oneOldPathIsRenamedOnce() throws {
        #expect(
            try changes(state(["a": one]), state(["b": one.copied(), "c": one.copied()])) == ["a > b", "+ c"])
        #expect(
            try changes(state(["b": one.copied(), "c": one.copied()]), state(["a": one])) == ["b > a", "- c"])
    }

    @Test func aCopyOfWhatStayedIsNoRename() throws {
        #expect(try changes(state(["a": one]), state(["a": one, "b": one.copied()])) == ["+ b"])
    }

    @Test func plainValuesAreNotRenamed() throws {
        #expect(
            try changes(
                .dictionary(CheckpointDictionary([.string("a"): .integer(1)])),
                .dictionary(CheckpointDictionary([.string("b"): .integer(1)]))) == ["+ b", "- a"])
    }

    // Many models hold thousands of equal tensors: biases that are all zero.
    @Test func thousandsOfEqualTensorsAreRenamedInAMoment() throws {
        let count = 10_000
        func manifest(_ prefix: String) -> Manifest {
            let id = ContentID(hashing: [])
            let leaves = (0..<count).map { index in
                Manifest.Leaf(
                    path: CheckpointPath.root.appending("\(prefix)\(index).bias"),
                    content: .tensor(.init(id: id, dtype: .float32, shape: [4], tie: nil)))
            }
            return Manifest(structure: .list(leaves.map { _ in .tensor }), leaves: leaves)
        }
        let diff = CheckpointDiff(from: manifest("layers."), to: manifest("model.layers."))
        #expect(diff.changes.count == count)
        #expect(diff.changes[1234].kind == .renamed(from: CheckpointPath.root.appending("layers.1234.bias")))
    }

    // MARK: Ties

    @Test func findsTiesMadeAndBroken() throws {
        let tied = state(["a": one, "b": one, "c": two])
        let separate = state(["a": one, "b": one.copied(), "c": two])
        #expect(try changes(separate, tied) == ["a: tie", "b: tie"])
        #expect(try changes(tied, separate) == ["a: tie", "b: tie"])
    }

    @Test func findsAThirdMemberOfATie() throws {
        let pair = state(["a": one, "b": one, "c": one.copied()])
        let three = state(["a": one, "b": one, "c": one])
        #expect(try changes(pair, three) == ["a: tie", "b: tie", "c: tie"])
    }

    @Test func sameTiesInOtherStoragesAreNoChange() throws {
        let copy = one.copied()
        #expect(try diff(state(["a": one, "b": one]), state(["a": copy, "b": copy])).isEmpty)
    }

    // Both views hold the same numbers before and after, but other elements of the storage.
    @Test func findsAViewThatMovedWithinItsStorage() throws {
        let zeros = Tensor([Float](repeating: 0, count: 8))
        func checkpoint(offset: Int) throws -> Checkpoint {
            state([
                "all": zeros,
                "part": try Tensor(storage: zeros.storage, dtype: .float32, shape: [2], offset: offset),
            ])
        }
        #expect(try changes(checkpoint(offset: 0), checkpoint(offset: 4)) == ["part: tie"])
    }

    // MARK: Structure

    @Test func findsAnotherOrderAndOtherContainers() throws {
        func check(_ old: Checkpoint, _ new: Checkpoint) throws {
            let diff = try diff(old, new)
            #expect(diff.changes.isEmpty && diff.isStructureChanged && !diff.isEmpty)
        }
        try check(state(["a": one, "b": two]), state(["b": two, "a": one]))
        try check(.list([.tensor(one)]), .tuple([.tensor(one)]))
        try check(state([:]), .dictionary(CheckpointDictionary(kind: .ordered)))
        try check(.list([]), .list([.list([])]))
    }

    @Test func otherPathsAreNoChangeOfStructure() throws {
        #expect(try !diff(state(["a": one]), state(["a": one, "b": two])).isStructureChanged)
    }

    @Test func anEqualDiffMeansEqualContentIDs() throws {
        for seed in 0..<400 as Range<UInt64> {
            // Few different checkpoints, so that many are equal.
            var random = RandomCheckpoints(seed: seed)
            var other = RandomCheckpoints(seed: seed % 3 == 0 ? seed : seed &+ 1)
            let (old, new) = (random.checkpoint(depth: 1), other.checkpoint(depth: 1))
            let (oldManifest, newManifest) = (try Manifest(of: old), try Manifest(of: new))
            let diff = CheckpointDiff(from: oldManifest, to: newManifest)
            #expect(diff.isEmpty == (oldManifest.contentID == newManifest.contentID), "seed \(seed)")
        }
    }

    @Test func keysThatSpellTheSameAreToldApart() throws {
        func checkpoint(_ a: Int64, _ b: Int64) -> Checkpoint {
            .dictionary(CheckpointDictionary([.integer(0): .integer(a), .string("0"): .integer(b)]))
        }
        #expect(try changes(checkpoint(1, 2), checkpoint(1, 3)) == ["0: value"])
        #expect(try changes(checkpoint(1, 2), checkpoint(3, 4)) == ["0: value", "0: value"])
        #expect(try diff(checkpoint(1, 2), checkpoint(1, 2)).isEmpty)
        let fewer = Checkpoint.dictionary(CheckpointDictionary([.integer(0): .integer(1)]))
        #expect(try changes(checkpoint(1, 2), fewer) == ["- 0"])
    }

    // MARK: Selection

    @Test func onlySelectedPathsAreCompared() throws {
        let old = state(["enc.w": one, "dec.w": one.copied(), "dec.b": two])
        let new = state(["enc.w": two, "dec.w": Tensor([Float(9)]), "dec.x": two.copied()])
        #expect(try changes(old, new, only: ["enc.*"]) == ["enc.w: value"])
        #expect(try changes(old, new, only: ["dec.?"]) == ["dec.w: shape", "dec.b > dec.x"])
        #expect(try changes(old, new, only: ["dec.x"]) == ["+ dec.x"])
    }

    @Test func aSelectionOfNothingIsAnError() throws {
        let error = #expect(throws: PathSelectionError.self) {
            try diff(state(["enc.w": one]), state(["enc.w": two]), only: ["enc.v"])
        }
        #expect(error?.patterns == ["enc.v"] && error?.suggestion == "enc.w")
    }
}
