// R and its gradients on the tile units of a processor with AMX: one thread computes the whole network for one image,
// so that the activations between layers stay in its cache, and bias, sum and ReLU are done along with the products.
//
// Hidden maps are bfloat16, pixel by pixel, in a raster: the rows of the image, `margin` zeros after each row, and
// zeros before the first and after the last row. A convolution is then a sum of matrix products, one for each tap of
// the kernel. Each product is over a run of pixels, and only the beginning of the run differs between taps. Values
// that come out between the rows are set to zero again. Sums are float32.
//
// Terms: taps = kernel * kernel; from, to = channels of input and output, multiples of 32; q = pixel in the raster.
#include "tiles.h"

struct Shape {
    int height, width, channels, filters, blocks, kernel;

    int margin() const { return kernel / 2; }
    int taps() const { return kernel * kernel; }
    int row() const { return width + margin(); }
    long reach() const { return (long)margin() * row() + margin(); }       // from a pixel to its farthest tap
    long first() const { return reach(); }                                 // the pixel where the image begins
    long pixels() const { return (long)height * row(); }                   // of all rows, with the zeros after each
    long raster() const { return whole(first() + whole(pixels()) + reach() + 2 * BLOCK); }
    long offset(int tap) const { return (long)(tap / kernel - margin()) * row() + tap % kernel - margin(); }
    std::vector<long> offsets() const {
        std::vector<long> all;
        for (int tap = 0; tap < taps(); tap++) all.push_back(offset(tap));
        return all;
    }
    int patch() const { return whole(taps() * channels); }                 // values under the first kernel
    int layers() const { return 2 * blocks + 2; }                          // first, two in each block, last
    int last() const { return layers() - 1; }

    // Numbers in the kernel of a layer, and where the gradient of this kernel begins among the gradients of a thread;
    // the gradient of the bias follows. The first kernel has `patch()` rows; the last kernel is (channels, filters).
    long kernel_size(int layer) const {
        const long rows = layer == 0 ? patch() : layer == last() ? channels : (long)taps() * filters;
        return rows * filters;
    }
    long kernel_at(int layer) const {
        long place = 0;
        for (int before = 0; before < layer; before++) place += kernel_size(before) + filters;
        return place;
    }
    long bias_at(int layer) const { return kernel_at(layer) + kernel_size(layer); }
    long gradient_count() const { return bias_at(last()) + channels; }
};

// ---- A convolution ---------------------------------------------------------------------------------------------

// out = finish(sums) for all pixels that are `inside` the image, and 0 between its rows.
template <class Finish>
static void convolve(const Shape& shape, const uint8_t* inside, const std::vector<long>& taps, const bf16* in, int from,
                     const bf16* weights, bf16* out, int to, const Finish& finish) {
    const long first = shape.first();
    multiply(in + first * from, from, taps, whole(shape.pixels()) / BLOCK, weights, to,
             [&](long pixel, int f, __m512 a, __m512 b) {
                 const long at = (first + pixel) * to + f;
                 const __mmask32 keep = inside[first + pixel] ? ~0u : 0u;
                 _mm512_storeu_si512(out + at, _mm512_maskz_mov_epi16(keep, finish(at, f, a, b)));
             });
}

// relu(sum + bias), or relu(sum + bias + skipped) where a skip connection ends.
struct Activation {
    const float* bias;
    const bf16* skipped;
    __m512i operator()(long at, int f, __m512 a, __m512 b) const {
        a += _mm512_loadu_ps(bias + f);
        b += _mm512_loadu_ps(bias + f + 16);
        if (skipped) {
            const __m512i more = _mm512_loadu_si512(skipped + at);
            a += low(more);
            b += high(more);
        }
        return narrow(relu(a), relu(b));
    }
};

// The gradient before the ReLU that gave `activation`: sum, or sum + skipped, where `activation` is positive; else 0.
struct Masked {
    const bf16* activation;
    const bf16* skipped;
    __m512i operator()(long at, int, __m512 a, __m512 b) const {
        if (skipped) {
            const __m512i more = _mm512_loadu_si512(skipped + at);
            a += low(more);
            b += high(more);
        }
        return _mm512_maskz_mov_epi16(positive(_mm512_loadu_si512(activation + at)), narrow(a, b));
    }
};

// ---- Gradients of weights --------------------------------------------------------------------------------------

