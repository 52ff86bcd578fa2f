import ChunkStore
import Foundations
import GRDB

extension Registry {
    /// Puts right what can be put right without a guess, and then reads everything and compares it with its hashes.
    ///
    /// Indexes that differ from their tables are made anew where other copies, or content ids, say that the table is right;
    /// a row that is wrong takes the values that these prove. Columns that follow from others are computed again: kind,
    /// number of tensors and bytes of versions, next numbers of models, lengths of tensors and packs, depths and checksums
    /// of chunks. Chunks that do not decode, and rows that name the chunks of a tensor, are taken from other registries by
    /// their content ids.
    ///
    /// Works in transactions of bounded size, of which each leaves the registry no worse than it was.
    ///
    /// - Parameter sources: Where whole chunks may be found. They are only read.
    /// - Returns: What was put right, what was left, and what a verification found afterwards.
    /// - Throws: ``RegistryError`` where the registry cannot be read or written at all, or is one of the sources.
    /// - Complexity: O(bytes), each chunk twice, on all cores.
    public func repair(from sources: [Registry] = [], progress: ProgressHandler? = nil) throws -> RepairReport {
        for source in sources {
            guard source !== self, path == ":memory:" || !FileIdentity.isSame(path, source.path) else {
                throw RegistryError.sameRegistry(path: path)
            }
        }
        return try repair(supplies: sources.map { source in { source } }, progress: progress)
    }

    /// As ``repair(from:progress:)``, with sources that are made where something is missing.
    package func repair(supplies: [() throws -> Registry], progress: ProgressHandler?) throws -> RepairReport {
        let log = RepairLog()
        let schema = try RowVerification.schemaProblems(self)
        if schema.isEmpty {
            try IndexRepair(self, log).run()
            try DerivedRepair(self, log).run()
            let byteCount = try read { db in
                // No row can make it overflow.
                try Int.fetchOne(db, sql: "SELECT sum(min(max(byte_count, 0), 1 << 20)) FROM chunk") ?? 0
            }
            let throttled = progress.map { ThrottledProgress($0, total: byteCount) }
            try ContentRepair(self, supplies.map(ChunkSupply.init), log).run { throttled?.add($0) }
        } else {
            // A trigger would run with each change.
            log.leave("nothing was repaired: the schema is not that of this version of modelreg")
        }
        if !log.repairs.isEmpty {
            // Less important than what was repaired.
            try? write { db in
                try EventTable.insert(
                    db, "repair", at: Timestamp.now(), detail: "{\"repairs\":\(log.repairs.count)}")
            }
        }
        return RepairReport(
            repairs: log.repairs, undecided: log.undecided, verification: try verifyAnew(progress: progress))
    }

    /// As ``verify(_:progress:)``, where damage that ends the verification is a problem like others.
    private func verifyAnew(progress: ProgressHandler?) throws -> VerificationReport {
        do {
            return try verify(progress: progress)
        } catch RegistryError.damaged(let damage) {
            return VerificationReport(
                versionCount: 0, tensorCount: 0, byteCount: 0, thinnedVersionCount: 0, problems: [damage])
        }
    }
}
