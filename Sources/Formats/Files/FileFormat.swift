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
        if LegacyPyTorch.endOfMagic(file) != nil {
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
        throw ForeignFile(file).format
    }
}
