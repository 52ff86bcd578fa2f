import Foundations
import Glibc
import ModelReg

extension PageSite {
    /// Makes the file, and opens it. It has no name any more: nobody has to remove it.
    ///
    /// - Returns: A descriptor, which is the caller's.
    /// - Throws: `FileError`, `RegistryError`, `ExportError`.
    package func open(_ export: PageExport) throws -> Int32 {
        var template = Array(
            ((getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp") + "/modelreg-XXXXXX").utf8CString)
        guard let name = mkdtemp(&template) else {
            throw FileError(path: "/tmp", operation: .write, code: errno)
        }
        let folder = String(cString: name)
        // No name comes from the registry or the request: the ending alone is one of a fixed list.
        let path = folder + "/export" + (export.format.map { ".\($0)" } ?? "")
        defer {
            unlink(path)
            rmdir(folder)
        }
        let format = export.format.flatMap { FileFormat(path: "export.\($0)") }
        _ = try registry.exportFile(
            export.reference, to: path,
            options: ExportOptions(format: format, patterns: export.patterns, flattens: format != nil))
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path: path, operation: .read, code: errno) }
        return descriptor
    }
}
