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
    /// - Complexity: One matrix product for each image and group, over columns unfolded from it.
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
        let (images, filters) = (detach().contiguous(), weight.detach().contiguous())
        if type == .float32 {
            geometry.forward(Float.self, images, filters, result)
        } else {
            geometry.forward(Double.self, images, filters, result)
        }
        if let bias {
            let column = bias.detach().contiguous().alias(
                shape: [weight.shape[0], 1, 1], strides: [1, 1, 1], offset: bias.isContiguous ? bias.offset : 0)
            Tensor.applyStrided(MR_ADD, result, column, into: result)
        }
        guard isRecorded || weight.isRecorded || bias?.isRecorded ?? false else { return result }
        let (savedImages, savedFilters) = (SavedTensor(self, for: "conv2d"), SavedTensor(weight, for: "conv2d"))
        let (needsImages, needsFilters) = (requiresGrad, weight.requiresGrad)
        let (hasBias, needsBias) = (bias != nil, bias?.requiresGrad ?? false)
        return result.recorded("conv2d", bias.map { [self, weight, $0] } ?? [self, weight]) { g in
            let g = g.contiguous()
            let (images, filters) = (savedImages.value.contiguous(), savedFilters.value.contiguous())
            let imageSlope = needsImages ? Tensor.zeros(images.shape, dtype: type) : nil
            let filterSlope = needsFilters ? Tensor.zeros(filters.shape, dtype: type) : nil
            if type == .float32 {
                geometry.backward(Float.self, g, images, filters, imageSlope, filterSlope)
            } else {
                geometry.backward(Double.self, g, images, filters, imageSlope, filterSlope)
            }
            let biasSlope = needsBias ? g.sum(alongAxes: [0, 2, 3]) : nil
            return hasBias ? [imageSlope, filterSlope, biasSlope] : [imageSlope, filterSlope]
        }
    }
}

/// The sizes of one convolution, and its three matrix products.
private struct ConvolutionGeometry {
    let count: Int
    let groups: Int
    let outputShape: [Int]
    /// Per group: filters, elements of a filter, places of the result.
    let (filters, depth, places): (Int, Int, Int)
    let imageSize: Int
    let windows: mr_windows

    init(input: [Int], weight: [Int], windows: Windows, groups: Int) {
        require((weight[2], weight[3]) == windows.kernel, "filters \(weight) for a kernel of \(windows.kernel)")
        let output = windows.output(input[2], input[3])
        count = input[0]
        self.groups = groups
        outputShape = [input[0], weight[0], output.0, output.1]
        filters = weight[0] / groups
        depth = weight[1] * weight[2] * weight[3]
        places = output.0 * output.1
        imageSize = weight[1] * input[2] * input[3]
        self.windows = windows.kernelWindows(
            channels: weight[1], input: (input[2], input[3]), output: output)
    }

    func forward<Scalar: ComputeScalar>(_: Scalar.Type, _ images: Tensor, _ weight: Tensor, _ result: Tensor) {
        let columns = Tensor(uninitialized: [depth, places], dtype: Scalar.dtype)
        for index in 0..<count * groups {
            let group = index % groups
            unfold(images.pointer(Scalar.self) + index * imageSize, columns.pointer(Scalar.self))
            let rows = matrix(weight, filters, depth, at: group * filters * depth)
            let out = matrix(result, filters, places, at: index * filters * places)
            Tensor.multiply(rows, columns, into: out, filters, places, depth, bias: nil)
        }
        withExtendedLifetime((images, weight, result, columns)) {}
    }

    func backward<Scalar: ComputeScalar>(
        _: Scalar.Type, _ g: Tensor, _ images: Tensor, _ weight: Tensor, _ imageSlope: Tensor?,
        _ weightSlope: Tensor?
    ) {
        let columns = Tensor(uninitialized: [depth, places], dtype: Scalar.dtype)
        for index in 0..<count * groups {
            let group = index % groups
            let part = matrix(g, filters, places, at: index * filters * places)
            if let weightSlope {
                unfold(images.pointer(Scalar.self) + index * imageSize, columns.pointer(Scalar.self))
                let out = matrix(weightSlope, filters, depth, at: group * filters * depth)
                Tensor.multiply(
                    part, columns.swappingLastAxes(), into: out, filters, depth, places, bias: nil, adding: true
                )
            }
            if let imageSlope {
                let rows = matrix(weight, filters, depth, at: group * filters * depth)
                Tensor.multiply(rows.swappingLastAxes(), part, into: columns, depth, places, filters, bias: nil)
                fold(columns.pointer(Scalar.self), imageSlope.pointer(Scalar.self) + index * imageSize)
            }
        }
        withExtendedLifetime((g, images, weight, imageSlope, weightSlope, columns)) {}
    }

    private func matrix(_ tensor: Tensor, _ rows: Int, _ columns: Int, at start: Int) -> Tensor {
        tensor.alias(shape: [rows, columns], strides: [columns, 1], offset: tensor.offset + start)
    }

    private func unfold<Scalar: ComputeScalar>(
        _ image: UnsafeMutablePointer<Scalar>, _ columns: UnsafeMutablePointer<Scalar>
    ) {
        var windows = windows
        if Scalar.self == Float.self {
            mr_unfold_f32(
                &windows, UnsafeRawPointer(image).assumingMemoryBound(to: Float.self),
                UnsafeMutableRawPointer(columns).assumingMemoryBound(to: Float.self))
        } else {
            mr_unfold_f64(
                &windows, UnsafeRawPointer(image).assumingMemoryBound(to: Double.self),
                UnsafeMutableRawPointer(columns).assumingMemoryBound(to: Double.self))
        }
    }

    private func fold<Scalar: ComputeScalar>(
        _ columns: UnsafeMutablePointer<Scalar>, _ image: UnsafeMutablePointer<Scalar>
    ) {
        var windows = windows
        if Scalar.self == Float.self {
            mr_fold_f32(
                &windows, UnsafeRawPointer(columns).assumingMemoryBound(to: Float.self),
                UnsafeMutableRawPointer(image).assumingMemoryBound(to: Float.self))
        } else {
            mr_fold_f64(
                &windows, UnsafeRawPointer(columns).assumingMemoryBound(to: Double.self),
                UnsafeMutableRawPointer(image).assumingMemoryBound(to: Double.self))
        }
    }
}
