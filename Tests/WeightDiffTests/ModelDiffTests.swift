import Checkpoints
import Expressions
import Tensors
import Testing
import WeightDiff

/// What is told of two manifests, with elements compared as `ModelReg` does it.
@Suite struct ModelDiffTests {
    static func diff(
        _ old: KeyValuePairs<String, Checkpoint>, _ new: KeyValuePairs<String, Checkpoint>,
        options: DiffOptions = DiffOptions()
    ) throws -> ModelDiff {
        func checkpoint(_ entries: KeyValuePairs<String, Checkpoint>) -> Checkpoint {
            var dictionary = CheckpointDictionary()
            for (key, value) in entries { dictionary[key] = value }
            return .dictionary(dictionary)
        }
        let (oldValues, newValues) = (
            Dictionary(old.map { ($0, $1) }) { $1 }, Dictionary(new.map { ($0, $1) }) { $1 }
        )
        let oldManifest = try Manifest(of: checkpoint(old))
        let newManifest = try Manifest(of: checkpoint(new))
        let plan = try DiffPlan(from: oldManifest, to: newManifest, options: options)
        let changes = plan.diff.changes.map { change -> WeightChange in
            let plain = plan.change(change, nil)
            guard change.old != nil, change.new != nil, plain.kind == .changed,
                let oldPath = plain.oldPath, let newPath = plain.newPath,
                case .tensor(let old, _)? = oldValues[oldPath.text],
                case .tensor(let new, _)? = newValues[newPath.text], old.elementCount == new.elementCount,
                let difference = old.withUnsafeBytes({ oldBytes in
                    new.withUnsafeBytes { TensorDifference(from: oldBytes, old.dtype, to: $0, new.dtype) }
                })
            else { return plain }
            return plan.change(
                change, TensorComparison(difference: difference, shape: new.shape, isWhole: true))
        }
        let unchanged = plan.unchanged.map { leaf in
            UnchangedLeaf(
                path: plan.newName(ofLeaf: leaf.new), content: newManifest.leaves[leaf.new].content,
                sumOfSquares: 100)
        }
        return ModelDiff(
            changes: changes, unchanged: unchanged, isStructureChanged: plan.diff.isStructureChanged, facts: [])
    }

    static func tensor(_ values: Float...) -> Checkpoint { .tensor(Tensor(values)) }

    private func changes(_ diff: ModelDiff) -> [String] {
        diff.changes.map { "\($0.kind.rawValue) \($0.oldPath?.text ?? "-") \($0.newPath?.text ?? "-")" }
    }

    @Test func everythingThatCanHappenToALeaf() throws {
        let tied = Tensor([Float(8), 8])
        let found = try Self.diff(
            [
                "a.weight": Self.tensor(1), "b.weight": Self.tensor(2), "c.weight": Self.tensor(3),
                "d": .integer(1), "e": Self.tensor(5), "f": .tensor(tied), "g": .tensor(tied),
            ],
            [
                "b.kernel": Self.tensor(2), "x.c.weight": Self.tensor(3), "d": .integer(2),
                "e": .tensor(Tensor([Double(5)])), "f": .tensor(tied), "g": .tensor(tied.copied()),
                "new": Self.tensor(9),
            ])
        #expect(
            changes(found) == [
                "renamed b.weight b.kernel", "moved c.weight x.c.weight", "changed d d", "changed e e",
                "changed f f", "changed g g", "added - new", "removed a.weight -",
            ])
        #expect(found.changes[3].differences == [.dtype])
        #expect(found.changes[3].statistics?.changedCount == 0)
        #expect(found.changes[4].tie == .broken && found.changes[5].tie == .broken)
        #expect(found.unchangedCount == 0 && !found.isEmpty)
        #expect(found.count(of: .changed) == 4)
    }

    @Test func tiesAreMade() throws {
        let tied = Tensor([Float(8), 8])
        let found = try Self.diff(
            ["f": .tensor(tied), "g": .tensor(tied.copied())], ["f": .tensor(tied), "g": .tensor(tied)])
        #expect(found.changes.map(\.tie) == [.made, .made])
    }

    @Test func namesAreAlignedBeforeTheyAreCompared() throws {
        let alignment = KeyAlignment(
            oldPrefix: "module.", newPrefix: "model.",
            renames: [
                try KeyAlignment.Rename(parsing: #"^block(\d+)\.=layers.\1."#),
                try KeyAlignment.Rename(parsing: "gamma$=weight"),
            ])
        let found = try Self.diff(
            [
                "module.block0.gamma": Self.tensor(1), "module.block1.gamma": Self.tensor(2),
                "head": Self.tensor(7),
            ],
            [
                "model.layers.0.weight": Self.tensor(1), "model.layers.1.weight": Self.tensor(3),
                "head": Self.tensor(7),
            ],
            options: DiffOptions(alignment: alignment))
        #expect(changes(found) == ["changed module.block1.gamma model.layers.1.weight"])
        #expect(found.changes[0].path.text == "layers.1.weight" && found.changes[0].statistics?.l2Norm == 1)
        #expect(found.unchanged.map(\.path.text) == ["layers.0.weight", "head"])
        #expect(!found.isStructureChanged)
    }

    @Test func renamesThatAreNoneAreRefused() {
        for (text, message) in [
            ("nothing", "\"nothing\" is not REGEX=REPLACEMENT"), ("=x", "\"=x\" is not REGEX=REPLACEMENT"),
        ] {
            #expect { try KeyAlignment.Rename(parsing: text) } throws: { "\($0)" == message }
        }
        #expect { try KeyAlignment.Rename(parsing: "a(=b") } throws: {
            "\($0)".hasPrefix("\"a(\" is not a regular expression: ")
        }
    }

    @Test func modulesAddUpWhatIsInThem() throws {
        let found = try Self.diff(
            [
                "l.0.a.w": Self.tensor(3, 4), "l.0.a.b": Self.tensor(1), "l.1.a.w": Self.tensor(5),
                "l.1.a.b": Self.tensor(6),
            ],
            [
                "l.0.a.w": Self.tensor(3, 5), "l.0.a.b": Self.tensor(1), "l.1.a.w": Self.tensor(5),
                "l.1.a.b": Self.tensor(.nan),
            ])
        let layers = found.modules.children[0]
        #expect(layers.name == "l" && layers.path == "l" && layers.children.map(\.path) == ["l.0", "l.1"])
        let total = layers.children[0].total
        #expect(total.changeCount == 1 && total.leafCount == 2 && total.l2Norm == 1)
        // The unchanged bias is said to have a sum of squares of 100.
        #expect(total.relativeL2 == (1.0 / 125).squareRoot())
        #expect(total.elementCount == 3 && total.changedElementCount == 1 && total.appearedNaNCount == 0)
        #expect(layers.total.appearedNaNCount == 1 && layers.total.changeCount == 2)
        #expect(layers.children[0].children[0].changes == [0])
    }

    @Test func theIndexOfTheGreatestDifferenceHasAnAxisForEach() throws {
        let old = Tensor([Float](repeating: 0, count: 24), shape: [2, 3, 4])
        var values = [Float](repeating: 0, count: 24)
        values[17] = 1
        let found = try Self.diff(["w": .tensor(old)], ["w": .tensor(Tensor(values, shape: [2, 3, 4]))])
        #expect(found.changes[0].comparison?.maximumIndex == [1, 1, 1])
    }
}

