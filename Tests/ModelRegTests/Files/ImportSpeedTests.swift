import Checkpoints
import Formats
import Foundation
import ModelReg
import ModelRegistry
import OrderedCollections
import Tensors
import Testing

/// What importing a file costs beside saving the same tensors from memory: `MODELREG_MEASURE=1 swift test …`.
struct ImportSpeedTests {
    private static let isWanted = ProcessInfo.processInfo.environment["MODELREG_MEASURE"] != nil

    @Test(.enabled(if: isWanted, "MODELREG_MEASURE measures on 500 MB, for half a minute"))
    func importingCostsWhatSavingDoes() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "modelreg-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        // Numbers whose exponents are alike, as those of weights are.
        var state: UInt64 = 1
        var entries: OrderedDictionary<CheckpointKey, Checkpoint> = [:]
        for index in 0..<50 {
            let storage = Storage(uninitializedByteCount: 10_000_000)
            storage.withUnsafeMutableBytes { bytes in
                for offset in stride(from: 0, to: bytes.count, by: 4) {
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    let value = Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-36
                    bytes.storeBytes(of: value.bitPattern, toByteOffset: offset, as: UInt32.self)
                }
            }
            entries[.string("w\(index)")] = .tensor(
                try Tensor(storage: storage, dtype: .float32, shape: [2_500_000]))
        }
        let checkpoint = Checkpoint.dictionary(CheckpointDictionary(entries))
        let formats = [FileFormat.safetensors, .pytorch]
        let paths = formats.map { folder.appending(path: "file.\($0.fileExtension)").path }
        for (format, path) in zip(formats, paths) { try CheckpointFile.write(checkpoint, to: path, as: format) }

        let clock = ContinuousClock()
        func seconds(_ body: (Registry) throws -> Void) throws -> Double {
            let path = folder.appending(path: "\(UUID().uuidString).db").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            let registry = try Registry(path: path)
            let time = try clock.measure { try body(registry) }
            return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        }
        // By turns, so that what else the machine does meets all alike.
        var ratios = formats.map { _ in [Double]() }
        for _ in 0..<5 {
            let memory = try seconds { _ = try $0.save(checkpoint, as: "m") }
            for (index, path) in paths.enumerated() {
                let file = try seconds { _ = try $0.saveFile(path, as: "m") }
                ratios[index].append(file / memory)
                print(
                    "500 MB from memory \(memory) s, from \(formats[index]) \(file) s, ratio \(file / memory)")
            }
        }
        for (format, ratios) in zip(formats, ratios) { print("\(format): median ratio \(ratios.sorted()[2])") }
    }
}
