import Foundation
import NN
import Tensors
import Testing

/// Figures made by `Tests/Fixtures/make_engine_fixtures.py`.
enum Fixture {
    struct Packed: Decodable, Sendable {
        let shape: [Int]
        let dtype: String
        let data: [Double]

        var tensor: Tensor {
            let type = DType(rawValue: dtype) ?? .float32
            return Tensor(data, shape: shape).to(type)
        }
    }

    private static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../Fixtures/engine")

    static func data(_ name: String) throws -> Data {
        try Data(contentsOf: directory.appendingPathComponent(name))
    }

    static func decode<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: data(name))
    }

    /// `(((i + shift) · 2654435761 mod 2³²) / 2³² - 0.5) · scale`, as the script computes it.
    static func numbers(_ count: Int, scale: Double, shift: Int) -> Tensor {
        Tensor(
            (0..<count).map { i -> Float in
                let hash = ((i + shift) * 2_654_435_761) % (1 << 32)
                return Float((Double(hash) / 0x1p32 - 0.5) * scale)
            })
    }
}

/// Whether all elements are as expected: `tolerance` relative to the largest expected element or 1.
func expectClose(
    _ tensor: Tensor?, _ expected: Tensor, tolerance: Double, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    guard let tensor else {
        Issue.record("\(what): no tensor", sourceLocation: sourceLocation)
        return
    }
    #expect(tensor.shape == expected.shape, "\(what)", sourceLocation: sourceLocation)
    guard tensor.shape == expected.shape else { return }
    let worst = zip(tensor.doubles(), expected.doubles()).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
    #expect(worst <= tolerance, "\(what): off by \(worst)", sourceLocation: sourceLocation)
}
