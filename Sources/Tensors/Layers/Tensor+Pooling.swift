internal import CKernels
import Foundations

extension Tensor {
    /// The largest element of each window. The gradient goes to the first of equal ones.
    ///
    /// - Returns: Shape `[count, channels, height', width']`, where `self` is `[count, channels, height, width]`.
    package func maxPool2d(_ windows: Windows, roundingUp: Bool = false) -> Tensor {
        require(rank == 4, "max pooling of shape \(shape); it needs [count, channels, height, width]")
        let type = dtype.computeType
        if type != dtype { return to(type).maxPool2d(windows, roundingUp: roundingUp).to(dtype) }
        let output = windows.output(shape[2], shape[3], roundingUp: roundingUp)
        var geometry = windows.kernelWindows(channels: shape[1], input: (shape[2], shape[3]), output: output)
        let images = detach().contiguous()
        let result = Tensor(uninitialized: [shape[0], shape[1], output.0, output.1], dtype: type)
        let positions = Tensor(uninitialized: result.shape, dtype: .int64)
        let out = positions.pointer(Int64.self)
        if type == .float32 {
            mr_max_pool_f32(&geometry, shape[0], images.pointer(Float.self), result.pointer(Float.self), out)
        } else {
            mr_max_pool_f64(&geometry, shape[0], images.pointer(Double.self), result.pointer(Double.self), out)
        }
        withExtendedLifetime((images, result, positions)) {}
        guard isRecorded else { return result }
        let whole = shape
        return result.recorded("max pooling", [self]) { g in
            let planes = whole[0] * whole[1]
            let zeros = Tensor.zeros([planes, whole[2] * whole[3]], dtype: g.dtype)
            let flat = [planes, output.0 * output.1]
            return [zeros.scatterAdd(1, positions.reshaped(to: flat), g.reshaped(to: flat)).reshaped(to: whole)]
        }
    }

    /// The windows' elements as columns: shape `[count, channels · kernel, places]`. A gradient flows back.
    package func unfolded(_ windows: Windows) -> Tensor {
        require(rank == 4, "unfolding shape \(shape); it needs [count, channels, height, width]")
        let type = dtype.computeType
        if type != dtype { return to(type).unfolded(windows).to(dtype) }
        let output = windows.output(shape[2], shape[3])
        let geometry = windows.kernelWindows(channels: shape[1], input: (shape[2], shape[3]), output: output)
        let images = detach().contiguous()
        let (rows, places) = (shape[1] * windows.kernel.0 * windows.kernel.1, output.0 * output.1)
        let result = Tensor(uninitialized: [shape[0], rows, places], dtype: type)
        let (imageSize, columnSize) = (shape[1] * shape[2] * shape[3], rows * places)
        for index in 0..<shape[0] {
            var windows = geometry
            if type == .float32 {
                mr_unfold_f32(
                    &windows, images.pointer(Float.self) + index * imageSize,
                    result.pointer(Float.self) + index * columnSize)
            } else {
                mr_unfold_f64(
                    &windows, images.pointer(Double.self) + index * imageSize,
                    result.pointer(Double.self) + index * columnSize)
            }
        }
        withExtendedLifetime((images, result)) {}
        guard isRecorded else { return result }
        let whole = shape
        return result.recorded("unfold", [self]) { g in
            let (g, slope) = (g.contiguous(), Tensor.zeros(whole, dtype: type))
            for index in 0..<whole[0] {
                var windows = geometry
                if type == .float32 {
                    mr_fold_f32(
                        &windows, g.pointer(Float.self) + index * columnSize,
                        slope.pointer(Float.self) + index * imageSize)
                } else {
                    mr_fold_f64(
                        &windows, g.pointer(Double.self) + index * columnSize,
                        slope.pointer(Double.self) + index * imageSize)
                }
            }
            withExtendedLifetime((g, slope)) {}
            return [slope]
        }
    }

    /// The mean of each window.
    ///
    /// - Parameter countsPadding: Whether padding counts as zeros, as PyTorch's `count_include_pad`.
    package func avgPool2d(_ windows: Windows, countsPadding: Bool = true) -> Tensor {
        require(rank == 4, "average pooling of shape \(shape); it needs [count, channels, height, width]")
        let output = windows.output(shape[2], shape[3])
        let (count, channels) = (shape[0], shape[1])
        let size = windows.kernel.0 * windows.kernel.1
        func windowSums(_ x: Tensor) -> Tensor {
            x.reshaped(to: [x.shape[0] * x.shape[1], 1, x.shape[2], x.shape[3]]).unfolded(windows).sum(
                alongAxis: 1
            )
            .reshaped(to: [x.shape[0], x.shape[1], output.0, output.1])
        }
        let sums = windowSums(self)
        precondition(sums.shape == [count, channels, output.0, output.1])
        if countsPadding { return sums / Double(size) }
        return sums / windowSums(Tensor.ones([1, 1, shape[2], shape[3]], dtype: dtype))
    }

    /// The mean of each of `height` × `width` regions that cover the image evenly, as PyTorch's adaptive pooling.
    package func adaptiveAvgPool2d(_ height: Int, _ width: Int) -> Tensor {
        require(rank == 4, "average pooling of shape \(shape); it needs [count, channels, height, width]")
        // A matrix of row averages on the left, one of column averages on the right.
        func averages(_ input: Int, _ output: Int) -> Tensor {
            var weights = [Double](repeating: 0, count: output * input)
            for i in 0..<output {
                let (start, end) = (i * input / output, ((i + 1) * input + output - 1) / output)
                for j in start..<end { weights[i * input + j] = 1 / Double(end - start) }
            }
            return Tensor(weights, shape: [output, input]).to(dtype)
        }
        return averages(shape[2], height).matmul(self).matmul(averages(shape[3], width).t)
    }
}
