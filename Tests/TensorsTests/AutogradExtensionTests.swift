import Tensors
import Testing

struct AutogradExtensionTests {
    struct Cube: CustomFunction {
        func forward(_ inputs: [Tensor], _ context: FunctionContext) -> Tensor {
            context.save(inputs[0])
            return inputs[0] * inputs[0] * inputs[0]
        }
        func backward(_ gradient: Tensor, _ context: FunctionContext) -> [Tensor?] {
            let x = context.saved[0]
            return [gradient * 3 * x * x]
        }
    }

    @Test func customFunctionHasItsOwnGradient() {
        let x = Tensor([2.0, -1]).requiringGrad()
        let y = Cube()(x)
        #expect(y.doubles() == [8, -1])
        (y * 2).sum().backward()
        #expect(x.grad?.doubles() == [24, 6])
        #expect(!Cube()(x.detach()).requiresGrad)
        #expect(!withoutGradient { Cube()(x) }.requiresGrad)
    }

    @Test func customFunctionThatReturnsItsInputIsNoLoop() {
        struct Same: CustomFunction {
            func forward(_ inputs: [Tensor], _ context: FunctionContext) -> Tensor { inputs[0] }
            func backward(_ gradient: Tensor, _ context: FunctionContext) -> [Tensor?] { [gradient * 5] }
        }
        let x = Tensor([2.0]).requiringGrad()
        Same()(Same()(x)).sum().backward()
        #expect(x.grad?.doubles() == [25])
    }

