import GRDB

/// Reading what is known of tensors.
enum TensorTable {
    /// The tensors of a version, in the order of its leaves.
    static func facts(_ db: Database, version: Int64) throws -> [TensorFacts] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT path.text AS path, tensor.dtype, tensor.shape, tensor.byte_count, nan_count, infinity_count,
                       zero_count, minimum, maximum, l2_norm
                FROM parameter JOIN tensor ON tensor.id = parameter.tensor JOIN path ON path.id = parameter.path
                WHERE version = ? ORDER BY ordinal
                """,
            arguments: [version])
        var facts: [TensorFacts] = []
        while let row = try rows.next() {
            let shape = try IntegerList.numbers(row.value("shape"))
            var count = 1
            for length in shape {
                let (product, overflow) = count.multipliedReportingOverflow(by: length)
                guard !overflow, product >= 0 else {
                    throw RegistryError.Damage(problem: "impossible shape \(shape)")
                }
                count = product
            }
            facts.append(
                TensorFacts(
                    path: try row.value("path"), dtype: try row.value("dtype"), count: count,
                    byteCount: try row.value("byte_count"), nanCount: try row.optional("nan_count"),
                    infinityCount: try row.optional("infinity_count"),
                    zeroCount: try row.optional("zero_count"),
                    minimum: try row.optional("minimum"), maximum: try row.optional("maximum"),
                    l2Norm: try row.optional("l2_norm")))
        }
        return facts
    }
}
