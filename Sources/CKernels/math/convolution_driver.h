// Convolution for one element type. Included by convolution.c with: T, NAME(x), GEMM.

// MARK: Columns

// Unfolds the rows of places [first, end) of an image: (channels · kernel) × (places of these rows).
static void NAME(unfold_rows)(const mr_windows *w, const T *image, size_t first, size_t end, T *columns) {
    size_t width = w->output[1];
    for (size_t c = 0; c < w->channels; c++)
        for (size_t ky = 0; ky < w->kernel[0]; ky++)
            for (size_t kx = 0; kx < w->kernel[1]; kx++) {
                ptrdiff_t x0 = (ptrdiff_t)(kx * w->dilation[1]) - (ptrdiff_t)w->padding[1];
                size_t low, high;
                inside(w, x0, &low, &high);
                for (size_t oy = first; oy < end; oy++, columns += width) {
                    ptrdiff_t y = (ptrdiff_t)(oy * w->stride[0] + ky * w->dilation[0]) - (ptrdiff_t)w->padding[0];
                    if (y < 0 || y >= (ptrdiff_t)w->input[0]) {
                        memset(columns, 0, width * sizeof(T));
                        continue;
                    }
                    const T *row = image + (c * w->input[0] + (size_t)y) * w->input[1];
                    for (size_t ox = 0; ox < low; ox++) columns[ox] = 0;
                    if (w->stride[1] == 1) memcpy(columns + low, row + (ptrdiff_t)low + x0, (high - low) * sizeof(T));
                    else
                        for (size_t ox = low; ox < high; ox++) columns[ox] = row[(ptrdiff_t)(ox * w->stride[1]) + x0];
                    for (size_t ox = high; ox < width; ox++) columns[ox] = 0;
                }
            }
}

// Adds the columns of the rows [first, end) back to the image.
static void NAME(fold_rows)(const mr_windows *w, const T *columns, size_t first, size_t end, T *image) {
    size_t width = w->output[1];
    for (size_t c = 0; c < w->channels; c++)
        for (size_t ky = 0; ky < w->kernel[0]; ky++)
            for (size_t kx = 0; kx < w->kernel[1]; kx++) {
                ptrdiff_t x0 = (ptrdiff_t)(kx * w->dilation[1]) - (ptrdiff_t)w->padding[1];
                size_t low, high;
                inside(w, x0, &low, &high);
                for (size_t oy = first; oy < end; oy++, columns += width) {
                    ptrdiff_t y = (ptrdiff_t)(oy * w->stride[0] + ky * w->dilation[0]) - (ptrdiff_t)w->padding[0];
                    if (y < 0 || y >= (ptrdiff_t)w->input[0]) continue;
                    T *row = image + (c * w->input[0] + (size_t)y) * w->input[1];
                    if (w->stride[1] == 1) {
                        T *target = row + (ptrdiff_t)low + x0;
                        const T *source = columns + low;
                        for (size_t i = 0; i < high - low; i++) target[i] += source[i];
                    } else {
                        for (size_t ox = low; ox < high; ox++) row[(ptrdiff_t)(ox * w->stride[1]) + x0] += columns[ox];
                    }
                }
            }
}

// MARK: Groups of one channel

// The size of a plane with its padding, and the plane itself.
static void NAME(pad_plane)(const mr_windows *w, const T *plane, T *padded) {
    size_t width = w->input[1] + 2 * w->padding[1];
    memset(padded, 0, (w->input[0] + 2 * w->padding[0]) * width * sizeof(T));
    for (size_t y = 0; y < w->input[0]; y++)
        memcpy(padded + (y + w->padding[0]) * width + w->padding[1], plane + y * w->input[1], w->input[1] * sizeof(T));
}

static size_t NAME(padded_bytes)(const mr_windows *w) {
    return (w->input[0] + 2 * w->padding[0]) * (w->input[1] + 2 * w->padding[1]) * sizeof(T);
}

// What the taps of place row `oy` read: a pointer for each, where place 0 begins.
static void NAME(tap_rows)(const mr_windows *w, const T *padded, size_t oy, const T **rows) {
    size_t width = w->input[1] + 2 * w->padding[1];
    for (size_t ky = 0; ky < w->kernel[0]; ky++)
        for (size_t kx = 0; kx < w->kernel[1]; kx++)
            *rows++ = padded + (oy * w->stride[0] + ky * w->dilation[0]) * width + kx * w->dilation[1];
}

// MARK: Forward

