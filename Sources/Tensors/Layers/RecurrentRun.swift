internal import CKernels
import Foundations

/// One pass over sequences.
struct RecurrentRun {
    let unit: RecurrentUnit
    let length: Int
    let count: Int
    let size: Int
    let isReversed: Bool
    /// For each time and sequence whether the sequence is that long; `nil` where all are.
    let active: Tensor?

    init(unit: RecurrentUnit, length: Int, count: Int, size: Int, lengths: [Int]?, isReversed: Bool) {
        self.unit = unit
        (self.length, self.count, self.size) = (length, count, size)
        self.isReversed = isReversed
        guard let lengths else {
            active = nil
            return
        }
        require(
            lengths.count == count && lengths.allSatisfy { $0 >= 0 && $0 <= length },
            "lengths \(lengths) of \(count) sequences of \(length) steps")
        let flags = (0..<length).flatMap { time in lengths.map { time < $0 } }
        active = Tensor(flags, shape: [length, count])
    }

    private var width: Int { unit.gateCount * size }

    private func isActive(_ time: Int) -> UnsafePointer<UInt8>? {
        active.map { UnsafePointer($0.pointer(UInt8.self) + time * count) }
    }

    /// The times in the order they are read. The states before all steps and after each are in an array by time: that
    /// before time t is at t and that after it at t + 1, or the other way round where sequences are read from the end.
    private var times: [Int] { isReversed ? (0..<length).reversed() : Array(0..<length) }
    private func before(_ time: Int) -> Int { isReversed ? time + 1 : time }
    private func after(_ time: Int) -> Int { isReversed ? time : time + 1 }

    func record<Scalar: RecurrentScalar>(
        _: Scalar.Type, _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, _ state: RecurrentState
    ) -> (output: Tensor, state: RecurrentState) {
        let states = [state.hidden] + (state.cell.map { [$0] } ?? [])
        require(
            weight.shape == [width, size] && input.shape == [length, count, width]
                && states.allSatisfy { $0.shape == [count, size] },
            "recurrent layer of sums \(input.shape), weight \(weight.shape), states \(states.map(\.shape))")
        let (packedWeight, packedBias) = (weight.detach().contiguous(), bias?.detach().contiguous())
        let gates = input.detach().copied()
        let products =
            unit == .gru ? Tensor(uninitialized: [length, count, width], dtype: Scalar.dtype) : nil
        let hidden = Tensor(uninitialized: [length + 1, count, size], dtype: Scalar.dtype)
        let cells = state.cell.map { _ in Tensor(uninitialized: hidden.shape, dtype: Scalar.dtype) }
        let first = isReversed ? length : 0
        hidden.selected(0, first).store(state.hidden.detach())
        if let cells, let cell = state.cell { cells.selected(0, first).store(cell.detach()) }
        // Outputs, then the last hidden state, then the last cell, so that one gradient comes back.
        let result = Tensor(uninitialized: [length + (cells == nil ? 1 : 2), count, size], dtype: Scalar.dtype)
        forward(Scalar.self, gates, products, hidden, cells, packedWeight, packedBias, result)
        let last = isReversed ? 0 : length
        result.alias().selected(0, length).store(hidden.selected(0, last))
        if let cells { result.alias().selected(0, length + 1).store(cells.selected(0, last)) }

        let inputs = [input, weight, state.hidden] + [state.cell, bias].compactMap { $0 }
        if inputs.contains(where: \.isRecorded) {
            let saved = SavedTensor(packedWeight, for: "recurrent layer")
            let (hasCell, hasBias) = (cells != nil, bias != nil)
            result.recorded("recurrent layer", inputs) { g in
                let slopes = backward(
                    Scalar.self, g.contiguous(), gates, products, hidden, cells, saved.value, hasBias: hasBias)
                return [slopes.input, slopes.weight, slopes.hidden] + (hasCell ? [slopes.cell] : [])
                    + (hasBias ? [slopes.bias] : [])
            }
        }
        return (
            result.narrowed(0, to: 0..<length),
            RecurrentState(
                hidden: result.selected(0, length), cell: cells.map { _ in result.selected(0, length + 1) })
        )
    }

