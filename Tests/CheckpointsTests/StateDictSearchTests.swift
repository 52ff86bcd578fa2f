import Checkpoints
import OrderedCollections
import Tensors
import Testing

private var tensor: Tensor { Tensor([1, 2]) }

private func dictionary(_ entries: [(CheckpointKey, Checkpoint)]) -> Checkpoint {
    var dictionary = CheckpointDictionary()
    for (key, value) in entries { dictionary.entries[key] = value }
    return .dictionary(dictionary)
}

/// A module as PyTorch pickles it.
private func module(
    _ parameters: [String], buffers: [String] = [], unsaved: [String] = [],
    modules: [(String, Checkpoint)] = [],
    label: Int? = nil
) -> Checkpoint {
    func tensors(_ names: [String]) -> Checkpoint { dictionary(names.map { (.string($0), .tensor(tensor)) }) }
    let set = ObjectForm(name: QualifiedName(module: "builtins", name: "set")!, construction: .call)
    let state = dictionary([
        (.string("training"), .boolean(true)), (.string("_parameters"), tensors(parameters)),
        (.string("_buffers"), tensors(buffers)),
        (
            .string("_non_persistent_buffers_set"),
            .object(CheckpointObject(set, parts: [(.items, .list(unsaved.map { .string($0) }))]))
        ), (.string("_modules"), dictionary(modules.map { (.string($0), $1) })),
    ])
    let form = ObjectForm(name: QualifiedName(module: "lib", name: "Net")!, construction: .new, label: label)
    return .object(CheckpointObject(form, parts: [(.state, state)]))
}

private func search(_ checkpoint: Checkpoint, at path: String? = nil) throws -> StateDictSearch {
    let (structure, leaves) = try checkpoint.disassembled()
    return try StateDictSearch(structure, at: path) { leaf in
        if case .value(let value) = leaves[leaf] { value } else { nil }
    }
}

struct StateDictSearchTests {
    @Test func aModuleHasTheNamesThatPyTorchGives() throws {
        let net = module(
            ["scale"], buffers: ["running", "scratch"], unsaved: ["scratch"],
            modules: [
                ("0", module(["weight", "bias"])), ("empty", .none), ("1", module([], buffers: ["mean"])),
            ])
        #expect(
            try search(net).entries.map(\.name) == ["scale", "running", "0.weight", "0.bias", "1.mean"])
    }

    @Test func aModuleThatIsThereTwiceHasTwoNames() throws {
        let net = module([], modules: [("a", module(["w"], label: 0)), ("b", .reference(0))])
        let entries = try search(net).entries
        #expect(entries.map(\.name) == ["a.w", "b.w"])
        #expect(Set(entries.map(\.leaf)).count == 1)
    }

    /// `_metadata` of the state dict that is found, wherever it is.
    @Test func aStateDictKeepsItsAttributes() throws {
        let metadata = PlainTree.dictionary(
            [.init(key: .string("_metadata"), value: .value(.integer(1)))], kind: .plain)
        let weights = Checkpoint.dictionary(
            CheckpointDictionary([.string("w"): .tensor(tensor)], kind: .ordered(attributes: metadata)))
        #expect(try search(weights).attributes == metadata)
        #expect(try search(dictionary([(.string("model"), weights)])).attributes == metadata)
        #expect(try search(module(["w"])).attributes == nil)
    }

    /// An ordered dictionary whose attributes are no plain values is an object.
    @Test func anOrderedDictionaryWithObjectsBesideItIsAStateDict() throws {
        let form = ObjectForm(name: .known("collections:OrderedDict"), construction: .call)
        let entries = dictionary([(.string("w"), .tensor(tensor))])
        let weights = Checkpoint.object(
            CheckpointObject(form, parts: [(.entries, entries), (.state, .tensor(tensor))]))
        #expect(try search(dictionary([(.string("model"), weights)])).entries.map(\.name) == ["w"])
    }

    /// A child that names its parent as a module: no state dict in PyTorch, and an end here.
    @Test func aModuleWithinItselfEnds() throws {
        let net = module(
            ["w"], modules: [("child", module(["v"], modules: [("parent", .reference(0))]))], label: 0)
        #expect(try search(net).entries.map(\.name) == ["w", "child.v"])
    }

    /// Each module has the one before it twice: a trillion names, were all of them made.
    @Test func modulesThatMultiplyAreRefused() throws {
        var modules: [(CheckpointKey, Checkpoint)] = [(.string("m0"), module(["w"], label: 0))]
        for index in 1..<40 {
            let both = module(
                ["w"], modules: [("a", .reference(index - 1)), ("b", .reference(index - 1))], label: index)
            modules.append((.string("m\(index)"), both))
        }
        #expect(throws: StateDictError.notStateDict("m39")) { try search(dictionary(modules), at: "m39") }
        // And one chain that is deeper than anything is nested.
        var chain: [(CheckpointKey, Checkpoint)] = []
        for index in 0..<1000 {
            chain.append(
                (.string("m\(index)"), module(["w"], modules: [("a", .reference(index + 1))], label: index)))
        }
        #expect(throws: StateDictError.notStateDict("m0")) { try search(dictionary(chain), at: "m0") }
    }

    @Test func theObviousMemberOfACheckpointIsFound() throws {
        let weights = dictionary([(.string("w"), .tensor(tensor))])
        let found = try search(
            dictionary([
                (.string("epoch"), .integer(3)),
                (.string("callbacks"), dictionary([(.string("best"), .tensor(tensor))])),
                (.string("state_dict"), weights),
            ]))
        #expect(found.path == "state_dict" && found.entries.map(\.name) == ["w"])
        let nested = try search(dictionary([(.string("model"), dictionary([(.string("module"), weights)]))]))
        #expect(nested.path == "model/module")
        // Tensors beside plain values.
        let mixed = try search(dictionary([(.string("w"), .tensor(tensor)), (.string("lr"), .number(1))]))
        #expect(mixed.path == "" && mixed.entries.map(\.name) == ["w"])
    }

    @Test func severalCandidatesAreListed() throws {
        let weights = dictionary([(.string("w"), .tensor(tensor))])
        let both = dictionary([(.string("model"), weights), (.string("ema"), module(["v"]))])
        let error = #expect(throws: StateDictError.self) { try search(both) }
        #expect(
            error?.description == "several state dicts could be meant; choose one with --at: \"model\", \"ema\""
        )
        #expect(try search(both, at: "ema").entries.map(\.name) == ["v"])
        #expect(throws: StateDictError.noPath("emma")) { try search(both, at: "emma") }
        #expect(throws: StateDictError.notStateDict("ema/training")) { try search(both, at: "ema/training") }
        #expect(throws: StateDictError.none) { try search(dictionary([(.string("lr"), .number(1))])) }
    }

    @Test func aStateDictLoadsFromAModule() throws {
        let state = try StateDict(checkpoint: module(["w"]))
        #expect(Array(state.tensors.keys) == ["w"])
        #expect(throws: CheckpointTypeError.self) { try StateDict(checkpoint: .list([.tensor(tensor)])) }
    }
}
