/// The stretch of each storage that some tensors lie in: what a copy of these tensors has to hold.
package struct StorageSpans {
    /// The storages in order of first use, and the bytes of each.
    package private(set) var stretches: [(storage: Storage, range: Range<Int>)] = []
    private var positions: [ObjectIdentifier: Int] = [:]

    /// Bytes of the widest element, `complex128`.
    private static let widestElement = 16

    /// Finds the stretches of `tensors`.
    package init(_ tensors: some Sequence<Tensor>) {
        for tensor in tensors {
            let span = tensor.storageSpan
            let id = ObjectIdentifier(tensor.storage)
            let known = positions[id].map { stretches[$0].range } ?? span
            // From a multiple of the widest element, so that every view's offset stays a whole number of elements.
            let start =
                min(known.lowerBound, span.lowerBound) / StorageSpans.widestElement * StorageSpans.widestElement
            let range = start..<max(known.upperBound, span.upperBound)
            if let position = positions[id] {
                stretches[position].range = range
            } else {
                positions[id] = stretches.count
                stretches.append((tensor.storage, range))
            }
        }
    }

    /// How `tensor` lies in the copy of its stretch.
    ///
    /// - Parameter copies: One for each of ``stretches``.
    /// - Precondition: `tensor` is one of those that the stretches were made for.
    package func layout(of tensor: Tensor, in copies: [Storage]) -> TensorLayout<Storage> {
        guard let position = positions[ObjectIdentifier(tensor.storage)] else {
            preconditionFailure("a tensor of another storage")
        }
        // Elements below a byte have offset 0, and a stretch that begins there.
        let shift = tensor.dtype.byteWidth.map { stretches[position].range.lowerBound / $0 } ?? 0
        return tensor.layout.moved(to: copies[position], shift: shift)
    }
}
