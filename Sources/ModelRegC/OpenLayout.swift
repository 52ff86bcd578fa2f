// C and JSON have names of their own.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CModelReg
import Foundations
import ModelReg
import RegistryJSON
import Tensors

/// How a version lies in storages, for a caller who is about to read it.
final class OpenLayout: Sendable {
    /// Where the bytes come from.
    enum Source: Sendable {
        /// The registry.
        case layout(StorageLayout)
        /// Rows of one tensor that are read already.
        case rows(Storage)
    }

    let registry: Registry
    let source: Source

    /// The length of each storage.
    var byteCounts: [Int] {
        switch source {
        case .layout(let layout): layout.storageByteCounts
        case .rows(let storage): [storage.byteCount]
        }
    }

    init(_ registry: Registry, _ source: Source) {
        self.registry = registry
        self.source = source
    }

    /// Fills `destinations`.
    func read(
        into destinations: [UnsafeMutableRawBufferPointer], verifiesHashes: Bool, progress: ProgressHandler?
    ) throws {
        switch source {
        case .layout(let layout):
            try registry.copyStorages(
                layout, into: destinations, verifiesHashes: verifiesHashes, progress: progress)
        case .rows(let storage):
            storage.withUnsafeBytes { destinations[0].copyMemory(from: $0) }
        }
    }
}

/// What a layout is asked for, as JSON.
private struct LayoutArguments: Decodable {
    var only: [String]?
    var rows: [Int]?
}

/// Says how a version, or part of it, lies in storages.
@c @implementation
public func mr_layout_open(
    _ registry: UInt64, _ reference: UnsafePointer<CChar>!, _ optionsJSON: UnsafePointer<CChar>!,
    _ cancelled: UnsafePointer<Int32>!, _ layout: UnsafeMutablePointer<UInt64>!,
    _ resultJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!, _ error: UnsafeMutablePointer<mr_error>!
) -> Int32 {
    answering(error) {
        resultJSON?.pointee = nil
        guard let layout else { throw Refusal("layout is NULL") }
        layout.pointee = 0
        guard resultJSON != nil else { throw Refusal("result_json is NULL") }
        let registry = try openRegistry(registry).registry
        let reference = try text(reference, "reference")
        let arguments = try decoded(optionsJSON, "options_json", as: LayoutArguments.self)
        let (opened, json) = try cancellable(cancelled) {
            try open(reference, of: registry, arguments)
        }
        try give(json, to: resultJSON)
        layout.pointee = Handles.insert(opened)
    }
}

private func open(_ reference: String, of registry: Registry, _ arguments: LayoutArguments) throws -> (
    OpenLayout, String
) {
    let version = try registry.version(reference)
    guard let rows = arguments.rows else {
        let layout = try registry.storageLayout(of: version, only: arguments.only ?? [])
        return (OpenLayout(registry, .layout(layout)), try LayoutText.of(layout))
    }
    guard rows.count == 2, rows[0] >= 0, rows[0] <= rows[1] else {
        throw Refusal("rows are two numbers, the first row and that after the last")
    }
    guard let path = arguments.only?.first, arguments.only?.count == 1 else {
        throw Refusal("rows are those of one tensor, whose name is \"only\"")
    }
    // By number: what the reference names may have changed since.
    let tensor = try registry.load(version.reference, path: path, rows: rows[0]..<rows[1])
    let contiguous = tensor.isContiguous && tensor.offset == 0 && tensor.storage.byteCount == tensor.byteCount
    let storage = contiguous ? tensor.storage : tensor.withUnsafeBytes { Storage(copying: $0) }
    return (OpenLayout(registry, .rows(storage)), try LayoutText.of(tensor, at: path, version: version))
}

/// Gives back a layout.
@c @implementation
public func mr_layout_close(_ layout: UInt64, _ error: UnsafeMutablePointer<mr_error>!) -> Int32 {
    answering(error) { _ = try Handles.remove(layout, as: OpenLayout.self, called: "layout") }
}

/// Fills the storages of a layout.
@c @implementation
public func mr_read(
    _ layout: UInt64, _ destinationCount: Int64, _ destinations: UnsafePointer<mr_buffer>!, _ verifies: Int32,
    _ cancelled: UnsafePointer<Int32>!, _ progress: mr_progress!, _ context: UnsafeMutableRawPointer!,
    _ error: UnsafeMutablePointer<mr_error>!
) -> Int32 {
    answering(error) {
        let layout = try Handles.find(layout, as: OpenLayout.self, called: "layout")
        let byteCounts = layout.byteCounts
        guard destinationCount == Int64(byteCounts.count) else {
            throw Refusal("\(destinationCount) destinations for \(byteCounts.count) storages")
        }
        guard destinations != nil || byteCounts.isEmpty else { throw Refusal("destinations is NULL") }
        let buffers = try byteCounts.enumerated().map { index, byteCount in
            let buffer = destinations[index]
            guard buffer.byte_count == Int64(byteCount) else {
                throw Refusal("destination \(index) has \(buffer.byte_count) bytes for \(byteCount)")
            }
            guard buffer.bytes != nil || byteCount == 0 else { throw Refusal("destination \(index) is NULL") }
            return UnsafeMutableRawBufferPointer(start: buffer.bytes, count: byteCount)
        }
        let progress = handler(progress, context)
        try cancellable(cancelled) {
            try layout.read(into: buffers, verifiesHashes: verifies != 0, progress: progress)
        }
    }
}
