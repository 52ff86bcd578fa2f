import Formats
import Foundations
import ModelRegistry

/// The kind of file that a version was saved from.
enum SourceOrigin: Equatable {
    /// A checkpoint file.
    case checkpoint(FileFormat)
    /// A file that is kept as it is.
    case opaqueFile
    /// A folder.
    case folder

    /// - Throws: ``RegistryError/damaged(_:)`` for a kind that nobody knows.
    init(_ source: VersionDetails.Source, of version: Version) throws {
        if let format = FileFormat(rawValue: source.format) {
            self = .checkpoint(format)
        } else if source.format == SourceFile.opaqueFormat {
            self = .opaqueFile
        } else if source.format == SourceFile.folderFormat {
            self = .folder
        } else {
            throw RegistryError.damaged(
                RegistryError.Damage(
                    version: version.reference,
                    problem: "its source file is of the unknown format \(quoted(source.format))"))
        }
    }

    /// The format of a checkpoint file.
    var format: FileFormat? {
        if case .checkpoint(let format) = self { format } else { nil }
    }

    /// Whether the file itself is what somebody wants who asks for `format`.
    ///
    /// An opaque file is nothing else, whatever it is to be called.
    func gives(_ format: FileFormat, _ options: ExportOptions) -> Bool {
        switch self {
        case .checkpoint(let own): own == format
        case .opaqueFile: options.format == nil
        // Its files are given back one by one.
        case .folder: false
        }
    }
}

extension ExportOptions {
    /// Whether they ask for all of a version, as it is.
    var isWhole: Bool { patterns.isEmpty && isAsItIs }

    /// Whether files may come back as they were, all or some.
    var givesFiles: Bool { format == nil && isAsItIs }

    private var isAsItIs: Bool { rows == nil && !flattens && stateDict == nil && shardByteCount == nil }
}