@Suite struct DiffGateTests {
    private let diff: ModelDiff

    init() throws {
        diff = try ModelDiffTests.diff(
            [
                "encoder.w": ModelDiffTests.tensor(1, 1), "decoder.w": ModelDiffTests.tensor(1, 1),
                "old": ModelDiffTests.tensor(4), "moved": ModelDiffTests.tensor(6),
            ],
            [
                "encoder.w": ModelDiffTests.tensor(1, 2), "decoder.w": ModelDiffTests.tensor(1, .nan),
                "new": ModelDiffTests.tensor(5), "there.moved": ModelDiffTests.tensor(6),
            ])
    }

    @Test(arguments: [
        ("rel_l2 > 0.1", ["encoder.w"]), ("rel_l2 > 1", []), ("nan > 0", ["decoder.w"]),
        ("l2 == 1 and path == 'encoder.w'", ["encoder.w"]), ("kind = 'added'", ["new"]),
        ("changed(\"encoder.*\")", ["encoder.w"]), ("changed('*.w')", ["encoder.w", "decoder.w"]),
        ("changed('nothing')", []), ("changed('encoder')", []), ("added('n*')", ["new"]),
        ("removed('*')", ["old"]), ("changed('moved')", ["there.moved"]), ("added('moved')", []),
        ("changed('old') and not changed('nothing')", ["old"]),
        ("nan > 0 and changed('encoder.*')", ["decoder.w"]), ("cosine < 0.99", ["encoder.w"]),
        ("changed > 0 and max_abs >= 1", ["encoder.w"]), ("1 > 2", []),
        ("nan > 0 and infinity == inf and infinity_appeared == inf_appeared", ["decoder.w"]),
    ]) func conditionsHoldForSomeChanges(condition: String, paths: [String]) throws {
        let outcome = try DiffGate(parsing: condition).evaluate(diff)
        #expect(outcome.changes.map { diff.changes[$0].path.text } == paths)
        #expect(outcome.holds == !paths.isEmpty)
    }

    @Test func whatIsNotKnownIsRefused() {
        for condition in ["rel > 1", "altered('x')", "rel_l2 >", "(", "", "'", "1.2.3 > 0"] {
            #expect(throws: ExpressionError.self, "\(condition)") { try DiffGate(parsing: condition) }
        }
        for condition in ["changed()", "changed(1)", "changed('a', 'b')", "rel_l2 > 0 and changed(1)"] {
            #expect(throws: DiffGateError.self) { try DiffGate(parsing: condition).evaluate(diff) }
        }
    }
}
