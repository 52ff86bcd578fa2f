// C and JSON have names of their own.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CModelReg
import ModelReg
import RegistryJSON

/// Saves a checkpoint as the next version of a model.
@c @implementation
public func mr_save(
    _ registry: UInt64, _ model: UnsafePointer<CChar>!, _ structureJSON: UnsafePointer<CChar>!,
    _ leafCount: Int64,
    _ leaves: UnsafePointer<mr_leaf>!, _ optionsJSON: UnsafePointer<CChar>!, _ cancelled: UnsafePointer<Int32>!,
    _ progress: mr_progress!, _ context: UnsafeMutableRawPointer!,
    _ resultJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!, _ error: UnsafeMutablePointer<mr_error>!
) -> Int32 {
    answering(error) {
        resultJSON?.pointee = nil
        let opened = try openRegistry(registry)
        let model = try text(model, "model")
        let structure = try structure(text(structureJSON, "structure_json"))
        var reader = LeafReader()
        let leaves = try reader.read(leaves, count: leafCount)
        let checkpoint = try structure.assembled(from: leaves) ?? .dictionary(CheckpointDictionary())
        let options = try decoded(optionsJSON, "options_json", as: SaveArguments.self)
            .options(for: model, in: opened)
        let progress = handler(progress, context)
        let result = try cancellable(cancelled) {
            try opened.registry.save(checkpoint, as: model, options: options, progress: progress)
        }
        try give(JSON.text(SaveJSON(result, nil), isPretty: false), to: resultJSON)
    }
}

/// The structure that a caller describes: not one that is stored, so the registry is not to blame.
private func structure(_ json: String) throws -> Structure {
    do {
        return try Structure(json: json)
    } catch StructureError.unexpected(let offset) {
        throw Refusal("structure_json is no canonical structure from byte \(offset) on")
    } catch StructureError.duplicateKey(let key) {
        throw Refusal("structure_json has the key \"\(key)\" twice")
    } catch StructureError.tooDeep {
        throw Refusal("structure_json is nested more than \(Checkpoint.maximumDepth) deep")
    }
}
