/// Memory as long as what it holds, so that a sanitizer sees a step beyond it.
final class Bytes {
    let memory: UnsafeMutableRawBufferPointer

    var raw: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }
    var start: UnsafeMutablePointer<UInt8>? { memory.bindMemory(to: UInt8.self).baseAddress }
    var bytes: [UInt8] { Array(memory) }

    init(count: Int) { memory = .allocate(byteCount: count, alignment: 1) }

    deinit { memory.deallocate() }

    /// `bytes` over and over, with changes wherever a generator that begins with `seed` says so.
    ///
    /// - Parameter noise: How often: the low four bits as an exponent, 0 for never. The high four are how many bits of
    ///   a byte change.
    static func stretched(_ bytes: [UInt8], to count: Int, noise: UInt8, seed: UInt64) -> Bytes {
        let result = Bytes(count: count)
        let source = bytes.isEmpty ? [0] : bytes
        var state = seed &* 2 &+ 1
        let mask = UInt8(truncatingIfNeeded: (1 << UInt(noise >> 4) % 9) - 1)
        for index in 0..<count {
            var byte = source[index % source.count]
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let random = state >> 33
            if noise & 15 > 0, random % (1 << UInt64(noise & 15)) <= 1 {
                byte ^= UInt8(truncatingIfNeeded: random >> 17) & mask
            }
            result.memory[index] = byte
        }
        return result
    }
}
