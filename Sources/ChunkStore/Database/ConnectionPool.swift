import GRDB
import Synchronization

/// Connections to one file: one that writes, and as many that read as there are calls that read at once.
///
/// An in-memory database has one connection for both.
final class ConnectionPool: Sendable {
    private let file: StoreFile
    private let isInMemory: Bool
    private let connections: Mutex<Connections>

    private struct Connections {
        /// Open, and not in use.
        var idle: [DatabaseQueue]
        /// Calls that write take turns on it.
        var writer: DatabaseQueue?
        var isClosed = false
    }

    /// Idle connections that are kept open.
    private static let idleLimit = 8

    /// - Parameter first: An open connection.
    init(_ file: StoreFile, first: DatabaseQueue, isInMemory: Bool) {
        self.file = file
        self.isInMemory = isInMemory
        connections = Mutex(
            isInMemory ? Connections(idle: [], writer: first) : Connections(idle: [first], writer: nil))
    }

    /// Calls `body` with a connection that nobody else has meanwhile.
    func read<Result>(_ body: (DatabaseQueue) throws -> Result) throws -> Result {
        let taken = try connections.withLock { connections in
            if connections.isClosed { throw StoreError.closed(path: file.path) }
            return isInMemory ? connections.writer : connections.idle.popLast()
        }
        let connection = try taken ?? file.connect()
        guard !isInMemory else { return try body(connection) }
        defer { giveBack(connection) }
        return try body(connection)
    }

    /// The connection that writes.
    func writer() throws -> DatabaseQueue {
        try connections.withLock { connections in
            if connections.isClosed { throw StoreError.closed(path: file.path) }
            if let writer = connections.writer { return writer }
            let writer = try connections.idle.popLast() ?? file.connect()
            try writer.inDatabase { db in try PageCache.large.apply(db) }
            connections.writer = writer
            return writer
        }
    }

    private func giveBack(_ connection: DatabaseQueue) {
        let isKept = connections.withLock { connections in
            guard !connections.isClosed, connections.idle.count < ConnectionPool.idleLimit else { return false }
            connections.idle.append(connection)
            return true
        }
        if !isKept { try? connection.close() }
    }

    /// Closes all connections that are not in use, and the others as soon as they are not.
    func close() throws {
        let open = connections.withLock { connections in
            connections.isClosed = true
            defer { (connections.idle, connections.writer) = ([], nil) }
            return connections.idle + (connections.writer.map { [$0] } ?? [])
        }
        for connection in open { try connection.close() }
    }
}
