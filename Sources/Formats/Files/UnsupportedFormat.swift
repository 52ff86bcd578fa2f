import Foundations

/// A file that is in none of the formats that can be read.
public enum UnsupportedFormat: FormatError, Equatable {
    /// No bytes at all.
    case empty
    /// None of the formats that can be told apart.
    case unknown
    /// Zeros where a file begins: room that was made for a download or copy.
    case zeros
    /// A text; its first line.
    case text(String)
    /// A text that Git LFS leaves in place of a file, and the length of that file.
    case lfsPointer(byteCount: Int?)
    /// A page or message of a web server: HTML or XML.
    case webPage(String)
    /// A format that is recognised but not read.
    case foreign(ForeignFormat)
    /// An archive of files, and the checkpoints among them.
    case archive(String, members: [String])
    /// JSON, as the index of a model in several files is.
    case index

    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .empty: "the file is empty"
        case .unknown: "not a checkpoint that modelreg can read: neither safetensors, PyTorch, NumPy nor GGUF"
        case .zeros:
            "the file begins with zeros, as a download or copy that was not finished does; get it again"
        case .text(let line): "not a checkpoint that modelreg can read: a text that begins \(quoted(line))"
        case .lfsPointer(let byteCount):
            "the file is a Git LFS pointer"
                + (byteCount.map { " to \($0) bytes that are not here" } ?? ", the bytes are not here")
                + "; run `git lfs pull`"
        case .webPage(let kind):
            "the file is \(kind): the download failed or needs a login; download it again"
        case .foreign(let format): "the file is \(format.phrase); \(format.advice)"
        case .archive(let kind, let members): UnsupportedFormat.archive(kind, members)
        case .index: "the file is JSON, which is read as the index of a model in several files only"
        }
    }

    private static func archive(_ kind: String, _ members: [String]) -> String {
        guard let first = members.first else { return "the file is \(kind) archive without a checkpoint in it" }
        guard members.count > 1 else {
            return "the file is \(kind) archive; extract \(quoted(first)) from it and save that"
        }
        return "the file is \(kind) archive of \(members.count) checkpoints; extract one and save it, such as "
            + quoted(first)
    }
}

/// A format that is told apart from others, and not read.
public enum ForeignFormat: Sendable, CaseIterable {
    case gzip, bzip2, xz, zstd, lz4, sevenZip, rar
    case hdf5, keras, msgpack, onnx, ggml, tensorFlowLite
    case registry, patch, sqlite, program

    /// Names the file, after "the file is".
    var phrase: String {
        switch self {
        case .gzip: "compressed with gzip"
        case .bzip2: "compressed with bzip2"
        case .xz: "compressed with xz"
        case .zstd: "compressed with zstd"
        case .lz4: "compressed with lz4"
        case .sevenZip: "a 7z archive"
        case .rar: "a RAR archive"
        case .hdf5: "an HDF5 file, such as Keras writes, which is not supported"
        case .keras: "a Keras model, which is not supported"
        case .msgpack: "msgpack, as flax_model.msgpack is, which is not supported"
        case .onnx: "an ONNX model, which is not supported"
        case .ggml: "a GGML file, as llama.cpp wrote before GGUF, which is not supported"
        case .tensorFlowLite: "a TensorFlow Lite model, which is not supported"
        case .registry: "a registry of modelreg and not a checkpoint"
        case .patch: "a patch of modelreg and not a checkpoint"
        case .sqlite: "an SQLite database and not a checkpoint"
        case .program: "a program and not a checkpoint"
        }
    }

    /// Says how to get a checkpoint that can be saved.
    var advice: String {
        switch self {
        case .gzip: "unpack it with gunzip first"
        case .bzip2: "unpack it with bunzip2 first"
        case .xz: "unpack it with unxz first"
        case .zstd: "unpack it with unzstd first"
        case .lz4: "unpack it with unlz4 first"
        case .sevenZip, .rar: "extract the checkpoint from it first"
        case .hdf5, .keras, .msgpack: "save its arrays as safetensors or .npz"
        case .onnx, .tensorFlowLite: "save the model that it was exported from"
        case .ggml: "convert it to GGUF"
        case .registry: "`modelreg merge` takes its versions"
        case .patch: "`modelreg apply` makes the version of it"
        case .sqlite, .program: "save a file of weights"
        }
    }
}
