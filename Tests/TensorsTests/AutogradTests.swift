import Tensors
import Testing

struct AutogradTests {
    @Test func chainOfHundredThousandOperationsNeedsNoDeepStack() {
        let x = Tensor([1.0]).requiringGrad()
        var y = x
        for _ in 0..<100_000 { y = y * 1.00001 }
        y.sum().backward()
        // d/dx x · 1.00001^100000 = e to within 1e-5.
        #expect(abs((x.grad?.item() ?? 0) - 2.718268) < 1e-4)
    }

    @Test func releasingALongChainWithoutBackwardNeedsNoDeepStack() {
        let x = Tensor([1.0]).requiringGrad()
        var y = x
        for _ in 0..<200_000 { y = y + x }
        #expect(y.item() == 200_001)
    }

    @Test func gradientsOfSeveralPassesAddUp() {
        let x = Tensor([3.0]).requiringGrad()
        (x * x).sum().backward()
        (x * x).sum().backward()
        #expect(x.grad?.item() == 12)
    }

    @Test func gradientsOfTwoLeavesAreSeparateTensors() {
        let (a, b) = (Tensor([1.0]).requiringGrad(), Tensor([1.0]).requiringGrad())
        (a + b).sum().backward()
        a.grad?.fill(7)
        #expect(b.grad?.item() == 1)
    }

    @Test func detachedTensorsStopTheGradient() {
        let x = Tensor([3.0]).requiringGrad()
        (x.detach() * x).sum().backward()
        #expect(x.grad?.item() == 3)
    }

    @Test func withoutGradientRecordsNothing() {
        let x = Tensor([3.0]).requiringGrad()
        let y = withoutGradient { x * 2 }
        #expect(!y.requiresGrad && y.isLeaf)
        #expect((x * 2).requiresGrad)
    }

    @Test func retainedGraphRunsTwice() {
        let x = Tensor([3.0]).requiringGrad()
        let y = (x * x).sum()
        y.backward(retainGraph: true)
        y.backward()
        #expect(x.grad?.item() == 12)
    }

    @Test func usedUpGraphTraps() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let x = Tensor([3.0]).requiringGrad()
            let y = (x * x).sum()
            y.backward()
            y.backward()
        }
        #expect(standardError(result).contains("pass retainGraph: true to"))
    }

    @Test func inPlaceChangeOfANeededTensorTraps() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let x = Tensor([3.0, 4.0]).requiringGrad()
            let y = x.tanh()
            let loss = (y * y).sum()
            y.data[0] = 5
            loss.backward()
        }
        #expect(
            standardError(result).contains(
                "a float64 tensor of shape [2] that the gradient of multiplication needs was changed"))
    }

    @Test func inPlaceChangeOfAnUnneededTensorIsFine() {
        let x = Tensor([3.0, 4.0]).requiringGrad()
        let y = x + 1
        let loss = y.sum()
        y.data[0] = 5
        loss.backward()
        #expect(x.grad?.doubles() == [1, 1])
    }

    @Test func inPlaceChangeOfALeafTraps() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let x = Tensor([3.0, 4.0]).requiringGrad()
            x[0] = 1
        }
        #expect(
            standardError(result).contains("in-place change of a leaf of shape [2] that requires a gradient"))
    }

    @Test func leafMayChangeWithoutGradient() {
        let x = Tensor([3.0, 4.0]).requiringGrad()
        withoutGradient { x[0] = 1 }
        #expect(x.doubles() == [1, 4])
        #expect(x.requiresGrad)
    }

    @Test func backwardFromManyElementsNeedsAGradient() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            (Tensor([3.0, 4.0]).requiringGrad() * 2).backward()
        }
        #expect(standardError(result).contains("backward without a gradient from shape [2]"))
    }

    @Test func halvesGetGradientsOfTheirOwnType() {
        let x = Tensor([1.5, -2]).to(.bfloat16).requiringGrad()
        (x * x).sum().backward()
        #expect(x.grad?.dtype == .bfloat16)
        #expect(x.grad?.doubles() == [3, -4])
    }

    @Test func valuesNoGradientNeedsAreFreed() {
        let x = Tensor.ones([1000, 1000]).requiringGrad()
        Compute.resetPeak()
        let before = Compute.peakByteCount
        var y = x
        for _ in 0..<50 { y = y + 1 }
        // Additions need no values: at most two results are alive at a time.
        #expect(Compute.peakByteCount - before < 4 * 4_194_304)
        y.sum().backward()
    }
}
