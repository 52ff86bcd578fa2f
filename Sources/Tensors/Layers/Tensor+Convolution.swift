internal import CKernels
import Foundations

/// The windows of a two-dimensional convolution or pooling; pairs are (height, width).
package struct Windows {
    package var kernel: (Int, Int)
    package var stride: (Int, Int)
    package var padding: (Int, Int)
    package var dilation: (Int, Int)

    package init(kernel: (Int, Int), stride: (Int, Int), padding: (Int, Int), dilation: (Int, Int) = (1, 1)) {
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        require(
            kernel.0 > 0 && kernel.1 > 0 && stride.0 > 0 && stride.1 > 0 && padding.0 >= 0 && padding.1 >= 0
                && dilation.0 > 0 && dilation.1 > 0,
            "windows of kernel \(kernel), stride \(stride), padding \(padding), dilation \(dilation)")
    }

    /// Height and width of the result for an image of `height` × `width`.
    package func output(_ height: Int, _ width: Int, roundingUp: Bool = false) -> (Int, Int) {
        func length(_ input: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ dilation: Int) -> Int {
            let room = input + 2 * padding - dilation * (kernel - 1) - 1
            require(room >= 0, "a window of \(kernel) does not fit an image of \(height) x \(width)")
            var count = (roundingUp ? room + stride - 1 : room) / stride + 1
            // The last window starts within the image or its left padding.
            if roundingUp && (count - 1) * stride >= input + padding { count -= 1 }
            return count
        }
        return (
            length(height, kernel.0, stride.0, padding.0, dilation.0),
            length(width, kernel.1, stride.1, padding.1, dilation.1)
        )
    }

    /// Height and width of the image that a transposed convolution makes of `height` × `width`.
    package func transposedOutput(_ height: Int, _ width: Int, _ more: (Int, Int)) -> (Int, Int) {
        func length(_ input: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ dilation: Int, _ more: Int)
            -> Int
        {
            let result = (input - 1) * stride - 2 * padding + dilation * (kernel - 1) + more + 1
            require(result > 0, "a transposed convolution of \(height) x \(width) with padding \(self.padding)")
            return result
        }
        return (
            length(height, kernel.0, stride.0, padding.0, dilation.0, more.0),
            length(width, kernel.1, stride.1, padding.1, dilation.1, more.1)
        )
    }

    func kernelWindows(channels: Int, input: (Int, Int), output: (Int, Int)) -> mr_windows {
        mr_windows(
            channels: channels, input: input, output: output, kernel: kernel, stride: stride, padding: padding,
            dilation: dilation)
    }
}

extension Tensor {
    /// Cross-correlates images with filters, as `torch.nn.functional.conv2d`.
    ///
    /// - Parameters:
    ///   - weight: Shape `[out, in / groups, height, width]`.
    ///   - bias: Shape `[out]`.
    /// - Returns: Shape `[count, out, height', width']`, where `self` is `[count, in, height, width]`.
    /// - Complexity: One matrix product for each image and group, over columns unfolded from it; images run in parallel.
    package func conv2d(_ weight: Tensor, bias: Tensor?, windows: Windows, groups: Int = 1) -> Tensor {
        require(
            rank == 4 && weight.rank == 4 && groups > 0 && shape[1] == weight.shape[1] * groups
                && weight.shape[0] % groups == 0,
            "conv2d of images \(shape) with filters \(weight.shape) in \(groups) groups")
        require(
            bias.map { $0.shape == [weight.shape[0]] } ?? true,
            "conv2d of filters \(weight.shape) with bias \(bias?.shape ?? [])")
        let type = dtype.computeType
        if type != dtype || weight.dtype != type {
            return to(type).conv2d(weight.to(type), bias: bias?.to(type), windows: windows, groups: groups).to(
                dtype)
        }
        let geometry = ConvolutionGeometry(input: shape, weight: weight.shape, windows: windows, groups: groups)
        let result = Tensor(uninitialized: geometry.outputShape, dtype: type)
        let packedBias = bias?.detach().to(type).contiguous()
        geometry.forward(detach().contiguous(), weight.detach().contiguous(), packedBias, into: result)
        guard isRecorded || weight.isRecorded || bias?.isRecorded ?? false else { return result }
        let (savedImages, savedFilters) = (SavedTensor(self, for: "conv2d"), SavedTensor(weight, for: "conv2d"))
        let (needsImages, needsFilters) = (requiresGrad, weight.requiresGrad)
        let (hasBias, needsBias) = (bias != nil, bias?.requiresGrad ?? false)
        return result.recorded("conv2d", bias.map { [self, weight, $0] } ?? [self, weight]) { g in
            let g = g.contiguous()
            let imageSlope = needsImages ? geometry.imageSlope(g, savedFilters.value.contiguous()) : nil
            let filterSlope = needsFilters ? geometry.filterSlope(g, savedImages.value.contiguous()) : nil
            let biasSlope = needsBias ? g.sum(alongAxes: [0, 2, 3]) : nil
            return hasBias ? [imageSlope, filterSlope, biasSlope] : [imageSlope, filterSlope]
        }
    }
}

