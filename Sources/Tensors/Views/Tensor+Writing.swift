internal import CKernels
import Foundations

// The only ways to change a tensor's elements. Each is noticed by gradients that need the old ones.

extension Tensor {
    /// Copies the elements of `source`, converted to this dtype and broadcast to this shape.
    ///
    /// - Precondition: The shape of `source` broadcasts to this one. This tensor is no leaf that requires a
    ///   gradient, unless within ``withoutGradient(_:)``.
    public func copy(from source: Tensor) { assign(source) { $0 } }

    /// Sets all elements to `value`. Preconditions as of ``copy(from:)``.
    public func fill(_ value: Double) { copy(from: .full([], value, dtype: .float64)) }

    /// Sets all elements to 0. Preconditions as of ``copy(from:)``.
    public func zero() { fill(0) }

    /// ``copy(from:)`` of a source of this shape. Values that are deferred are not made first.
    package func overwrite(with source: Tensor) {
        if isWholeDeferredStorage, source.storage !== storage { storage.prepareToOverwrite() }
        copy(from: source)
    }

    /// Takes over the storage of `source`, where this tensor takes no memory yet.
    ///
    /// - Returns: Whether it did; then both tensors are the same memory.
    package func adopt(_ source: Tensor) -> Bool {
        guard isWholeDeferredStorage, source.isWholeStorage, source.dtype == dtype else { return false }
        storage.version &+= 1
        return storage.adopt(source.storage)
    }

    /// Writes `source` into this tensor: no history, no check. For fresh tensors and where a caller has checked.
    func store(_ source: Tensor) {
        let source = source.dtype == dtype ? source : source.detach().to(dtype)
        let sourceStrides = TensorGeometry.broadcastStrides(of: source, to: shape)
        storage.version &+= 1
        // A source in the same storage may overlap: it is copied first.
        if source.storage === storage {
            if source.offset == offset && sourceStrides == strides { return }
            let copy = source.detach().copied()
            mr_copy(
                byteWidth, shape.count, shape, copy.rawPointer,
                TensorGeometry.broadcastStrides(of: copy, to: shape),
                rawPointer, strides)
            withExtendedLifetime((self, copy)) {}
            return
        }
        mr_copy(byteWidth, shape.count, shape, source.rawPointer, sourceStrides, rawPointer, strides)
        withExtendedLifetime((self, source)) {}
    }

    /// Writes `value` into the part of this tensor that `part` cuts out, and records it where a gradient is wanted.
    func assign(_ value: Tensor, to part: @escaping (Tensor) -> Tensor) {
        guard isRecordingGradients, requiresGrad || value.requiresGrad else {
            part(alias()).store(value)
            return
        }
        require(
            !isTrackedLeaf,
            """
            in-place change of a leaf of shape \(shape) that requires a gradient; change its data, or wrap the change \
            in withoutGradient
            """)
        require(
            !isTrackedView,
            "in-place change of a view of shape \(shape) whose base has a history; change the base, or a copy")
        require(dtype.isFloatingPoint, "a gradient cannot flow into a \(dtype) tensor")
        let (oldEdge, valueEdge) = (edge, value.edge)
        let (valueShape, valueType) = (value.shape, value.dtype)
        part(alias()).store(value)
        let needsOld = requiresGrad
        let needsValue = value.requiresGrad
        let made = GradientNode("assignment", edges: [oldEdge, valueEdge]) { _ in [] }
        made.ownedBackward = { (g: consuming Tensor) in
            var gradient = g
            let part = { (whole: Tensor) in part(whole) }
            let slope = needsValue ? part(gradient.alias()).copied().summed(to: valueShape).to(valueType) : nil
            guard needsOld else { return [nil, slope] }
            if !Tensor.isOwnedAlone(&gradient) { gradient = gradient.copied() }
            part(gradient.alias()).store(.zeros([], dtype: gradient.dtype))
            return [gradient, slope]
        }
        node = made
    }
}
