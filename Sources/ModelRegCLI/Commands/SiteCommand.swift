import ArgumentParser
import Foundations
import Glibc
import ModelReg
import Pages
import RegistryJSON

struct SiteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site",
        abstract: "Write the pages of a registry as files.",
        discussion: """
            They are those of `serve`, without what asks questions: files beside each other that need no server and fetch \
            nothing, for a paper, a pull request or a page of results. index.html is the first.

            EXAMPLES
              modelreg site -o pages
              modelreg site -o pages --force && python3 -m http.server -d pages
            """)

    @OptionGroup var options: GlobalOptions

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The folder to write; made where it is missing.", valueName: "folder"),
        completion: .directory)
    var output: String

    @Option(name: .long, help: ArgumentHelp("At most so many pages.", valueName: "count"))
    var pages: Int = FrozenSite.pageLimit

    @Flag(name: .long, help: "Write into a folder that has files, and replace those of the same names.")
    var force = false

    func validate() throws {
        guard pages > 0 else { throw ValidationError("--pages takes a count of at least 1, not \(pages)") }
        guard !output.isEmpty else { throw ValidationError("-o takes the name of a folder") }
    }

    func run() throws {
        let registry = try options.openRegistry()
        try makeFolder()
        let folder = output.hasSuffix("/") ? output : output + "/"
        let result = try FrozenSite(registry, pageLimit: pages).write { name, bytes in
            try OutputFile.write(bytes, to: folder + name, mayReplace: force)
        }
        if options.json {
            return try JSON.print(
                SiteJSON(
                    path: output, pageCount: result.pageCount, byteCount: result.byteCount,
                    isCut: result.isCut))
        }
        options.message(
            "\(result.pageCount) page\(result.pageCount == 1 ? "" : "s"), \(ByteCount.text(result.byteCount)) -> "
                + printable(folder + "index.html"))
        if result.isCut { options.message("note: there are more pages; --pages allows more than \(pages)") }
    }

    private func makeFolder() throws {
        if mkdir(output, 0o777) == 0 { return }
        guard errno == EEXIST else { throw FileError(path: output, operation: .write, code: errno) }
        guard let folder = opendir(output) else {
            throw FileError(path: output, operation: .write, code: errno)
        }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let isNamed = withUnsafeBytes(of: &entry.pointee.d_name) { name in
                !(name[0] == UInt8(ascii: ".")
                    && (name[1] == 0 || name[1] == UInt8(ascii: ".") && name[2] == 0))
            }
            guard isNamed, !force else { continue }
            throw ExplainedError(
                error: FileError(path: output, operation: .write, code: ENOTEMPTY),
                explanation: "; --force writes into it")
        }
    }

    private struct SiteJSON: Encodable {
        let path: String
        let pageCount: Int
        let byteCount: Int
        let isCut: Bool
    }
}