extension Tensor {
    /// The transpose of ``conv2d(_:bias:windows:groups:)``, as `torch.nn.functional.conv_transpose2d`.
    ///
    /// - Parameters:
    ///   - weight: Shape `[in, out / groups, height, width]`.
    ///   - bias: Shape `[out]`.
    ///   - outputPadding: Rows and columns more at the end of the result.
    /// - Returns: Shape `[count, out, height', width']`, where `self` is `[count, in, height, width]` and
    ///   height' = (height - 1) · stride - 2 · padding + dilation · (kernel - 1) + outputPadding + 1.
    package func convTranspose2d(
        _ weight: Tensor, bias: Tensor?, windows: Windows, outputPadding: (Int, Int) = (0, 0), groups: Int = 1
    ) -> Tensor {
        require(
            rank == 4 && weight.rank == 4 && groups > 0 && shape[1] == weight.shape[0]
                && shape[1] % groups == 0,
            "convTranspose2d of images \(shape) with filters \(weight.shape) in \(groups) groups")
        let outputs = weight.shape[1] * groups
        require(
            bias.map { $0.shape == [outputs] } ?? true,
            "convTranspose2d of filters \(weight.shape) with bias \(bias?.shape ?? [])")
        require(
            outputPadding.0 >= 0 && outputPadding.1 >= 0
                && outputPadding.0 < Swift.max(windows.stride.0, windows.dilation.0)
                && outputPadding.1 < Swift.max(windows.stride.1, windows.dilation.1),
            "output padding \(outputPadding) of stride \(windows.stride), dilation \(windows.dilation)")
        let type = dtype.computeType
        if type != dtype || weight.dtype != type {
            return to(type).convTranspose2d(
                weight.to(type), bias: bias?.to(type), windows: windows, outputPadding: outputPadding,
                groups: groups
            ).to(dtype)
        }
        let size = windows.transposedOutput(shape[2], shape[3], outputPadding)
        // The convolution whose gradient this is.
        let geometry = ConvolutionGeometry(
            input: [shape[0], outputs, size.0, size.1], weight: weight.shape, windows: windows, groups: groups,
            output: (shape[2], shape[3]))
        let product = geometry.imageSlope(detach().contiguous(), weight.detach().contiguous())
        if isRecorded || weight.isRecorded {
            let (savedInput, savedWeight) = (
                SavedTensor(self, for: "convTranspose2d"), SavedTensor(weight, for: "convTranspose2d")
            )
            let (needsInput, needsWeight) = (requiresGrad, weight.requiresGrad)
            product.recorded("convTranspose2d", [self, weight]) { g in
                let g = g.contiguous()
                var inputSlope: Tensor?
                if needsInput {
                    let slope = Tensor(uninitialized: geometry.outputShape, dtype: type)
                    geometry.forward(g, savedWeight.value.contiguous(), nil, into: slope)
                    inputSlope = slope
                }
                return [
                    inputSlope, needsWeight ? geometry.filterSlope(savedInput.value.contiguous(), g) : nil,
                ]
            }
        }
        return bias.map { product + $0.reshaped(to: [outputs, 1, 1]) } ?? product
    }
}

/// The sizes of one convolution, and its three products.
private struct ConvolutionGeometry {
    let inputShape: [Int]
    let weightShape: [Int]
    let outputShape: [Int]
    let sizes: mr_convolution

    /// - Parameter output: Height and width of the result, where several images give it.
    init(input: [Int], weight: [Int], windows: Windows, groups: Int, output: (Int, Int)? = nil) {
        require((weight[2], weight[3]) == windows.kernel, "filters \(weight) for a kernel of \(windows.kernel)")
        let output = output ?? windows.output(input[2], input[3])
        inputShape = input
        weightShape = weight
        outputShape = [input[0], weight[0], output.0, output.1]
        sizes = mr_convolution(
            windows: windows.kernelWindows(channels: weight[1], input: (input[2], input[3]), output: output),
            count: input[0], groups: groups, filters: weight[0] / groups)
    }

    func forward(_ images: Tensor, _ weight: Tensor, _ bias: Tensor?, into result: Tensor) {
        withUnsafePointer(to: sizes) { sizes in
            if result.dtype == .float32 {
                mr_convolve_f32(
                    sizes, images.pointer(Float.self), weight.pointer(Float.self), bias?.pointer(Float.self),
                    result.pointer(Float.self))
            } else {
                mr_convolve_f64(
                    sizes, images.pointer(Double.self), weight.pointer(Double.self),
                    bias?.pointer(Double.self), result.pointer(Double.self))
            }
        }
        withExtendedLifetime((images, weight, bias, result)) {}
    }

    func imageSlope(_ g: Tensor, _ weight: Tensor) -> Tensor {
        let result = Tensor(uninitialized: inputShape, dtype: g.dtype)
        withUnsafePointer(to: sizes) { sizes in
            if g.dtype == .float32 {
                mr_convolve_images_slope_f32(
                    sizes, g.pointer(Float.self), weight.pointer(Float.self), result.pointer(Float.self))
            } else {
                mr_convolve_images_slope_f64(
                    sizes, g.pointer(Double.self), weight.pointer(Double.self), result.pointer(Double.self))
            }
        }
        withExtendedLifetime((g, weight)) {}
        return result
    }

    func filterSlope(_ g: Tensor, _ images: Tensor) -> Tensor {
        let result = Tensor(uninitialized: weightShape, dtype: g.dtype)
        withUnsafePointer(to: sizes) { sizes in
            if g.dtype == .float32 {
                mr_convolve_weight_slope_f32(
                    sizes, g.pointer(Float.self), images.pointer(Float.self), result.pointer(Float.self))
            } else {
                mr_convolve_weight_slope_f64(
                    sizes, g.pointer(Double.self), images.pointer(Double.self), result.pointer(Double.self))
            }
        }
        withExtendedLifetime((g, images)) {}
        return result
    }
}
