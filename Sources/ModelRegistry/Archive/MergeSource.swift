import ChunkStore
import Foundations
import GRDB

/// The registry that is merged, read in short transactions.
struct MergeSource: Sendable {
    let registry: Registry

    init(_ registry: Registry) { self.registry = registry }

    /// Reads within one transaction.
    ///
    /// - Throws: ``MergeSourceError`` for damage, ``RegistryError``.
    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try catching { registry in try registry.read(body) }
    }

    /// Calls `body`, which reads this registry only.
    ///
    /// - Throws: ``MergeSourceError`` for damage, ``RegistryError``.
    func catching<Result>(_ body: (Registry) throws -> Result) throws -> Result {
        do {
            return try translatingErrors { try body(registry) }
        } catch RegistryError.damaged(let damage) {
            throw MergeSourceError(damage: damage)
        } catch let gone as ChunkGone {
            throw MergeSourceError(
                damage: RegistryError.Damage(
                    chunk: gone.id, problem: "a chunk is gone; perhaps it was deleted just now"))
        }
    }
}

/// Something wrong with the registry that is merged, and not with the one that it is merged into.
struct MergeSourceError: Error {
    let damage: RegistryError.Damage
}