static void NAME(forward_part)(void *context, size_t part) {
    const convolution_job *job = context;
    const mr_convolution *c = job->convolution;
    const mr_windows *w = &c->windows;
    size_t units = c->count * c->groups, first = units * part / job->parts, end = units * (part + 1) / job->parts;
    size_t depth = depth_of(c), all = places(w), taps = kernel_size(w);
    size_t rows = block_rows(c, COLUMN_BYTES, sizeof(T));
    size_t bytes = is_pointwise(w) ? 0
                   : is_depthwise(c) ? NAME(padded_bytes)(w) + taps * sizeof(T *)
                                     : depth * rows * w->output[1] * sizeof(T);
    char *scratch = mr_allocate(bytes);
    for (size_t unit = first; unit < end; unit++) {
        size_t group = unit % c->groups;
        const T *image = (const T *)job->images + unit * image_size(c);
        const T *weight = (const T *)job->weight + group * c->filters * depth;
        T *out = (T *)job->out + unit * c->filters * all;
        if (is_pointwise(w)) {
            GEMM(c->filters, all, depth, weight, (ptrdiff_t)depth, 1, image, (ptrdiff_t)all, 1, out, (ptrdiff_t)all,
                 MR_GEMM_SET, 0);
        } else if (is_depthwise(c)) {
            const T **tap_rows = (const T **)scratch;
            T *padded = (T *)(scratch + taps * sizeof(T *));
            NAME(pad_plane)(w, image, padded);
            for (size_t oy = 0; oy < w->output[0]; oy++) {
                NAME(tap_rows)(w, padded, oy, tap_rows);
                for (size_t f = 0; f < c->filters; f++)
                    NAME(mr_vector)()->taps(
                        w->output[1], taps, tap_rows, w->stride[1], weight + f * taps, out + f * all + oy * w->output[1]);
            }
        } else {
            T *columns = (T *)scratch;
            for (size_t row = 0; row < w->output[0]; row += rows) {
                size_t last = row + rows < w->output[0] ? row + rows : w->output[0];
                size_t n = (last - row) * w->output[1];
                NAME(unfold_rows)(w, image, row, last, columns);
                GEMM(c->filters, n, depth, weight, (ptrdiff_t)depth, 1, columns, (ptrdiff_t)n, 1,
                     out + row * w->output[1], (ptrdiff_t)all, MR_GEMM_SET, 0);
            }
        }
        if (job->bias)
            for (size_t f = 0; f < c->filters; f++) {
                T shift = ((const T *)job->bias)[group * c->filters + f];
                NAME(mr_vector)()->loops[MR_ADD](all, out + f * all, 1, &shift, 0, out + f * all, 1);
            }
    }
    mr_deallocate(scratch, bytes);
}

void NAME(mr_convolve)(const mr_convolution *c, const T *images, const T *weight, const T *bias, T *out) {
    convolution_job job = {c, 0, images, weight, bias, out, part_count(c)};
    mr_parallel(job.parts, NAME(forward_part), &job);
}

// MARK: Gradient of the images

static void NAME(images_slope_part)(void *context, size_t part) {
    const convolution_job *job = context;
    const mr_convolution *c = job->convolution;
    const mr_windows *w = &c->windows;
    size_t units = c->count * c->groups, first = units * part / job->parts, end = units * (part + 1) / job->parts;
    size_t depth = depth_of(c), all = places(w), taps = kernel_size(w);
    size_t rows = block_rows(c, COLUMN_BYTES, sizeof(T));
    size_t bytes = is_pointwise(w) ? 0
                   : is_depthwise(c) ? NAME(padded_bytes)(w)
                                     : depth * rows * w->output[1] * sizeof(T);
    T *scratch = mr_allocate(bytes);
    for (size_t unit = first; unit < end; unit++) {
        const T *gradient = (const T *)job->gradient + unit * c->filters * all;
        const T *weight = (const T *)job->weight + unit % c->groups * c->filters * depth;
        T *out = (T *)job->out + unit * image_size(c);
        if (is_pointwise(w)) {
            GEMM(depth, all, c->filters, weight, 1, (ptrdiff_t)depth, gradient, (ptrdiff_t)all, 1, out, (ptrdiff_t)all,
                 MR_GEMM_SET, 0);
            continue;
        }
        if (is_depthwise(c)) {
            size_t width = w->input[1] + 2 * w->padding[1];
            memset(scratch, 0, bytes);
            for (size_t f = 0; f < c->filters; f++)
                for (size_t oy = 0; oy < w->output[0]; oy++)
                    for (size_t tap = 0; tap < taps; tap++) {
                        size_t ky = tap / w->kernel[1], kx = tap % w->kernel[1];
                        T *row = scratch + (oy * w->stride[0] + ky * w->dilation[0]) * width + kx * w->dilation[1];
                        NAME(mr_vector)()->add_scaled_row(
                            w->output[1], weight[f * taps + tap], gradient + f * all + oy * w->output[1], row,
                            w->stride[1]);
                    }
            for (size_t y = 0; y < w->input[0]; y++)
                memcpy(out + y * w->input[1], scratch + (y + w->padding[0]) * width + w->padding[1],
                       w->input[1] * sizeof(T));
            continue;
        }
        memset(out, 0, image_size(c) * sizeof(T));
        for (size_t row = 0; row < w->output[0]; row += rows) {
            size_t last = row + rows < w->output[0] ? row + rows : w->output[0];
            size_t n = (last - row) * w->output[1];
            GEMM(depth, n, c->filters, weight, 1, (ptrdiff_t)depth, gradient + row * w->output[1], (ptrdiff_t)all, 1,
                 scratch, (ptrdiff_t)n, MR_GEMM_SET, 0);
            NAME(fold_rows)(w, scratch, row, last, out);
        }
    }
    mr_deallocate(scratch, bytes);
}

