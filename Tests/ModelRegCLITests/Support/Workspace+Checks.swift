import Foundation
import Foundations
import Testing

extension Workspace {
    /// What a command prints with `--json`, which must be all that it prints.
    func json(_ arguments: String, _ location: SourceLocation = #_sourceLocation) throws -> Any {
        let outcome = try modelreg("\(arguments) --json")
        #expect(outcome.status == 0, "\(arguments): \(outcome.errors)", sourceLocation: location)
        return try JSONSerialization.jsonObject(with: Data(outcome.output.utf8), options: .fragmentsAllowed)
    }

    /// The same where it is an object.
    func object(_ arguments: String, _ location: SourceLocation = #_sourceLocation) throws -> [String: Any] {
        try #require(try json(arguments, location) as? [String: Any], sourceLocation: location)
    }

    /// The same where it is a list of objects.
    func objects(_ arguments: String, _ location: SourceLocation = #_sourceLocation) throws -> [[String: Any]] {
        try #require(try json(arguments, location) as? [[String: Any]], sourceLocation: location)
    }

    /// Runs a command that must succeed.
    @discardableResult
    func succeed(_ arguments: String, _ location: SourceLocation = #_sourceLocation) throws -> String {
        let outcome = try modelreg(arguments)
        #expect(outcome.status == 0, "\(arguments): \(outcome.errors)", sourceLocation: location)
        return outcome.output
    }

    /// Runs a command that must fail with a status and one line on standard error.
    func fail(
        _ arguments: String, _ status: Int32, _ message: String, _ location: SourceLocation = #_sourceLocation
    ) throws {
        let outcome = try modelreg(arguments)
        #expect(outcome.status == status, "\(arguments)", sourceLocation: location)
        #expect(outcome.errors == "modelreg: \(message)\n", sourceLocation: location)
        #expect(outcome.output.isEmpty, sourceLocation: location)
    }

    /// Writes a vector as `numpy.save` does.
    func writeNumPy(_ values: [Float], to name: String) throws {
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(values.count),), }"
        header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        var file = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0, 118, 0]) + Data(header.utf8)
        values.map(\.bitPattern.littleEndian).withUnsafeBytes { file.append(contentsOf: $0) }
        try write(file, to: name)
    }
}

/// Text in which what differs from run to run has been replaced.
func timeless(_ text: String) -> String {
    text.replacing(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d\.\d{3}Z)?/, with: "TIME")
        .replacing(/\d+\.\d s|\d+:\d\d:\d\d/, with: "TIME")
        .replacing(/[A-Za-z0-9_.\-]+@[A-Za-z0-9_.\-]+/, with: "WHO")
}

/// The lines of a table without what differs from run to run, one space between words: widths are not the point.
func rows(_ text: String) -> [String] {
    timeless(text).split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
}
