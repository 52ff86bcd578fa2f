import Checkpoints
import ChunkStore
import Foundations
import GRDB

/// Reads tensors of a version straight to where they are wanted, on all cores.
///
/// Chunks are found in the transaction that reads the version's rows; their bytes are read after it, in transactions of
/// their own. So a load of any size keeps nobody from writing.
struct TensorReader: Sendable {
    /// The version, for messages.
    private let version: Version
    private let registry: Registry
    private let session: ReadSession
    /// The chunks of each tensor, by its row.
    private let chunks: [Int64: [ChunkLocation]]

    /// A tensor, or a stretch of it, and where its bytes go.
    struct Request {
        let tensor: TensorRow
        /// The bytes wanted; `nil` for all.
        var byteRange: Range<Int>?
        /// For messages.
        let path: CheckpointPath
        let destination: UnsafeMutableRawBufferPointer
    }

    /// Finds the chunks of some tensors of a version.
    ///
    /// - Throws: ``RegistryError/damaged(_:)`` that names version and path.
    init(
        _ registry: Registry, _ db: Database, _ version: Version,
        _ tensors: [(tensor: TensorRow, path: CheckpointPath)]
    ) throws {
        self.registry = registry
        self.version = version
        session = try ReadSession(registry.store, db)
        var finder = try ChunkFinder(db)
        var chunks: [Int64: [ChunkLocation]] = [:]
        for (tensor, path) in tensors where chunks[tensor.rowID] == nil {
            chunks[tensor.rowID] = try locatingDamage(version: version.reference, path: path) {
                try TensorChunkTable.chunks(of: tensor, &finder, db)
            }
        }
        self.chunks = chunks
    }

    /// Fills all destinations.
    ///
    /// - Parameters:
    ///   - verifiesHashes: Whether to check SHA-256 too, and not only the checksum.
    ///   - progress: Called outside of transactions; it may use the registry.
    /// - Throws: ``RegistryError/damaged(_:)`` that names version, path and chunk. Some destinations may have
    ///   been written by then.
    func read(_ requests: [Request], verifiesHashes: Bool = false, progress: ProgressHandler? = nil) throws {
        var parts: [ReadSession.Request] = []
        for (tag, request) in requests.enumerated() {
            guard let chunks = chunks[request.tensor.rowID] else {
                preconditionFailure("the chunks of \(request.path.text) were not found")
            }
            let wanted = request.byteRange ?? 0..<request.tensor.byteCount
            for (index, chunk) in chunks.enumerated() {
                let range = Chunking.range(ofChunk: index, byteCount: request.tensor.byteCount)
                let part = range.clamped(to: wanted)
                guard !part.isEmpty else { continue }
                let start = part.lowerBound - wanted.lowerBound
                parts.append(
                    ReadSession.Request(
                        chunk, part: part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound,
                        into: UnsafeMutableRawBufferPointer(
                            rebasing: request.destination[start..<start + part.count]), tag: tag))
            }
        }
        let paths = requests.map(\.path)
        try registry.explaining(version, paths: paths) {
            try session.read(
                parts, verifiesHashes: verifiesHashes,
                progress: progress.map {
                    ThrottledProgress($0, total: parts.reduce(0) { $0 + $1.destination.count }).add
                })
        }
    }
}

extension Registry {
    /// Calls `body`, which reads chunks of a version, and says of damage where it is, and of chunks that are gone why.
    ///
    /// - Parameter paths: The leaves that requests are for, by their tags.
    func explaining<Result>(
        _ version: Version, paths: [CheckpointPath], _ body: () throws -> Result
    ) throws -> Result {
        try translatingErrors {
            do {
                return try body()
            } catch let failure as ReadSession.Failure {
                return try locatingDamage(version: version.reference, path: paths[failure.tag]) {
                    throw failure.damage
                }
            } catch let gone as ChunkGone {
                try read { db in try VersionTable.requirePresent(version, db) }
                throw RegistryError.damaged(
                    RegistryError.Damage(version: version.reference, chunk: gone.id, problem: "it is missing"))
            }
        }
    }
}
