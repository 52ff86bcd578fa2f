import Foundation

/// Writes a Swift file with the text of each SQL migration: `EmbedMigrations OUTPUT SQL-FILE…`.
@main
enum EmbedMigrations {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let output = arguments.first else { return }
        var source = """
            /// The migrations in `migrations/`, oldest first: file name without ending, and SQL.
            package let embeddedMigrations: [(identifier: String, sql: String)] = [

            """
        for path in arguments.dropFirst() {
            let file = URL(fileURLWithPath: path)
            let sql = try String(contentsOf: file, encoding: .utf8)
            let name = file.deletingPathExtension().lastPathComponent
            source += "    (\n        \"\(name)\",\n        ##\"\"\"\n\(sql)\n\"\"\"##\n    ),\n"
        }
        source += "]\n"
        // SwiftPM links this tool, and so runs it, again in every build: a file that was written anew would have the
        // registry compiled again each time.
        if (try? String(contentsOfFile: output, encoding: .utf8)) == source { return }
        try source.write(toFile: output, atomically: true, encoding: .utf8)
    }
}
