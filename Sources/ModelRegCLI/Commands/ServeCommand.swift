import ArgumentParser
import Foundations
import Glibc
import ModelReg
import Pages
import WebServer

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Show the registry in a browser.",
        discussion: """
            Pages for models, versions, parameters, diffs, runs, lineage and storage, and the same as JSON under /api/v1/. \
            Nothing is written, and nothing is fetched from elsewhere. Only programs on this machine can connect, unless \
            --host says otherwise: then a token is needed, which the printed address has in it. Ctrl-C ends it.

            EXAMPLES
              modelreg serve
              modelreg serve --port 0 --registry results.db
              modelreg serve --host 0.0.0.0 --allow-host gpu7.example.org
            """)

    @OptionGroup var options: GlobalOptions

    @Option(name: .long, help: "Where to listen.")
    var host: String = "127.0.0.1"

    @Option(name: .long, help: "On which port; 0 for any free one.")
    var port: Int = 7332

    @Option(
        name: .long,
        help: ArgumentHelp(
            "A name that browsers may call this machine by, without the port. May be repeated.",
            valueName: "name"))
    var allowHost: [String] = []

    @Option(
        name: .long, help: ArgumentHelp("A file with the token that requests need.", valueName: "file"),
        completion: .file())
    var tokenFile: String?

    @Flag(name: .long, help: "Ask for a token, also on this machine.")
    var token = false

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port takes 0 to 65535, not \(port)") }
        guard !host.isEmpty else { throw ValidationError("--host takes a name or an address") }
    }

    func run() throws {
        #if Web
        let registry = try options.openRegistry()
        var settings = WebServer.Options(host: host, port: port, allowedHosts: allowHost)
        if let tokenFile {
            settings.token = try AccessToken.read(tokenFile)
        } else if token || !settings.isLoopback {
            settings.token = AccessToken.random()
        }
        if !settings.isLoopback, host != "0.0.0.0", host != "::" {
            settings.allowedHosts.append(host.contains(":") ? "[\(host)]" : host)
        }
        let server = try WebServer(PageSite(registry), settings)
        let name =
            settings.isLoopback || host == "0.0.0.0" || host == "::" ? allowHost.first ?? "127.0.0.1" : host
        let shown = name.contains(":") && !name.hasPrefix("[") ? "[\(name)]" : name
        // A token that was given is known, and in no log.
        let secret = tokenFile == nil ? settings.token.map { "#token=\($0)" } ?? "" : ""
        Output.line("http://\(printable(shown)):\(server.port)/\(secret)")
        options.message("serving \(printable(registry.path)); Ctrl-C ends it")
        try server.wait()
        #else
        throw UsageError(
            description:
                "this modelreg was built without the trait Web, and cannot serve; `modelreg site` writes pages")
        #endif
    }
}

/// What requests have to know where others can connect.
enum AccessToken {
    /// 256 bits, as text that may stand in an address, a header and a cookie.
    static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return HexText.of((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// The token in a file, without the end of its line.
    static func read(_ path: String) throws -> String {
        guard let text = SmallFile.text(path) else {
            throw FileError(path: path, operation: .read, code: errno == 0 ? ENOENT : errno)
        }
        let token = String(text.prefix { $0 != "\n" && $0 != "\r\n" })
        let isPlain = token.utf8.allSatisfy { byte in
            byte >= 0x21 && byte < 0x7F && !",;\"\\#&=%+".utf8.contains(byte)
        }
        guard token.utf8.count >= 16, token.utf8.count <= 200, isPlain else {
            throw UsageError(
                description:
                    "the token in \(quoted(path)) is not 16 to 200 letters, digits and other signs without meaning in addresses"
            )
        }
        return token
    }
}
