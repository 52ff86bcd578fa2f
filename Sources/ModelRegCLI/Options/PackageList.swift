import Foundation
import Foundations
import ModelReg

/// Names and versions of packages, as `pip freeze` prints them.
enum PackageList {
    /// - Throws: `FileError` where the file cannot be read.
    static func read(_ path: String) throws -> OrderedDictionary<String, String> {
        // Read, not mapped: it may be a pipe, as `<(pip freeze)` is.
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: 16 << 20)
        else {
            throw FileError(path: path, operation: .open, code: ENOENT)
        }
        return parse(String(decoding: data, as: UTF8.self))
    }

    /// Lines are `name==version`, `name @ file:///…` or `-e git+https://…#egg=name`.
    static func parse(_ text: String) -> OrderedDictionary<String, String> {
        var packages: OrderedDictionary<String, String> = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.isEmpty || line.hasPrefix("#") { continue }
            if let range = line.range(of: "==") {
                packages[String(line[..<range.lowerBound])] = String(line[range.upperBound...])
            } else if let range = line.range(of: " @ ") {
                packages[String(line[..<range.lowerBound])] = String(line[range.upperBound...])
            } else if line.hasPrefix("-e "), let range = line.range(of: "#egg=") {
                packages[String(line[range.upperBound...])] = String(line.dropFirst(3).prefix { $0 != "#" })
            }
        }
        return packages
    }
}
