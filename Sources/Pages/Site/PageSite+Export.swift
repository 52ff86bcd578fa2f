import Foundations
import Glibc
import ModelReg

extension PageSite {
    /// Makes the file, and opens it. It has no name any more: nobody has to remove it.
    ///
    /// - Returns: A descriptor, which is the caller's.
    /// - Throws: `FileError`, `RegistryError`, `ExportError`.
    package func open(_ export: PageExport) throws -> Int32 {
        let folder = try ScratchFolder()
        defer { withExtendedLifetime(folder) {} }
        // No name comes from the registry or the request: the ending alone is one of a fixed list.
        let path = folder.path + "/export" + (export.format.map { ".\($0)" } ?? "")
        let format = export.format.flatMap { FileFormat(path: "export.\($0)") }
        _ = try registry.exportFile(
            export.reference, to: path,
            options: ExportOptions(format: format, patterns: export.patterns, flattens: format != nil))
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
        return descriptor
    }
}
