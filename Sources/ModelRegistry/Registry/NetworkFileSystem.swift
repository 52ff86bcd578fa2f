import CSQLiteShim

extension Registry {
    /// The kind of network file system that the registry is on, such as `NFS`; `nil` for a local one.
    ///
    /// A registry works there, with a rollback journal, but SQLite can keep writers apart and commits whole only as far
    /// as the file system's locks and its flushing do.
    public var networkFileSystem: String? {
        path == ":memory:" ? nil : NetworkFileSystem.name(magic: mr_file_system(path))
    }
}

/// File systems on other machines, by the number that `statfs` gives (statfs(2), linux/magic.h).
enum NetworkFileSystem {
    static func name(magic: UInt32) -> String? {
        switch magic {
        case 0x6969: "NFS"
        case 0xFF53_4D42, 0xFE53_4D42, 0x517B: "SMB"
        case 0x00C3_6400: "CephFS"
        case 0x0BD0_0BD0: "Lustre"
        case 0x4750_4653: "GPFS"
        case 0x1983_0326: "BeeGFS"
        case 0x0102_1997: "9P"
        case 0x5346_414F, 0x6B41_4653: "AFS"
        case 0x7375_7245: "Coda"
        case 0x6573_5546: "FUSE"
        default: nil
        }
    }
}
