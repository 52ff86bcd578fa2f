import Tensors
import Testing

struct StateDictSnapshotTests {
    @Test func snapshotKeepsValuesAndTies() async {
        let weight = Tensor.rand([4, 4])
        let stateDict: StateDict = ["a": weight, "b": weight, "c": weight[1..<3, 2], "d": Tensor([Int64(1)])]
        let snapshot = stateDict.snapshot()
        let before = weight.copied()
        weight.fill(0)
        let kept = await Task.detached { snapshot.stateDict["a"]?.doubles() }.value
        #expect(kept == before.doubles())
        let copy = snapshot.stateDict
        #expect(copy["a"]?.storage === copy["b"]?.storage && copy["a"]?.storage === copy["c"]?.storage)
        #expect(copy["c"]?.doubles() == before[1..<3, 2].doubles())
        #expect(copy["c"]?.shape == [2])
    }

    @Test func viewsOfSeveralWidthsInOneStorageStayAligned() throws {
        let storage = Storage(zeroedByteCount: 64)
        let narrow = try Tensor(storage: storage, dtype: .float32, shape: [2], offset: 5)
        let wide = try Tensor(storage: storage, dtype: .float64, shape: [2], offset: 4)
        wide.copy(from: Tensor([1.5, 2.5]))
        narrow.fill(7)
        let copy = (["n": narrow, "w": wide] as StateDict).copied()
        #expect(copy["n"]?.isIdentical(to: narrow) == true && copy["w"]?.isIdentical(to: wide) == true)
    }

    @Test func copiedKeepsOneTensorUnderTwoNames() {
        let weight = Tensor.rand([2])
        let copy = (["a": weight, "b": weight] as StateDict).copied()
        #expect(copy["a"] === copy["b"] && copy["a"] !== weight)
    }

    @Test func keysAreRenamedInOrder() {
        let stateDict: StateDict = ["net.a": .zeros([1]), "net.b": .zeros([1]), "x": .zeros([1])]
        #expect(stateDict.part("net.").names == ["a", "b"])
        #expect(stateDict.prefixed("m.").names == ["m.net.a", "m.net.b", "m.x"])
        #expect(stateDict.renamingKeys { $0 == "x" ? nil : $0 + "!" }.names == ["net.a!", "net.b!"])
    }
}
