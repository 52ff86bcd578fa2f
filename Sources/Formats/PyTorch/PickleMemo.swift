/// The values that a pickle has numbered to use again.
///
/// Picklers number from 0 without gaps; whoever does otherwise is understood, and slower.
struct PickleMemo {
    private var dense: [PickleValue] = []
    private var others: [UInt32: PickleValue] = [:]

    /// Number of values.
    var count: Int { dense.count + others.count }

    /// The value with a number, `nil` where there is none.
    subscript(index: UInt32) -> PickleValue? { index < dense.count ? dense[Int(index)] : others[index] }

    /// Numbers a value; another one with the number is forgotten.
    mutating func set(_ index: UInt32, to value: PickleValue) {
        if index < dense.count {
            dense[Int(index)] = value
        } else if index == dense.count, others.isEmpty {
            dense.append(value)
        } else {
            others[index] = value
        }
    }

    mutating func removeAll() {
        dense.removeAll()
        others.removeAll()
    }
}
