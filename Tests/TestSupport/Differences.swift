package import Checkpoints
import Tensors

/// What of `checkpoint` did not come back; empty if all of it did, bit for bit and tie for tie.
///
/// - Parameter comparesStrides: Whether strides must be kept as a registry keeps them: everywhere but on a lone view
///   with gaps, which comes back packed.
package func differences(
    between checkpoint: Checkpoint, and loaded: Checkpoint, comparesStrides: Bool = true
) throws -> [String] {
    let (structure, leaves) = try checkpoint.disassembled()
    let (loadedStructure, loadedLeaves) = try loaded.disassembled()
    guard structure.json.utf8.elementsEqual(loadedStructure.json.utf8) else {
        return ["structure \(loadedStructure.json) instead of \(structure.json)"]
    }
    var found: [String] = []
    let shared = sharedStorages(leaves)
    if shared != sharedStorages(loadedLeaves) {
        found.append("ties \(sharedStorages(loadedLeaves)) instead of \(shared)")
    }
    for (path, (leaf, loaded)) in zip(structure.leafPaths, zip(leaves, loadedLeaves)) {
        func expect(_ isEqual: Bool, _ what: String) {
            if !isEqual { found.append("\(what) of \"\(path.text)\"") }
        }
        switch (leaf, loaded) {
        case (.value(.string(let value)), .value(.string(let loaded))):
            expect(value.utf8.elementsEqual(loaded.utf8), "text")
        case (.value(let value), .value(let loaded)): expect(value == loaded, "value")
        case (.tensor(let tensor, let role), .tensor(let loaded, let loadedRole)):
            expect(tensor.dtype == loaded.dtype && tensor.shape == loaded.shape, "dtype or shape")
            expect(tensor.bytes == loaded.bytes, "bytes")
            expect(role == loadedRole, "role")
            guard comparesStrides, !tensor.isContiguous else { continue }
            let isAlone = !shared.joined().contains(path.text)
            if isAlone, tensor.storageSpan.count > tensor.byteCount {
                expect(loaded.isContiguous, "packed strides")
            } else {
                expect(tensor.strides == loaded.strides, "strides \(tensor.strides) and \(loaded.strides)")
            }
        default: found.append("type of \"\(path.text)\"")
        }
    }
    return found

    /// Paths of the leaves in each storage that has several, in order. Empty tensors have no bytes to share.
    func sharedStorages(_ leaves: [CheckpointLeaf<Tensor>]) -> [[String]] {
        var groups: [ObjectIdentifier: Int] = [:]
        var members: [[String]] = []
        for (path, leaf) in zip(structure.leafPaths, leaves) {
            guard case .tensor(let tensor, _) = leaf, tensor.elementCount > 0 else { continue }
            let group = groups[ObjectIdentifier(tensor.storage)] ?? members.count
            if group == members.count { members.append([]) }
            groups[ObjectIdentifier(tensor.storage)] = group
            members[group].append(path.text)
        }
        return members.filter { $0.count > 1 }
    }
}
