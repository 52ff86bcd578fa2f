import CZlib
import Foundations

/// A picture of red, green and blue bytes, white at first.
struct RasterImage {
    let width: Int
    let height: Int
    private(set) var pixels: [UInt8]

    init(width: Int, height: Int) {
        precondition(width > 0 && height > 0, "\(width) by \(height) pixels")
        self.width = width
        self.height = height
        pixels = Array(repeating: 255, count: 3 * width * height)
    }

    /// A colour, `0xRRGGBB`.
    typealias Colour = UInt32

    /// Lays a colour over a pixel, `part` of it from 0 to 1. What lies outside is left out.
    mutating func blend(_ x: Int, _ y: Int, _ colour: Colour, _ part: Double) {
        guard (0..<width).contains(x), (0..<height).contains(y), part > 0 else { return }
        for channel in 0..<3 {
            let value = Double(colour >> UInt32(16 - 8 * channel) & 0xFF)
            let index = 3 * (y * width + x) + channel
            pixels[index] = UInt8((Double(pixels[index]) * (1 - part) + value * part).rounded())
        }
    }

    /// Joins places by straight lines. Each pixel is covered as far as it is near, and once however often lines meet.
    mutating func polyline(_ places: [(x: Double, y: Double)], width lineWidth: Double, _ colour: Colour) {
        var covered: [Int: Double] = [:]
        func cover(_ a: (x: Double, y: Double), _ b: (x: Double, y: Double)) {
            let reach = lineWidth / 2 + 1
            let (dx, dy) = (b.x - a.x, b.y - a.y)
            let length = dx * dx + dy * dy
            // Along the longer axis, only what is near the line.
            let count = max(1, Int(max(abs(dx), abs(dy)).rounded(.up)))
            for step in 0...count {
                let t = Double(step) / Double(count)
                let (cx, cy) = (a.x + dx * t, a.y + dy * t)
                for y in Int((cy - reach).rounded(.down))...Int((cy + reach).rounded(.up)) {
                    for x in Int((cx - reach).rounded(.down))...Int((cx + reach).rounded(.up)) {
                        guard (0..<width).contains(x), (0..<height).contains(y) else { continue }
                        let (px, py) = (Double(x) + 0.5 - a.x, Double(y) + 0.5 - a.y)
                        let along = length > 0 ? min(1, max(0, (px * dx + py * dy) / length)) : 0
                        let (ex, ey) = (px - along * dx, py - along * dy)
                        let part = lineWidth / 2 + 0.5 - (ex * ex + ey * ey).squareRoot()
                        if part > 0 { covered[y * width + x] = max(covered[y * width + x] ?? 0, min(1, part)) }
                    }
                }
            }
        }
        if places.count == 1, let place = places.first { cover(place, place) }
        for (a, b) in zip(places, places.dropFirst()) { cover(a, b) }
        for (pixel, part) in covered { blend(pixel % width, pixel / width, colour, part) }
    }

    /// Writes text whose top left dot is at a place, each dot `scale` pixels wide.
    mutating func text(_ text: String, x: Int, y: Int, scale: Int, _ colour: Colour) {
        var left = x
        for scalar in text.unicodeScalars {
            for (column, bits) in DotMatrix.columns(scalar).enumerated() {
                for row in 0..<DotMatrix.height where bits >> UInt8(row) & 1 == 1 {
                    for dy in 0..<scale {
                        for dx in 0..<scale {
                            blend(left + column * scale + dx, y + row * scale + dy, colour, 1)
                        }
                    }
                }
            }
            left += DotMatrix.advance * scale
        }
    }

    /// Pixels across that ``text(_:x:y:scale:_:)`` takes.
    static func textWidth(_ text: String, scale: Int) -> Int {
        max(0, text.unicodeScalars.count * DotMatrix.advance - 1) * scale
    }

    /// The picture as a PNG file (ISO 15948): 8 bits a channel, no filter, one stream of zlib.
    var png: [UInt8] {
        var rows: [UInt8] = []
        rows.reserveCapacity(pixels.count + height)
        for row in 0..<height {
            rows.append(0)
            rows += pixels[3 * row * width..<3 * (row + 1) * width]
        }
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        func bigEndian(_ value: Int) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
        }
        func append(_ type: String, _ data: [UInt8]) {
            let body = Array(type.utf8) + data
            file += bigEndian(data.count) + body + bigEndian(Int(crc32(0, body, uInt(body.count))))
        }
        append("IHDR", bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0])
        append("IDAT", Zlib.compressed(rows))
        append("IEND", [])
        return file
    }
}