void NAME(mr_convolve_images_slope)(const mr_convolution *c, const T *gradient, const T *weight, T *out) {
    convolution_job job = {c, gradient, 0, weight, 0, out, part_count(c)};
    mr_parallel(job.parts, NAME(images_slope_part), &job);
}

// MARK: Gradient of the weights

// Each part adds up its images in a copy of its own, transposed: depth × filters for each group, so that the smaller
// operand of the product is the one that is packed.
static void NAME(weight_slope_part)(void *context, size_t part) {
    const convolution_job *job = context;
    const mr_convolution *c = job->convolution;
    const mr_windows *w = &c->windows;
    size_t units = c->count * c->groups, first = units * part / job->parts, end = units * (part + 1) / job->parts;
    size_t depth = depth_of(c), all = places(w), taps = kernel_size(w), filters = c->filters;
    size_t rows = block_rows(c, LONG_COLUMN_BYTES, sizeof(T));
    size_t bytes = is_pointwise(w) ? 0
                   : is_depthwise(c) ? NAME(padded_bytes)(w) + taps * sizeof(T *)
                                     : depth * rows * w->output[1] * sizeof(T);
    char *scratch = mr_allocate(bytes);
    T *sums = (T *)job->out + part * c->groups * depth * filters;
    memset(sums, 0, c->groups * depth * filters * sizeof(T));
    for (size_t unit = first; unit < end; unit++) {
        const T *gradient = (const T *)job->gradient + unit * filters * all;
        const T *image = (const T *)job->images + unit * image_size(c);
        T *sum = sums + unit % c->groups * depth * filters;
        if (is_depthwise(c)) {
            const T **tap_rows = (const T **)scratch;
            T *padded = (T *)(scratch + taps * sizeof(T *));
            NAME(pad_plane)(w, image, padded);
            for (size_t oy = 0; oy < w->output[0]; oy++) {
                NAME(tap_rows)(w, padded, oy, tap_rows);
                for (size_t f = 0; f < filters; f++)
                    NAME(mr_vector)()->tap_products(
                        w->output[1], taps, tap_rows, w->stride[1], gradient + f * all + oy * w->output[1], sum + f,
                        filters);
            }
            continue;
        }
        for (size_t row = 0; row < w->output[0]; row += rows) {
            size_t last = row + rows < w->output[0] ? row + rows : w->output[0];
            size_t n = is_pointwise(w) ? all : (last - row) * w->output[1];
            const T *columns = image;
            if (!is_pointwise(w)) {
                NAME(unfold_rows)(w, image, row, last, (T *)scratch);
                columns = (const T *)scratch;
            }
            GEMM(depth, filters, n, columns, (ptrdiff_t)n, 1, gradient + row * w->output[1], 1, (ptrdiff_t)all, sum,
                 (ptrdiff_t)filters, MR_GEMM_ADD, 0);
            if (is_pointwise(w)) break;
        }
    }
    mr_deallocate(scratch, bytes);
}

void NAME(mr_convolve_weight_slope)(const mr_convolution *c, const T *gradient, const T *images, T *out) {
    size_t depth = depth_of(c), filters = c->filters, parts = part_count(c);
    size_t bytes = parts * c->groups * depth * filters * sizeof(T);
    T *sums = mr_allocate(bytes);
    convolution_job job = {c, gradient, images, 0, 0, sums, parts};
    mr_parallel(parts, NAME(weight_slope_part), &job);
    for (size_t group = 0; group < c->groups; group++)
        for (size_t f = 0; f < filters; f++)
            for (size_t d = 0; d < depth; d++) {
                T total = 0;
                for (size_t part = 0; part < parts; part++)
                    total += sums[((part * c->groups + group) * depth + d) * filters + f];
                out[(group * filters + f) * depth + d] = total;
            }
    mr_deallocate(sums, bytes);
}