    @Test func wrongGradientsSaySo() async {
        let count = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            struct TooMany: CustomFunction {
                func forward(_ inputs: [Tensor], _ context: FunctionContext) -> Tensor { inputs[0] * 2 }
                func backward(_ gradient: Tensor, _ context: FunctionContext) -> [Tensor?] {
                    [gradient, gradient]
                }
            }
            TooMany()(Tensor([1.0]).requiringGrad()).sum().backward()
        }
        #expect(standardError(count).contains("TooMany.backward returned 2 gradients for 1 inputs"))
        let shape = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            struct Wide: CustomFunction {
                func forward(_ inputs: [Tensor], _ context: FunctionContext) -> Tensor { inputs[0] * 2 }
                func backward(_ gradient: Tensor, _ context: FunctionContext) -> [Tensor?] {
                    [Tensor.ones([3, 3])]
                }
            }
            Wide()(Tensor([1.0]).requiringGrad()).sum().backward()
        }
        #expect(
            standardError(shape).contains(
                "Wide.backward returned a gradient of shape [3, 3] for a tensor of shape [1]"))
    }

    @Test func functionalGradientsLeaveTheLeavesAlone() {
        let x = Tensor([1.0, 2]).requiringGrad()
        let w = Tensor([3.0, 4]).requiringGrad()
        let unused = Tensor([0.0]).requiringGrad()
        let middle = x * w
        let y = (middle * middle).sum() + x.sum()
        let gradients = grad(of: y, withRespectTo: [x, middle, unused, x], retainGraph: true)
        // d/dx (x w)^2 + x = 2 x w^2 + 1
        #expect(gradients[0]?.doubles() == [19, 65] && gradients[3]?.doubles() == [19, 65])
        #expect(gradients[1]?.doubles() == [6, 16] && gradients[2] == nil)
        #expect(x.grad == nil && w.grad == nil)
        #expect(grad(of: y, withRespectTo: w).doubles() == [6, 32])
        #expect(grad(of: x.sum(), withRespectTo: x).doubles() == [1, 1])
    }

    @Test func hooksSeeAndChangeCompleteGradients() {
        let x = Tensor([1.0, 2]).requiringGrad()
        var seen: [[Double]] = []
        let handle = x.registerHook { gradient in
            seen.append(gradient.doubles())
            return gradient * 10
        }
        let y = x * 3
        y.registerHook {
            seen.append($0.doubles())
            return nil
        }
        (y * y + x + x[0]).sum().backward()
        // 18 x + 1, and the first element twice more, in one call.
        #expect(seen == [[6, 12], [21, 37]])
        #expect(x.grad?.doubles() == [210, 370])
        handle.remove()
        x.grad = nil
        x.sum().backward()
        #expect(x.grad?.doubles() == [1, 1] && seen.count == 2)
    }

    @Test func checkpointsComputeTheSameGradients() {
        let generator = RandomGenerator(seed: 4)
        let w = generator.normal([4, 4], dtype: .float64).requiringGrad()
        let x = generator.normal([3, 4], dtype: .float64).requiringGrad()
        var calls = 0
        let block: ([Tensor]) -> Tensor = { inputs in
            calls += 1
            return inputs[0].matmul(w).tanh() * generator.uniform([3, 4], dtype: .float64)
        }
        let start = generator.state
        block([x]).sum().backward()
        let expected = (w.grad?.doubles(), x.grad?.doubles())
        let end = generator.state
        (w.grad, x.grad, calls) = (nil, nil, 0)
        generator.state = start
        let result = checkpointed(x, generators: [generator], block)
        #expect(calls == 1 && generator.state == end)
        result.sum().backward()
        #expect(calls == 2 && generator.state == end)
        #expect(w.grad?.doubles() == expected.0 && x.grad?.doubles() == expected.1)
        #expect(!inferenceMode { x * 2 }.requiresGrad)
        #expect(withoutGradient { recordingGradients { x * 2 } }.requiresGrad)
    }

    /// Each slice's gradient was a tensor of the whole shape; now it is added where the slice lies.
    @Test func gradientsOfPartsAddUpWhereTheyLie() {
        let x = Tensor.arange(0, 12, dtype: .float64).reshaped(to: [4, 3]).copied().requiringGrad()
        let y = x * 1
        let rows = y.unbound()
        let halves = y.split(2)
        // Overlapping parts, parts of parts, a part used twice, and the whole.
        var sum = (rows[0] * rows[3]).sum() + (halves[1][0..., 1] * 2).sum() + rows[0].sum() + (y * y).sum()
        sum = sum + y.narrowed(1, to: 0..<3, by: 2).t.square().sum()
        sum.backward(retainGraph: true)
        let once = x.grad?.doubles()
        let values = x.doubles()
        let expected = (0..<12).map { i -> Double in
            let (row, column) = (i / 3, i % 3)
            var slope = 2 * values[i]
            if row == 0 { slope += values[9 + column] + 1 }
            if row == 3 { slope += values[column] }
            if row >= 2 && column == 1 { slope += 2 }
            if column != 1 { slope += 2 * values[i] }
            return slope
        }
        #expect(once == expected)
        sum.backward()
        #expect(x.grad?.doubles() == expected.map { $0 * 2 })
        // Straight from a leaf, whose gradient is there already.
        let leaf = Tensor.zeros([3, 2], dtype: .float64).requiringGrad()
        leaf[1].sum().backward()
        (leaf[1] * 2 + leaf[2]).sum().backward()
        #expect(leaf.grad?.doubles() == [0, 0, 3, 3, 1, 1])
        // A gradient that somebody else has is not written to.
        let seed = Tensor.ones([2, 2])
        let z = Tensor.zeros([2, 2]).requiringGrad()
        let w = z * 1
        let joined = w + 0
        joined.backward(gradient: seed, retainGraph: true)
        (w[0].sum() + (w * seed).sum()).backward()
        #expect(seed.doubles() == [1, 1, 1, 1])
    }

    @Test func elementsWrittenOneByOneGetTheirGradients() {
        let x = Tensor([1.0, 2, 3]).requiringGrad()
        let out = Tensor.zeros([4], dtype: .float64)
        for i in 0..<3 { out[i] = x[i] * Double(i + 1) }
        out[1] = x[0] * 10
        let y = out * 1
        (y * Tensor([1.0, 2, 3, 4])).sum().backward()
        #expect(x.grad?.doubles() == [21, 0, 9])
    }
}