    private func forward<Scalar: RecurrentScalar>(
        _: Scalar.Type, _ gates: Tensor, _ products: Tensor?, _ hidden: Tensor, _ cells: Tensor?,
        _ weight: Tensor,
        _ bias: Tensor?, _ result: Tensor
    ) {
        // Turned once, so that no step has to.
        let turned = count > 4 ? weight.swappingLastAxes().copied() : nil
        let factor = (turned ?? weight).pointer(Scalar.self)
        let (row, column) = turned == nil ? (1, size) : (width, 1)
        let (step, gateStep) = (count * size, count * width)
        let (h, c) = (hidden.pointer(Scalar.self), cells?.pointer(Scalar.self))
        for time in times {
            let (old, new) = (before(time) * step, after(time) * step)
            let sums = gates.pointer(Scalar.self) + time * gateStep
            let output = result.pointer(Scalar.self) + time * step
            let product = products.map { $0.pointer(Scalar.self) + time * gateStep }
            let start = product == nil ? MR_GEMM_ADD : bias == nil ? MR_GEMM_SET : MR_GEMM_BIAS
            Scalar.gemm(
                count, width, size, h + old, size, 1, factor, row, column, product ?? sums, width, start,
                product == nil ? nil : bias?.pointer(Scalar.self))
            let active = isActive(time)
            switch unit {
            case .lstm:
                guard let c else { trap("an LSTM without a cell") }
                Scalar.lstmStep(count, size, active, sums, c + old, h + old, c + new, h + new, output)
            case .gru: Scalar.gruStep(count, size, active, sums, product, h + old, h + new, output)
            case .tanh, .relu:
                Scalar.rnnStep(unit == .relu ? 1 : 0, count, size, active, sums, h + old, h + new, output)
            }
        }
        withExtendedLifetime((gates, products, hidden, cells, weight, turned, bias, result, active)) {}
    }

    private func backward<Scalar: RecurrentScalar>(
        _: Scalar.Type, _ g: Tensor, _ gates: Tensor, _ products: Tensor?, _ hidden: Tensor, _ cells: Tensor?,
        _ weight: Tensor, hasBias: Bool
    ) -> (input: Tensor, weight: Tensor, hidden: Tensor, cell: Tensor?, bias: Tensor?) {
        let type = Scalar.dtype
        let sumSlope = Tensor(uninitialized: [length, count, width], dtype: type)
        let productSlope = products.map { _ in Tensor(uninitialized: [length, count, width], dtype: type) }
        var slope = g.selected(0, length).copied()
        var earlier = Tensor(uninitialized: [count, size], dtype: type)
        let cellSlope = cells.map { _ in g.selected(0, length + 1).copied() }
        let (step, gateStep) = (count * size, count * width)
        let (h, c) = (hidden.pointer(Scalar.self), cells?.pointer(Scalar.self))
        for time in times.reversed() {
            let (old, new) = (before(time) * step, after(time) * step)
            addOutputSlope(g.selected(0, time), to: slope, time)
            let sums = gates.pointer(Scalar.self) + time * gateStep
            let out = sumSlope.pointer(Scalar.self) + time * gateStep
            let product = productSlope.map { $0.pointer(Scalar.self) + time * gateStep }
            let (late, early) = (slope.pointer(Scalar.self), earlier.pointer(Scalar.self))
            let active = isActive(time)
            switch unit {
            case .lstm:
                guard let c else { trap("an LSTM without a cell") }
                Scalar.lstmSlope(
                    count, size, active, sums, c + old, c + new, late, cellSlope?.pointer(Scalar.self), out,
                    early)
            case .gru:
                Scalar.gruSlope(
                    count, size, active, sums, products.map { $0.pointer(Scalar.self) + time * gateStep },
                    h + old,
                    late, out, product, early)
            case .tanh, .relu:
                Scalar.rnnSlope(unit == .relu ? 1 : 0, count, size, active, h + new, late, out, early)
            }
            Scalar.gemm(
                count, size, width, product ?? out, width, 1, weight.pointer(Scalar.self), size, 1, early, size,
                MR_GEMM_ADD, nil)
            swap(&slope, &earlier)
        }
        withExtendedLifetime((gates, products, hidden, cells, weight, active)) {}
        // All steps' products with the states before them are one product.
        let rows = (productSlope ?? sumSlope).reshaped(to: [length * count, width])
        let states = hidden.narrowed(0, to: isReversed ? 1..<length + 1 : 0..<length)
        let weightSlope = Tensor.product(
            rows.swappingLastAxes(), states.reshaped(to: [length * count, size]))
        return (sumSlope, weightSlope, slope, cellSlope, hasBias ? rows.sum(alongAxis: 0) : nil)
    }

    /// Outputs beyond the end of a sequence are constants.
    private func addOutputSlope(_ gradient: Tensor, to slope: Tensor, _ time: Int) {
        guard let active else {
            slope.addInPlace(gradient)
            return
        }
        slope.addInPlace(gradient * active.selected(0, time).unsqueezed(1).to(gradient.dtype))
    }
}
