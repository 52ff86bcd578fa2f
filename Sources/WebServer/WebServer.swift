#if Web
package import Foundations
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
package import Pages

/// Serves the pages of a registry over HTTP/1.1, on this machine unless told otherwise.
///
/// Answers are made on threads of their own, whole, before any of them is sent: a slow reader keeps no transaction open,
/// and no other reader waiting.
package final class WebServer: Sendable {
    /// What is served, to whom, and how.
    package struct Options: Sendable {
        /// Where to listen: a name or number.
        package var host: String
        /// 0 for any free one.
        package var port: Int
        /// What the header `Host` may say beside the names of this machine's loopback.
        package var allowedHosts: [String]
        /// What a request has to know; `nil` where all who can connect may read.
        package var token: String?
        /// Connections at once.
        package var connectionLimit: Int
        /// Seconds in which a head has to be there, and after which an idle connection is closed.
        package var headSeconds: Int64
        package var idleSeconds: Int64

        package init(
            host: String = "127.0.0.1", port: Int = 7332, allowedHosts: [String] = [], token: String? = nil,
            connectionLimit: Int = 64, headSeconds: Int64 = 10, idleSeconds: Int64 = 30
        ) {
            self.host = host
            self.port = port
            self.allowedHosts = allowedHosts
            self.token = token
            self.connectionLimit = connectionLimit
            self.headSeconds = headSeconds
            self.idleSeconds = idleSeconds
        }

        /// Whether only programs on this machine can connect.
        package var isLoopback: Bool { ["127.0.0.1", "::1", "localhost"].contains(host) }
    }

    private let group: MultiThreadedEventLoopGroup
    private let channels: [any Channel]
    private let site: PageSite
    private let threads: NIOThreadPool
    private let exportThreads: NIOThreadPool

    /// The port that it listens on.
    package let port: Int

    /// Bytes of a head: a request line and headers.
    static let headLimit = 16 * 1024

    /// Begins to listen.
    ///
    /// - Throws: ``WebServerError`` where the address is in use or is none.
    package init(_ site: PageSite, _ options: Options) throws {
        self.site = site
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        exportThreads = NIOThreadPool(numberOfThreads: 1)
        exportThreads.start()
        let access = RequestRules(options)
        let shared = ServerState(
            site: site, rules: access, options: options, threads: threads, exportThreads: exportThreads)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                guard shared.connectionOpened() else {
                    return channel.eventLoop.makeFailedFuture(WebServerError.tooManyConnections)
                }
                channel.closeFuture.whenComplete { _ in shared.connectionClosed() }
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        HeadLimitHandler(
                            limit: WebServer.headLimit, seconds: options.headSeconds,
                            idleSeconds: options.idleSeconds))
                    try pipeline.configureHTTPServerPipeline(
                        withPipeliningAssistance: true, withErrorHandling: true)
                    try pipeline.addHandler(RequestHandler(shared))
                }
            }
        do {
            var channels = [try bootstrap.bind(host: options.host, port: options.port).wait()]
            let bound = channels[0].localAddress?.port ?? options.port
            // A browser may try ::1 first for "localhost"; where there is no IPv6, it will not.
            if options.host == "127.0.0.1", let other = try? bootstrap.bind(host: "::1", port: bound).wait() {
                channels.append(other)
            }
            self.channels = channels
            port = bound
        } catch {
            try? group.syncShutdownGracefully()
            try? threads.syncShutdownGracefully()
            try? exportThreads.syncShutdownGracefully()
            throw WebServerError.cannotListen(
                host: options.host, port: options.port, code: (error as? IOError)?.errnoCode)
        }
    }

    /// Waits until it is stopped.
    package func wait() throws { try channels[0].closeFuture.wait() }

    /// Stops listening, and gives up what is under way.
    package func stop() {
        site.cancel()
        for channel in channels { try? channel.close().wait() }
        try? group.syncShutdownGracefully()
        try? threads.syncShutdownGracefully()
        try? exportThreads.syncShutdownGracefully()
    }
}

/// Why a server does not start.
package enum WebServerError: CategorisedError, CustomStringConvertible {
    case cannotListen(host: String, port: Int, code: Int32?)
    case tooManyConnections

    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let code):
            "cannot listen at \(printable(host)):\(port)"
                + (code.map { ": \(String(cString: strerror($0)))" } ?? ": no such address")
                + (code == EADDRINUSE ? "; --port takes another" : "")
        case .tooManyConnections: "too many connections"
        }
    }

    package var category: ErrorCategory { .unavailable }
}
#endif