// dw (taps, from, to) += the gradient of a kernel: for each tap, the product of each input channel with the gradient
// of each filter, shifted by the tap and summed over all pixels. The input is (raster, from), or (from, raster) if
// `by_row`.
static void add_all_products(const Shape& shape, const std::vector<long>& taps, const bf16* in, bool by_row, int from,
                         const bf16* pairs, int to, bf16* panel, float* dw) {
    const long raster = shape.raster(), pixels = whole(shape.pixels());
    for (long chunk = 0; chunk < pixels; chunk += CHUNK)
        for (int c = 0; c < from; c += BLOCK) {
            const long q = shape.first() + chunk, length = std::min<long>(CHUNK, pixels - chunk);
            for (long p = 0; p < length && !by_row; p += BLOCK)
                transpose(in + (q + p) * from + c, from, panel + p, LINE);
            for (int row = 0; row < BLOCK && by_row; row++)
                std::memcpy(panel + row * LINE, in + (c + row) * raster + q, length * sizeof(bf16));
            for (int f = 0; f < to; f += BLOCK)
                for (size_t tap = 0; tap < taps.size(); tap++) {
                    // An output pixel sees the input pixel at `offset` from it, so an input pixel belongs to the
                    // output pixel at minus `offset`.
                    const long start = q - taps[tap];
                    const bf16* pair = pairs + (start % 2 ? to + f : f) * raster + start / 2 * 2 * BLOCK;
                    add_products(panel, pair, length, dw + ((long)tap * from + c) * to + f, to);
                }
        }
}

// ---- One image through R ---------------------------------------------------------------------------------------

// Memory of one thread. If `back` is false there is no memory for gradients.
struct Room {
    bf16 *rows, *patches, *maps[3], *pairs, *panel;
    long size;
    Room(const Shape& s, char* memory, bool back) {
        Layout layout{memory};
        rows = layout.take<bf16>(s.patch() * s.raster());
        patches = layout.take<bf16>(s.patch() * s.raster());
        for (bf16*& map : maps) map = layout.take<bf16>(s.filters * s.raster());
        pairs = layout.take<bf16>(back ? 2 * s.filters * s.raster() : 0);
        panel = layout.take<bf16>(back ? BLOCK * LINE : 0);
        size = layout.used;
    }
};

// The weights of R in the memory of Keras: for each layer its kernel (kernel, kernel, from, to), then its bias.
struct Weights {
    Shape shape;
    const float* const* arrays;

    const float* kernel(int layer) const { return arrays[2 * layer]; }
    const float* bias(int layer) const { return arrays[2 * layer + 1]; }

    // Where the packed kernel of a layer begins; the last layer has no packed kernel.
    long packed_at(int layer) const {
        return layer == 0 ? 0 : shape.kernel_size(0) + (layer - 1) * shape.kernel_size(1);
    }
    long packed_size() const { return packed_at(shape.last()); }

    void pack_layer(int layer, bf16* out) const {
        const int f = shape.filters, seen = shape.taps() * shape.channels;
        const float* from = kernel(layer);
        if (layer == 0)
            pack(1, shape.patch(), f, [=](int, int i, int o) { return i < seen ? from[i * f + o] : 0; }, out);
        else
            pack(shape.taps(), f, f, [=](int tap, int i, int o) { return from[((long)tap * f + i) * f + o]; }, out);
    }

    // The gradient of the input of a layer is a convolution with the layer's kernel turned by half a turn.
    void pack_turned(int layer, bf16* out) const {
        const int f = shape.filters, last = shape.taps() - 1;
        const float* from = kernel(layer);
        pack(shape.taps(), f, f, [=](int tap, int i, int o) { return from[((long)(last - tap) * f + o) * f + i]; }, out);
    }
};

struct Refiner {
    Shape shape;
    Weights weights;
    const bf16* packed;                         // kernels of all layers but the last; turned for `run_back`
    std::vector<uint8_t> inside = marks();
    std::vector<float> last = last_kernel();    // (channels, filters)
    std::vector<long> taps = shape.offsets(), one = {0};

    // 1 for the pixels of the raster that are in the image, 0 for the others.
    std::vector<uint8_t> marks() const {
        std::vector<uint8_t> marks(shape.raster(), 0);
        for (int y = 0; y < shape.height; y++)
            std::fill_n(marks.begin() + shape.first() + (long)y * shape.row(), shape.width, 1);
        return marks;
    }

    std::vector<float> last_kernel() const {
        std::vector<float> turned(shape.kernel_size(shape.last()));
        for (int c = 0; c < shape.channels; c++)
            for (int f = 0; f < shape.filters; f++)
                turned[c * shape.filters + f] = weights.kernel(shape.last())[f * shape.channels + c];
        return turned;
    }

    const bf16* kernel(int layer) const { return packed + weights.packed_at(layer); }

    // Clears the pixels that a convolution does not write: those before the first and after the last row of the image.
    void clear_around(bf16* map) const {
        const long f = shape.filters, end = shape.first() + whole(shape.pixels());
        std::memset(map, 0, shape.first() * f * sizeof(bf16));
        std::memset(map + end * f, 0, (shape.raster() - end) * f * sizeof(bf16));
    }

