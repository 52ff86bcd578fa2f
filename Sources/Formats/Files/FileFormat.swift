import Foundations

/// A file format that checkpoints come in.
public enum FileFormat: String, Sendable, CaseIterable {
    /// `safetensors`: tensors by name, with texts as metadata.
    case safetensors
    /// What `torch.save` writes: a zip archive with a pickle and storages. Read is also what it wrote before 1.6.
    case pytorch
    /// `.npy`: one NumPy array.
    case npy
    /// `.npz`: a zip archive of NumPy arrays by name.
    case npz
    /// A pickle that is a file of its own: `.pkl`, `.pdparams`. Given back, never made anew.
    case pickle
    /// GGUF, as llama.cpp reads it: tensors, quantised or not, with a model's metadata. Given back, never made anew.
    case gguf
}

/// What the first bytes of a file say.
enum FileSignature {
    case safetensors
    case zip
    case npy
    case legacyPyTorch
    case pickle
    case gguf

    /// Recognises a file by its first bytes, never by its name.
    ///
    /// - Throws: ``UnsupportedFormat`` which names the format where it is a known one.
    init(_ file: UnsafeRawBufferPointer) throws {
        guard !file.isEmpty else { throw UnsupportedFormat.empty }
        func begins(_ magic: [UInt8], at offset: Int = 0) -> Bool {
            file.count >= offset + magic.count && file[offset..<offset + magic.count].elementsEqual(magic)
        }
        var reader = ByteReader(file)
        if let headerByteCount = reader.integer(UInt64.self), begins([UInt8(ascii: "{")], at: 8),
            headerByteCount <= UInt64(SafetensorsHeader.maximumByteCount) || begins(Array("{\"".utf8), at: 8)
        {
            self = .safetensors
            return
        }
        if begins([0x50, 0x4B, 0x03, 0x04]) || begins([0x50, 0x4B, 0x05, 0x06]) {
            self = .zip
            return
        }
        if begins(NumPyHeader.magic) {
            self = .npy
            return
        }
        if begins(LegacyPyTorch.magic) {
            self = .legacyPyTorch
            return
        }
        if PickleMachine.isPickle(file) {
            self = .pickle
            return
        }
        if begins(GGUFHeader.magic) {
            self = .gguf
            return
        }
        if begins([UInt8(ascii: "{")]) { throw UnsupportedFormat.index }
        if begins([0x89] + Array("HDF\r\n\u{1A}\n".utf8)) { throw UnsupportedFormat.known("an HDF5 file") }
        if begins([0x1F, 0x8B]) { throw UnsupportedFormat.known("compressed with gzip") }
        if begins([0x28, 0xB5, 0x2F, 0xFD]) { throw UnsupportedFormat.known("compressed with zstd") }
        if begins(Array("ustar".utf8), at: 257) { throw UnsupportedFormat.known("a tar archive") }
        if begins(Array("SQLite format 3\0".utf8)) { throw UnsupportedFormat.known("an SQLite database") }
        if begins([0x7F] + Array("ELF".utf8)) { throw UnsupportedFormat.known("a program") }
        throw UnsupportedFormat.unknown
    }
}

/// A file that is in none of the formats that can be read.
public enum UnsupportedFormat: FormatError, Equatable {
    /// No bytes at all.
    case empty
    /// None of the formats that can be told apart.
    case unknown
    /// A format that is recognised but not read; the text says what the file is.
    case known(String)
    /// What Git LFS leaves in place of a file, and the length of that file.
    case lfsPointer(byteCount: Int?)
    /// JSON, as the index of a model in several files is.
    case index

    /// One line, lower case, with what to do.
    public var description: String {
        switch self {
        case .empty: "the file is empty"
        case .unknown: "not a checkpoint that modelreg can read: neither safetensors, PyTorch, NumPy nor GGUF"
        case .known(let what):
            "the file is \(what), which is not supported; save it as safetensors or with torch.save"
        case .lfsPointer(let byteCount):
            "the file is a Git LFS pointer"
                + (byteCount.map { " to \($0) bytes that are not here" } ?? ", the bytes are not here")
                + "; run `git lfs pull`"
        case .index: "the file is JSON, which is read as the index of a model in several files only"
        }
    }
}
