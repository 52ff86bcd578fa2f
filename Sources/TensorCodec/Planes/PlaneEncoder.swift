import CKernels
import Foundations

/// Writes planes one after the other, each in the shortest coding that its statistics make worth trying.
struct PlaneEncoder: ~Copyable {
    private let effort: EncodingEffort
    private var coders: EntropyCoders
    private var histogram = PlaneHistogram()
    private var alternative = ScratchBuffer()
    private var bytes: UnsafeMutableRawPointer
    private(set) var byteCount = 0

    init(effort: EncodingEffort) {
        self.effort = effort
        coders = EntropyCoders(effort: effort)
        bytes = alternative.reserve(0)
    }

    /// The memory that a chunk of `chunkByteCount` bytes in at most `planeCount` planes needs while it is written.
    static func bound(_ chunkByteCount: Int, planeCount: Int) -> Int {
        // While a plane is tried, everything before it is at most raw. Coders are fast only with room to spare.
        let perPlane = 1 + 5
        return 1 + chunkByteCount + planeCount * perPlane + EntropyCoders.bound(chunkByteCount)
    }

    /// Starts anew, at memory of ``bound(_:planeCount:)`` bytes that stays until the chunk is used.
    mutating func start(at memory: UnsafeMutableRawPointer) {
        bytes = memory
        byteCount = 0
    }

    /// What was written since `start`.
    var encoded: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: byteCount) }

    mutating func append(_ byte: UInt8) {
        bytes.storeBytes(of: byte, toByteOffset: byteCount, as: UInt8.self)
        byteCount += 1
    }

    mutating func append(_ raw: UnsafeRawBufferPointer) {
        guard let start = raw.baseAddress else { return }
        (bytes + byteCount).copyMemory(from: start, byteCount: raw.count)
        byteCount += raw.count
    }

    /// Writes the head of a plane that is stored as it is.
    ///
    /// - Returns: Where its bytes belong; the caller writes them before the chunk is used.
    mutating func appendRaw(byteCount count: Int) -> UnsafeMutableRawPointer {
        append(PlaneCoding.raw.rawValue)
        defer { byteCount += count }
        return bytes + byteCount
    }

    /// Writes one plane; it must not be empty.
    ///
    /// - Parameter mayRepeat: Repeats are worth a try whatever the statistics say, because neighbours are not
    ///   bytes of the same significance.
    /// - Returns: Whether repeats were tried.
    @discardableResult
    mutating func appendPlane(_ plane: UnsafeRawBufferPointer, mayRepeat: Bool = false) -> Bool {
        let start = plane.bindMemory(to: UInt8.self).baseAddress
        let equalNeighbourCount = mr_equal_neighbours(MR_CPU_IN_USE, start, plane.count)
        if equalNeighbourCount == plane.count - 1 {
            append(PlaneCoding.constant.rawValue)
            append(plane[0])
            return true
        }
        let equalNeighbours = Double(equalNeighbourCount) / Double(plane.count)
        let isLarge = plane.count >= ElementSample.leastElementCount
        if isLarge, !mayRepeat {
            // Most mantissa planes are noise, and eight thousand bytes show it.
            histogram.sample(plane)
            if histogram.isNoise, equalNeighbours < PlaneHistogram.fewNeighbours {
                appendRaw(plane)
                return false
            }
        }
        // They also tell enough of exponents. Of planes that are mostly one value, they do not.
        if !isLarge || mayRepeat || effort == .best || histogram.entropy < 2 { histogram.count(plane) }
        let byChance = histogram.collisionProbability
        // Repeats beyond chance, as a part of all that could be.
        var tryRepeats = mayRepeat || equalNeighbours - byChance > 0.1 * (1 - byChance)
        if tryRepeats, !mayRepeat, effort == .fast, isLarge {
            // The exponents of optimiser state resemble their neighbours and yet are coded best one by one.
            let room = EntropyCoders.bound(plane.count)
            let target = UnsafeMutableRawBufferPointer(start: alternative.reserve(room), count: room)
            tryRepeats = coders.repeatsPay(on: plane, target: target)
        }
        if !tryRepeats, histogram.isNoise {
            appendRaw(plane)
            return false
        }
        appendShortest(plane, tryRepeats: tryRepeats)
        return tryRepeats
    }

    private mutating func appendRaw(_ plane: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(start: appendRaw(byteCount: plane.count), count: plane.count)
            .copyMemory(from: plane)
    }

    private mutating func appendShortest(_ plane: UnsafeRawBufferPointer, tryRepeats: Bool) {
        // The best so far is in place behind room for its header; a challenger is written elsewhere.
        let room = EntropyCoders.bound(plane.count)
        let header = 1 + LEB128.byteCount(of: plane.count)
        let place = UnsafeMutableRawBufferPointer(start: bytes + byteCount + header, count: room)
        let elsewhere = UnsafeMutableRawBufferPointer(start: alternative.reserve(room), count: room)
        var best: (coding: PlaneCoding, byteCount: Int)?
        coders.forEachAttempt(at: plane, histogram, repeats: tryRepeats) { attempt in
            var limit = Int.max
            if let best { limit = best.byteCount - best.byteCount * attempt.leastGain / 100 }
            if let estimate = attempt.estimate, estimate >= limit { return }
            guard let byteCount = attempt.compress(plane, best == nil ? place : elsewhere), byteCount < limit
            else { return }
            if best != nil {
                place.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(elsewhere)[..<byteCount]))
            }
            best = (attempt.coding, byteCount)
        }
        // A coded plane has a length that a raw one has not. Saving next to nothing is not worth the decoding.
        guard let best, best.byteCount + header < plane.count - plane.count / 256 else {
            appendRaw(plane)
            return
        }
        append(best.coding.rawValue)
        LEB128.write(best.byteCount) { append($0) }
        if byteCount < place.baseAddress.unsafelyUnwrapped - bytes {
            // The length took fewer bytes than the plane's own would.
            (bytes + byteCount).copyMemory(
                from: place.baseAddress.unsafelyUnwrapped, byteCount: best.byteCount)
        }
        byteCount += best.byteCount
    }
}
