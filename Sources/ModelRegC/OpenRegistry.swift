// C and JSON have names of their own.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CModelReg
import Foundations
import Glibc
import ModelReg
import Synchronization

/// A registry that a caller has opened, with the runs that it records.
final class OpenRegistry: Sendable {
    let registry: Registry
    private let runs = Mutex<[String: Run]>([:])

    init(_ registry: Registry) { self.registry = registry }

    /// Keeps a run that was started, so that its values are written in the background.
    func keep(_ run: Run) { runs.withLock { $0[run.reference] = run } }

    /// The run that a reference names: one that was started here, or any other.
    ///
    /// - Throws: `RegistryError`.
    func run(_ reference: String, model: String?) throws -> Run {
        let known = runs.withLock { runs in
            runs[reference] ?? model.flatMap { runs["\($0)/\(reference)"] }
        }
        return try known ?? registry.openRun(reference, model: model)
    }

    /// Forgets a run that has ended.
    func forget(_ run: Run) { runs.withLock { $0[run.reference] = nil } }

    /// Writes what runs have logged, and closes the file.
    ///
    /// - Throws: `RegistryError`.
    func close() throws {
        let open = runs.withLock { runs in
            defer { runs = [:] }
            return Array(runs.values)
        }
        for run in open { try? run.flush() }
        try registry.close()
    }
}

/// The open registry of a number.
func openRegistry(_ handle: UInt64) throws -> OpenRegistry {
    try Handles.find(handle, as: OpenRegistry.self, called: "registry")
}

/// The version of the C interface.
@c @implementation
public func mr_abi() -> Int32 { Int32(MR_ABI) }

private nonisolated(unsafe) let versionText = copied(modelRegVersion)

/// The version of modelreg.
@c @implementation
public func mr_version() -> UnsafePointer<CChar>! { UnsafePointer(versionText) }

/// Frees a text.
@c @implementation
public func mr_free(_ text: UnsafeMutablePointer<CChar>!) { free(text) }

/// Opens a registry.
@c @implementation
public func mr_open(
    _ path: UnsafePointer<CChar>!, _ create: Int32, _ isReadOnly: Int32, _ waitSeconds: Double, _ packs: Int32,
    _ registry: UnsafeMutablePointer<UInt64>!, _ error: UnsafeMutablePointer<mr_error>!
) -> Int32 {
    answering(error) {
        guard let registry else { throw Refusal("registry is NULL") }
        registry.pointee = 0
        guard !waitSeconds.isNaN else { throw Refusal("wait_seconds is not a number") }
        let path = try text(path, "path")
        guard !path.isEmpty else { throw Refusal("path is empty") }
        // A day is as good as for ever, and no sum of it overflows.
        let wait = waitSeconds < 0 ? Registry.defaultWaitSeconds : min(waitSeconds, 86400)
        registry.pointee = Handles.insert(
            OpenRegistry(
                try Registry(
                    path: path, create: create != 0, isReadOnly: isReadOnly != 0, waitSeconds: wait,
                    packsInBackground: packs != 0)))
    }
}

/// Closes a registry.
@c @implementation
public func mr_close(_ registry: UInt64, _ error: UnsafeMutablePointer<mr_error>!) -> Int32 {
    answering(error) { try Handles.remove(registry, as: OpenRegistry.self, called: "registry").close() }
}
