import Foundations
import Glibc

/// The process's environment.
enum Environment {
    /// - Throws: ``UsageError`` where the value is not UTF-8, so that it is never taken for another.
    static func value(_ name: String) throws -> String? {
        guard let value = getenv(name) else { return nil }
        guard let text = String(validatingCString: value) else {
            throw UsageError(description: "\(name) is not UTF-8, as names of files must be")
        }
        return text
    }
}
