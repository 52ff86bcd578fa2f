import Checkpoints
import ChunkStore
import Foundations

extension RegistryError {
    /// What a failure of the store means to a user.
    init(_ error: StoreError) {
        switch error {
        case .missing(let path): self = .noRegistry(path: path)
        case .notAStore(let path): self = .notARegistry(path: path)
        case .newer(let path): self = .newerRegistry(path: path)
        case .busy(let path, let seconds): self = .busy(path: path, waitedSeconds: seconds)
        case .readOnly(let path): self = .readOnly(path: path)
        case .inputOutput(let path, let message, let code):
            self = .inputOutput(path: path, message: message, code: code)
        case .closed(let path): self = .closed(path: path)
        case .malformed(let problem): self = .damaged(Damage(problem: problem))
        }
    }
}

/// Calls `body`, and says of what the store throws what it means to a user.
func translatingErrors<Result>(_ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as StoreError {
        throw RegistryError(error)
    } catch let damage as StoreDamage {
        throw RegistryError.damaged(RegistryError.Damage(damage))
    } catch let damage as RegistryError.Damage {
        throw RegistryError.damaged(damage)
    }
}

/// Calls `body`, and says where the damage is that it finds, as far as it does not say so itself.
func locatingDamage<Result>(
    version: String? = nil, path: CheckpointPath? = nil, _ body: () throws -> Result
) throws -> Result {
    func located(_ damage: RegistryError.Damage) -> RegistryError {
        var damage = damage
        damage.version = damage.version ?? version
        damage.path = damage.path ?? path?.text
        return .damaged(damage)
    }
    do {
        return try body()
    } catch let damage as StoreDamage {
        throw located(RegistryError.Damage(damage))
    } catch let damage as RegistryError.Damage {
        throw located(damage)
    } catch RegistryError.damaged(let damage) {
        throw located(damage)
    }
}

extension RegistryError.Damage {
    init(_ damage: StoreDamage) { self.init(chunk: damage.chunk, problem: damage.problem) }
}
