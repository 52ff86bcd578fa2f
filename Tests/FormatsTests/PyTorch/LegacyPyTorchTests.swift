import Checkpoints
import Formats
import OrderedCollections
import Tensors
import Testing

/// The magic number and the version, 1001, each a pickle.
private let magic = hex("80028a0a6cfc9c46f9206aa850192e 80024de9032e")

/// `{'little_endian': true}`.
private let system = Pickle.emptyDict + Pickle.text("little_endian") + [0x88] + Pickle.setItem + Pickle.stop

private func keys(_ keys: [String]) -> [UInt8] {
    Pickle.emptyList + keys.flatMap { Pickle.text($0) + Pickle.append } + Pickle.stop
}

/// One element count and the elements.
private func storage(_ count: UInt64, _ contents: [UInt8]) -> [UInt8] { bytes(of: count) + contents }

private let tensor = Pickle.tensor("k", "ShortStorage", count: 2, shape: [2], strides: [1]) + Pickle.stop

struct LegacyPyTorchTests {
    @Test func storagesFollowThePickles() throws {
        let file = try read(magic + system + tensor + keys(["k"]) + storage(2, [1, 0, 2, 0]))
        guard case .tensor(let tensor, _) = file.checkpoint else {
            Issue.record("no tensor")
            return
        }
        #expect(tensor.scalars(as: Int16.self) == [1, 2])
        #expect(file.storages.count == 1)
        #expect(file.format == .pytorch)
    }

    @Test(
        arguments: [
            (
                [system, tensor, keys(["k"]), storage(3, [1, 0, 2, 0])],
                "the file is cut short within storage \"k\""
            ),
            ([system, tensor, keys(["k"]), storage(.max, [])], "the file is cut short within storage \"k\""),
            (
                [system, tensor, keys(["k"]), storage(1 << 63 - 1, [])],
                "the file is cut short within storage \"k\""
            ),
            (
                [system, tensor, keys(["k"]), storage(1, [1, 0])],
                "the checkpoint needs storage \"k\" of 2 int16, but it has 2 bytes"
            ),
            (
                [system, tensor, keys(["k"]), storage(2, [1, 0, 2, 0, 3])],
                "1 bytes after the last storage belong to no tensor"
            ),
            (
                [system, tensor, keys(["k", "k"]), storage(0, []), storage(0, [])],
                "the legacy PyTorch file contradicts itself about storage \"k\""
            ),
            (
                [system, tensor, keys(["x"]), storage(0, [])],
                "the legacy PyTorch file contradicts itself about storage \"x\""
            ),
            ([system, tensor, keys([])], "the checkpoint needs storage \"k\", which is not there"),
            ([system, tensor, Pickle.none, Pickle.stop], "the legacy PyTorch file has no list of storages"),
            (
                [Pickle.none, Pickle.stop],
                "the legacy PyTorch file does not say on what machine it was written"
            ),
            (
                [Pickle.call("os", "system"), Pickle.stop],
                "the legacy PyTorch file does not say on what machine it was written"
            ),
            ([system], "the pickle of the checkpoint is cut short"),
        ] as [([[UInt8]], String)])
    func refusesDamagedFiles(parts: [[UInt8]], expected: String) {
        #expect(message(reading: magic + parts.flatMap { $0 }) == expected)
    }
}
