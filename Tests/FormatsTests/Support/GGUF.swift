/// Pieces of GGUF files, by hand.
enum GGUF {
    /// A text as GGUF has it: its length, then its bytes.
    static func text(_ text: String) -> [UInt8] { bytes(of: UInt64(text.utf8.count)) + Array(text.utf8) }

    /// A key with a value whose type has a number.
    static func fact(_ key: String, _ type: UInt32, _ value: [UInt8]) -> [UInt8] {
        text(key) + bytes(of: type) + value
    }

    /// What the header says of a tensor: its lengths, the innermost first.
    static func info(_ name: String, _ lengths: [UInt64], _ type: UInt32, offset: UInt64) -> [UInt8] {
        text(name) + bytes(of: UInt32(lengths.count)) + lengths.flatMap { bytes(of: $0) } + bytes(of: type)
            + bytes(of: offset)
    }

    /// A GGUF file with `data` at the next multiple of the alignment.
    static func file(
        version: UInt32 = 3, facts: [[UInt8]] = [], infos: [[UInt8]] = [], data: [UInt8] = [],
        alignment: Int = 32
    ) -> [UInt8] {
        var file = Array("GGUF".utf8) + bytes(of: version) + bytes(of: UInt64(infos.count))
        file += bytes(of: UInt64(facts.count)) + facts.flatMap { $0 } + infos.flatMap { $0 }
        while !data.isEmpty, file.count % alignment != 0 { file.append(0) }
        return file + data
    }
}
