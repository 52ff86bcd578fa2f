// C and JSON have names of their own.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Formats
import ModelReg
import RegistryJSON

/// `export`
func export(_ call: Call) throws -> ExportJSON {
    struct Arguments: Decodable {
        var reference: String
        var path: String?
        var format: String?
        var only: [String]?
        var flatten: Bool?
        var force: Bool?
        var verify: Bool?
        var source: Bool?
    }
    let arguments = try call.decode(Arguments.self)
    if arguments.source == true {
        // By number: what the reference names may change meanwhile.
        let version = try call.registry.version(arguments.reference)
        guard try call.registry.details(of: version).sourceFile != nil else {
            throw Refusal("\(version.reference) was not saved from a file; export it to one")
        }
    }
    let format = try arguments.format.map { name in
        guard let format = FileFormat(name: name) else {
            let known = FileFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw Refusal("no such format: \(name); there are \(known)")
        }
        return format
    }
    let options = ExportOptions(
        format: format, patterns: arguments.only ?? [], flattens: arguments.flatten ?? false,
        mayReplace: arguments.force ?? false, verifiesHashes: arguments.verify ?? false)
    return ExportJSON(
        try call.registry.exportFile(
            arguments.reference, to: arguments.path, options: options, progress: call.progress))
}

/// `save file`
func saveFile(_ call: Call) throws -> SaveJSON {
    struct Arguments: Decodable {
        var path: String
        var model: String
        var allow_unsafe: Bool?
    }
    let arguments = try call.decode(Arguments.self)
    var options = try call.decode(SaveArguments.self).options(for: arguments.model, in: call.opened)
    options.allowsUnsafe = arguments.allow_unsafe ?? false
    let source = try BadFile.naming(arguments.path) { try ModelSource.read(arguments.path) }
    return SaveJSON(
        try call.registry.saveModel(
            source, as: arguments.model, options: options, progress: call.progress), source)
}
