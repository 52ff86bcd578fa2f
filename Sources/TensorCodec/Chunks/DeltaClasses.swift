import CKernels

extension ElementKind {
    /// The format of floats, `nil` for other kinds.
    var floatFormat: mr_float_format? {
        switch self {
        case .float16: MR_FLOAT16
        case .bfloat16: MR_BFLOAT16
        case .float32: MR_FLOAT32
        case .float64: MR_FLOAT64
        case .bytes, .integer16, .integer32, .integer64: nil
        }
    }
}

extension mr_delta_classes {
    /// The number of elements of each class; none is 0.
    var elementCounts: [Int] {
        withUnsafeBytes(of: counts) { counts in
            counts.bindMemory(to: UInt32.self).prefix(Int(class_count)).map(Int.init)
        }
    }
}
