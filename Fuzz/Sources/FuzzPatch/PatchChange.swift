import Checkpoints
import FuzzSupport
import Tensors

@testable import ModelRegistry

/// One change of a patch, as a hostile author would make it: all hashes that anybody can compute still fit.
enum PatchChange {
    static func make(in header: inout PatchHeader, _ records: inout [UInt8], from input: inout FuzzInput) {
        switch input.byte() % 12 {
        case 0: header.message = text(&input)
        case 1: header.step = number(&input)
        case 2: header.metrics.append((text(&input), Double(bitPattern: input.number(byteCount: 8))))
        case 3:
            header.attributes.append(
                .init(isFromFile: input.byte() % 2 == 1, key: text(&input), json: text(&input)))
        case 4:
            let bytes = input.bytes(Int(input.byte() % 16))
            header.attachments.append(
                .init(
                    name: text(&input), id: ContentID(hashing: bytes),
                    bytes: input.byte() % 4 == 0 ? nil : bytes))
        case 5: changeTensor(&header, &input)
        case 6, 7: changeView(&header, &input)
        case 8:
            let leaf = input.index(below: header.leaves.count)
            header.leaves[leaf] = .value(value(&input))
            header.leafIDs[leaf] = nil
        case 9:
            let recipe = FuzzRecipe.encoded(&input)
            header.sourceFile = .init(
                name: text(&input), format: text(&input), byteCount: number(&input),
                recipeID: ContentID(hashing: recipe), recipe: recipe)
        case 10:
            guard !records.isEmpty else { return }
            let index = input.index(below: records.count)
            records[index] ^= input.byte()
            if input.byte() % 8 == 0 { records.removeSubrange(index..<min(records.count, index + 4)) }
        default:
            let json = header.structure.json
            let changed = json.replacing(
                ["\"tensor\"", "epoch", "list", "dict"][input.index(below: 4)], with: text(&input))
            if let structure = try? Structure(json: changed) { header.structure = structure }
        }
    }

    private static func text(_ input: inout FuzzInput) -> String {
        let count = Int(input.byte() % 12)
        let known = ["", "kept", "../x", "a\nb", "\u{202E}", "{}", "[1,", "\0", "safetensors"]
        return count > 9
            ? known[Int(input.byte()) % known.count] : String(decoding: input.bytes(count), as: UTF8.self)
    }

    /// Small ones, large ones, and those about a power of two. A patch has none below 0.
    private static func number(_ input: inout FuzzInput) -> Int {
        let byte = input.byte()
        if byte < 200 { return Int(byte) }
        if byte < 230 { return Int(truncatingIfNeeded: input.number(byteCount: 8) & 0x7FFF_FFFF_FFFF_FFFF) }
        return (1 << (Int(byte - 230) * 2 + 12)) - Int(input.byte() % 3)
    }

    private static func numbers(_ input: inout FuzzInput) -> [Int] {
        (0..<input.byte() % 5).map { _ in number(&input) }
    }

    private static func value(_ input: inout FuzzInput) -> PlainValue {
        switch input.byte() % 5 {
        case 0: .none
        case 1: .boolean(input.byte() % 2 == 0)
        case 2: .integer(Int64(bitPattern: input.number(byteCount: 8)))
        case 3: .number(bits: input.number(byteCount: 8))
        default: .string(text(&input))
        }
    }

    private static func changeTensor(_ header: inout PatchHeader, _ input: inout FuzzInput) {
        let index = input.index(below: header.tensors.count)
        let old = header.tensors[index]
        var chunks = old.chunks
        if let count = chunks?.count, count > 0, input.byte() % 2 == 0, let first = chunks?[0] {
            let place = PatchHeader.Place(rawValue: input.byte() % 3) ?? .base
            let others = header.tensors.compactMap { $0.chunks?.first?.id } + [first.id]
            chunks?[0] = PatchHeader.Chunk(id: input.choice(of: others), place: place)
            if input.byte() % 8 == 0 { chunks = nil }
        }
        let dtype = input.byte() % 2 == 0 ? old.dtype : input.choice(of: DType.allCases)
        let shape = input.byte() % 2 == 0 ? old.shape : numbers(&input)
        header.tensors[index] = PatchHeader.StoredTensor(dtype: dtype, shape: shape, id: old.id, chunks: chunks)
    }

    private static func changeView(_ header: inout PatchHeader, _ input: inout FuzzInput) {
        let index = input.index(below: header.leaves.count)
        guard case .tensor(let stored, let view, let role) = header.leaves[index] else { return }
        var placement = view.placement
        var sharing = view.sharing
        var (dtype, shape) = (view.dtype, view.shape)
        let changes = input.byte()
        if changes & 1 != 0 { placement = .init(byteOffset: number(&input), strides: numbers(&input)) }
        if changes & 2 != 0 { shape = numbers(&input) }
        if changes & 4 != 0 { dtype = input.choice(of: DType.allCases) }
        if changes & 8 != 0 { sharing = .init(storage: number(&input), byteOffset: number(&input)) }
        if changes & 16 != 0 { (placement, sharing) = (nil, nil) }
        let tensor = changes & 32 == 0 ? stored : input.index(below: header.tensors.count)
        header.leaves[index] = .tensor(
            stored: tensor,
            view: SavePlan.View(dtype: dtype, shape: shape, placement: placement, sharing: sharing), role: role)
    }
}

extension SavePlan.Leaf {
    fileprivate var isPossible: Bool {
        guard case .tensor(_, let view, _) = self else { return true }
        let (_, overflow) = (view.sharing?.byteOffset ?? 0)
            .addingReportingOverflow(view.placement?.byteOffset ?? 0)
        return !overflow && (try? TensorGeometry.elementCount(view.shape)) != nil
    }
}

extension PatchHeader {
    /// Makes the ids of tensors, leaves and the version fit again.
    mutating func rehash() {
        tensors = tensors.map { tensor in
            guard let chunks = tensor.chunks else { return tensor }
            let id = TensorHash(dtype: tensor.dtype, shape: tensor.shape, chunks: chunks.map(\.id)).id
            return StoredTensor(dtype: tensor.dtype, shape: tensor.shape, id: id, chunks: chunks)
        }
        for (index, leaf) in leaves.enumerated() {
            guard case .tensor(let stored, let view, let role) = leaf else { continue }
            if view.placement != nil, leafIDs[index] != nil { continue }
            // Without a placement, a leaf is all of its tensor.
            let tensor = tensors[stored]
            leafIDs[index] = tensor.id
            let whole = SavePlan.View(
                dtype: tensor.dtype, shape: tensor.shape, placement: view.placement, sharing: view.sharing)
            leaves[index] = .tensor(stored: stored, view: whole, role: role)
        }
        // No manifest has an impossible shape or place; reading finds that first.
        guard leaves.allSatisfy(\.isPossible), structure.leafPaths.count == leaves.count else { return }
        target = Origin(contentID: manifest.contentID, reference: target.reference)
    }
}
