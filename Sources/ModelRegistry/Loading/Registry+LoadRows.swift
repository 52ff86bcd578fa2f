import Checkpoints
import ChunkStore
import Foundations
import GRDB
public import Tensors

extension Registry {
    /// Loads some rows of a tensor: a stretch of its first axis.
    ///
    /// - Parameters:
    ///   - reference: Which version; see ``VersionReference``.
    ///   - path: The tensor's path, `encoder.weight`.
    ///   - rows: Which rows, counted from 0.
    ///   - verifiesHashes: Whether to check each chunk's SHA-256 too.
    /// - Returns: A tensor of shape `[rows.count, ...]`, row-major, in storage of its own.
    /// - Throws: ``RegistryError``; ``PathSelectionError`` where there is no such path.
    /// - Complexity: O(bytes of the rows). Only chunks that hold some of them are read.
    public func load(_ reference: String, path: String, rows: Range<Int>, verifiesHashes: Bool = false) throws
        -> Tensor
    {
        let (row, view, leafPath, reader) = try read { db in
            let version = try VersionTable.resolve(db, VersionReference(reference), text: reference)
            let content = try VersionContent(db, version)
            let leaf = content.leaves.first { $0.path.text.utf8.elementsEqual(path.utf8) }
            guard let leaf else {
                let suggestion = Suggestion.closest(to: path, among: content.leaves.map(\.path.text))
                throw PathSelectionError(patterns: [path], suggestion: suggestion)
            }
            try content.checkPresent(content.leaves.map { $0.path == leaf.path })
            guard case .tensor(let row, let view, _) = leaf.content else {
                throw RegistryError.noTensor(version: version.reference, path: path)
            }
            return (row, view, leaf.path, try TensorReader(self, db, version, [(row, leaf.path)]))
        }
        guard let stretch = try RowStretch(rows, of: view, byteCount: row.byteCount) else {
            throw RegistryError.badRows(path: path, rows: rows, shape: view.shape)
        }
        let storage = Storage(uninitializedByteCount: stretch.byteRange.count)
        let request = TensorReader.Request(
            tensor: row, byteRange: stretch.byteRange, path: leafPath, destination: storage.unsafeMutableBytes)
        try reader.read([request], verifiesHashes: verifiesHashes)
        let tensor = try Tensor(
            storage: storage, dtype: view.dtype, shape: stretch.shape, strides: stretch.strides)
        return tensor.contiguous()
    }
}

/// Where some rows of a leaf are in its stored tensor.
private struct RowStretch {
    let byteRange: Range<Int>
    let shape: [Int]
    let strides: [Int]

    /// - Returns: `nil` where the leaf does not have these rows.
    init?(_ rows: Range<Int>, of view: SavePlan.View, byteCount: Int) throws {
        guard let rowCount = view.shape.first, rows.lowerBound >= 0, rows.upperBound <= rowCount else {
            return nil
        }
        shape = [rows.count] + view.shape.dropFirst()
        strides = view.placement?.strides ?? TensorGeometry.contiguousStrides(view.shape)
        guard !shape.contains(0) else {
            byteRange = 0..<0
            return
        }
        guard let width = view.dtype.byteWidth else {
            // Elements below a byte: rows begin at whole bytes, or cannot be cut.
            guard byteCount % rowCount == 0 else { return nil }
            let rowByteCount = byteCount / rowCount
            byteRange = rows.lowerBound * rowByteCount..<rows.upperBound * rowByteCount
            return
        }
        let start = (view.placement?.byteOffset ?? 0) + rows.lowerBound * strides[0] * width
        let span = try TensorGeometry.span(dtype: view.dtype, shape: shape, strides: strides)
        byteRange = start..<start + span.upperBound
    }
}