    // The values that each pixel of the first layer sees: (patch, raster).
    void cut_rows(const float* image, bf16* rows) const {
        const Shape& s = shape;
        const long raster = s.raster();
        std::memset(rows, 0, s.patch() * raster * sizeof(bf16));
        bf16* centre = rows + (long)s.taps() / 2 * s.channels * raster;
        for (int c = 0; c < s.channels; c++)
            for (int y = 0; y < s.height; y++)
                for (int x = 0; x < s.width; x++)
                    centre[c * raster + s.first() + (long)y * s.row() + x] =
                        narrow(image[((long)y * s.width + x) * s.channels + c]);
        for (int tap = 0; tap < s.taps(); tap++)
            for (int c = 0; c < s.channels && tap != s.taps() / 2; c++)
                std::memcpy(rows + (tap * s.channels + c) * raster + s.first(),
                            centre + c * raster + s.first() + s.offset(tap), s.pixels() * sizeof(bf16));
    }

    // `maps` receives the activations of all layers but the last. Maps may share memory, but in a block the inner map
    // and the output must differ from the input.
    void run(const float* image, const Room& room, bf16* const* maps, float* logits) const {
        const Shape& s = shape;
        const int patch = s.patch(), f = s.filters;
        cut_rows(image, room.rows);
        for (long q = 0; q < s.raster(); q += BLOCK)
            for (int c = 0; c < patch; c += BLOCK)
                transpose(room.rows + c * s.raster() + q, s.raster(), room.patches + q * patch + c, patch);
        convolve(s, inside.data(), one, room.patches, patch, kernel(0), maps[0], f,
                 Activation{weights.bias(0), nullptr});
        clear_around(maps[0]);
        for (int layer = 1; layer < s.last(); layer++) {
            const bf16* skipped = layer % 2 ? nullptr : maps[layer - 2];
            convolve(s, inside.data(), taps, maps[layer - 1], f, kernel(layer), maps[layer], f,
                     Activation{weights.bias(layer), skipped});
            clear_around(maps[layer]);
        }
        const float* bias = weights.bias(s.last());
        for (int y = 0; y < s.height; y++)
            for (int x = 0; x < s.width; x++) {
                const bf16* pixel = maps[s.last() - 1] + (s.first() + (long)y * s.row() + x) * f;
                for (int c = 0; c < s.channels; c++) {
                    const float* kernel = &last[c * f];
                    __m512 sum = _mm512_setzero_ps();
                    for (int k = 0; k < f; k += BLOCK) {
                        const __m512i values = _mm512_loadu_si512(pixel + k);
                        sum += low(values) * _mm512_loadu_ps(kernel + k) + high(values) * _mm512_loadu_ps(kernel + k + 16);
                    }
                    *logits++ = _mm512_reduce_add_ps(sum) + bias[c];
                }
            }
    }

    // Adds the gradients of the last layer; `out` receives the gradient of its input, before the ReLU.
    void last_layer(const float* dlogits, const bf16* map, bf16* out, float* gradients) const {
        const Shape& s = shape;
        const int f = s.filters;
        float *dkernel = gradients + s.kernel_at(s.last()), *dbias = gradients + s.bias_at(s.last());
        std::memset(out, 0, s.raster() * f * sizeof(bf16));
        for (int y = 0; y < s.height; y++)
            for (int x = 0; x < s.width; x++, dlogits += s.channels) {
                const long at = (s.first() + (long)y * s.row() + x) * f;
                for (int k = 0; k < f; k += BLOCK) {
                    const __m512i values = _mm512_loadu_si512(map + at + k);
                    const __m512 values_1 = low(values), values_2 = high(values);
                    __m512 sum_1 = _mm512_setzero_ps(), sum_2 = _mm512_setzero_ps();
                    for (int c = 0; c < s.channels; c++) {
                        const __m512 slope = _mm512_set1_ps(dlogits[c]);
                        const float* kernel = &last[c * f + k];
                        float* sum = dkernel + c * f + k;
                        sum_1 += slope * _mm512_loadu_ps(kernel);
                        sum_2 += slope * _mm512_loadu_ps(kernel + 16);
                        _mm512_storeu_ps(sum, _mm512_loadu_ps(sum) + slope * values_1);
                        _mm512_storeu_ps(sum + 16, _mm512_loadu_ps(sum + 16) + slope * values_2);
                    }
                    _mm512_storeu_si512(out + at + k, _mm512_maskz_mov_epi16(positive(values), narrow(sum_1, sum_2)));
                }
                for (int c = 0; c < s.channels; c++) dbias[c] += dlogits[c];
            }
    }

    // Adds the gradients of a kernel and its bias.
    void weight_gradient(const Room& room, const std::vector<long>& taps, const bf16* in, bool by_row, int from,
                         const bf16* gradient, float* dw, float* dbias) const {
        pair_up(gradient, shape.raster(), shape.filters, room.pairs, dbias);
        add_all_products(shape, taps, in, by_row, from, room.pairs, shape.filters, room.panel, dw);
    }

