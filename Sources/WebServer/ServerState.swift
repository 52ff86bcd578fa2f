#if Web
import Foundations
import NIOCore
import NIOPosix
import Pages
import Synchronization

/// What all connections share.
final class ServerState: Sendable {
    let site: PageSite
    let rules: RequestRules
    let options: WebServer.Options
    let threads: NIOThreadPool
    private let connections = Atomic(0)
    let exports = Exports()
    /// One file is made at a time: each may take all cores and the space of the version.
    let exportThreads: NIOThreadPool

    init(
        site: PageSite, rules: RequestRules, options: WebServer.Options, threads: NIOThreadPool,
        exportThreads: NIOThreadPool
    ) {
        self.exportThreads = exportThreads
        self.site = site
        self.rules = rules
        self.options = options
        self.threads = threads
    }

    /// - Returns: `false` where there are as many as there may be.
    func connectionOpened() -> Bool {
        if connections.add(1, ordering: .relaxed).newValue <= options.connectionLimit { return true }
        connections.subtract(1, ordering: .relaxed)
        return false
    }

    func connectionClosed() { connections.subtract(1, ordering: .relaxed) }
}
#endif