    // Adds the gradients of all weights. `maps` are the activations that `run` kept, none of which share memory.
    void run_back(const float* image, const Room& room, bf16* const* maps, const float* dlogits, float* gradients) const {
        const Shape& s = shape;
        const int f = s.filters;
        bf16 *outer = room.maps[0], *inner = room.maps[1];  // before the ReLU after, and within, a block
        last_layer(dlogits, maps[s.last() - 1], outer, gradients);
        clear_around(inner);
        const auto add_gradient = [&](int layer, const bf16* gradient) {
            weight_gradient(room, taps, maps[layer - 1], false, f, gradient, gradients + s.kernel_at(layer),
                            gradients + s.bias_at(layer));
        };
        for (int layer = s.last() - 1; layer > 0; layer -= 2) {
            add_gradient(layer, outer);
            convolve(s, inside.data(), taps, outer, f, kernel(layer), inner, f, Masked{maps[layer - 1], nullptr});
            add_gradient(layer - 1, inner);
            convolve(s, inside.data(), taps, inner, f, kernel(layer - 1), outer, f, Masked{maps[layer - 2], outer});
        }
        cut_rows(image, room.rows);
        weight_gradient(room, one, room.rows, true, s.patch(), outer, gradients, gradients + s.bias_at(0));
    }
};

struct Arena {
    bf16* packed;
    std::vector<Room> rooms;
    long size;
    Arena(const Shape& shape, char* memory, int threads, bool back) {
        Layout layout{memory};
        packed = layout.take<bf16>(Weights{shape, nullptr}.packed_size());
        const long room = Room(shape, nullptr, back).size;
        for (int thread = 0; thread < threads; thread++) rooms.emplace_back(shape, layout.take<char>(room), back);
        size = layout.used;
    }
};

// ---- What Python calls -----------------------------------------------------------------------------------------

extern "C" {

// Bytes of the activations of one image, and of the `memory` that run and run_back need.
long kept_size(Shape shape) { return (long)sizeof(bf16) * shape.last() * shape.raster() * shape.filters; }
long memory_size(Shape shape, int threads, int back) { return Arena(shape, nullptr, threads, back).size; }

// Where the gradient of each array begins, in the order of Keras; the last of `places` is the number of all gradients.
void gradient_places(Shape shape, long* places) {
    for (int layer = 0; layer < shape.layers(); layer++) {
        *places++ = shape.kernel_at(layer);
        *places++ = shape.bias_at(layer);
    }
    *places = shape.gradient_count();
}

// logits (count, height, width, channels) of images of the same shape. `kept` receives the activations of each image;
// null if no gradients are wanted.
void run(Shape shape, const float* images, const float* const* arrays, bf16* kept, char* memory, int threads,
         long count, float* logits) {
    const Arena own(shape, memory, threads, false);
    const Weights weights{shape, arrays};
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int layer = 0; layer < shape.last(); layer++) weights.pack_layer(layer, own.packed + weights.packed_at(layer));
    const Refiner refiner{shape, weights, own.packed};
    const long size = (long)shape.height * shape.width * shape.channels, map = shape.raster() * shape.filters;
    for_images(threads, count, [&](int thread, long n) {
        const Room& room = own.rooms[thread];
        std::vector<bf16*> maps;
        for (int layer = 0; layer < shape.last(); layer++)
            maps.push_back(kept ? kept + (n * shape.last() + layer) * map : room.maps[layer % 2 ? 2 : layer / 2 % 2]);
        refiner.run(images + n * size, room, maps.data(), logits + n * size);
    });
}

// Adds the gradients of the weights to `gradients` (threads, numbers placed as by gradient_places), given
// dlogits (count, height, width, channels) and the activations that `run` kept. The last argument, which receives the
// gradients of the images in D, is not used.
void run_back(Shape shape, const float* images, const float* const* arrays, bf16* kept, char* memory, int threads,
              long count, const float* dlogits, float* gradients, float*) {
    const Arena own(shape, memory, threads, true);
    const Weights weights{shape, arrays};
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int layer = 1; layer < shape.last(); layer++) weights.pack_turned(layer, own.packed + weights.packed_at(layer));
    const Refiner refiner{shape, weights, own.packed};
    const long size = (long)shape.height * shape.width * shape.channels, map = shape.raster() * shape.filters;
    for_images(threads, count, [&](int thread, long n) {
        std::vector<bf16*> maps;
        for (int layer = 0; layer < shape.last(); layer++) maps.push_back(kept + (n * shape.last() + layer) * map);
        refiner.run_back(images + n * size, own.rooms[thread], maps.data(), dlogits + n * size,
                         gradients + thread * shape.gradient_count());
    });
}
}
