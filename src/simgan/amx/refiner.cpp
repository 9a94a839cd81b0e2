// R and its gradients on the tile units of a processor with AMX: a thread takes an image through the whole network, so
// that what lies between layers stays in its cache, and bias, sum and ReLU go with the products.
//
// Hidden maps are bfloat16, pixel by pixel, in a raster: the image's rows, `margin` zeros after each, and zeros before
// and after all. A convolution is then a sum of matrix products over runs of pixels, one for each tap of the kernel,
// that differ by where the run begins; what comes out between the rows is put back to zero. Sums are float32.
//
// Terms: taps = kernel * kernel; from, to = channels of input and output, multiples of 32; q = pixel in the raster.
#include <immintrin.h>
#include <omp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

typedef uint16_t bf16;

constexpr int BLOCK = 32;            // pixels, filters, or depth of one product: 2x2 tiles of 16x16 sums
constexpr int CHUNK = 256;           // pixels that a gradient of weights goes through at once: they fit the L1 cache
constexpr int LINE = CHUNK + BLOCK;  // odd in lines of the cache, or all rows would compete for few places

static long whole(long count) { return (count + BLOCK - 1) / BLOCK * BLOCK; }

struct Shape {
    int height, width, channels, filters, blocks, kernel;

    int margin() const { return kernel / 2; }
    int taps() const { return kernel * kernel; }
    int row() const { return width + margin(); }
    long reach() const { return (long)margin() * row() + margin(); }       // the farthest tap
    long first() const { return reach(); }                                 // the raster pixel where the image begins
    long pixels() const { return (long)height * row(); }                   // of all rows, with what lies between
    long raster() const { return whole(first() + whole(pixels()) + reach() + 2 * BLOCK); }
    long offset(int tap) const { return (long)(tap / kernel - margin()) * row() + tap % kernel - margin(); }
    int patch() const { return whole(taps() * channels); }                 // values that the first layer sees
    int layers() const { return 2 * blocks + 2; }                          // the first, two of each block, the last
    int last() const { return layers() - 1; }

    // Numbers in the kernel of a layer, and where its gradient begins among those of a thread; its bias follows. The
    // first kernel has as many rows as there are in a patch; the last is (channels, filters).
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
    long gradients() const { return bias_at(last()) + channels; }
};

// ---- Vectors and tiles -----------------------------------------------------------------------------------------

static inline __m512 widen(__m256i values) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16));
}
static inline __m512 low(__m512i values) { return widen(_mm512_castsi512_si256(values)); }
static inline __m512 high(__m512i values) { return widen(_mm512_extracti64x4_epi64(values, 1)); }
static inline __m512i narrow(__m512 low, __m512 high) { return (__m512i)_mm512_cvtne2ps_pbh(high, low); }
static inline bf16 narrow(float value) { return _mm_extract_epi16((__m128i)_mm_cvtneps_pbh(_mm_set_ss(value)), 0); }
static inline __m512i zeros() { return _mm512_setzero_si512(); }

struct alignas(64) TileConfig {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// The compiler does not know that tiles are read from memory: what was written must be there before.
#define FENCE asm volatile("" ::: "memory")

#define MULTIPLY_TILES()       \
    _tile_dpbf16ps(0, 4, 6);   \
    _tile_dpbf16ps(1, 4, 7);   \
    _tile_dpbf16ps(2, 5, 6);   \
    _tile_dpbf16ps(3, 5, 7)

// A kernel of `value(tap, input, output)` as second factors of products: (to / 32, taps, from / 32, 2, 16, 16, 2).
template <class Value>
static void pack(int taps, int from, int to, const Value& value, bf16* out) {
    for (int f = 0; f < to; f += BLOCK)
        for (int tap = 0; tap < taps; tap++)
            for (int c = 0; c < from; c += BLOCK)
                for (int tile = f; tile < f + BLOCK; tile += 16)
                    for (int pair = c; pair < c + BLOCK; pair += 2)
                        for (int filter = tile; filter < tile + 16; filter++)
                            for (int input = pair; input < pair + 2; input++)
                                *out++ = narrow(value(tap, input, filter));
}

// ---- A convolution ---------------------------------------------------------------------------------------------

struct Taps {
    std::vector<long> offsets;
    static Taps all(const Shape& shape) {
        Taps taps;
        for (int tap = 0; tap < shape.taps(); tap++) taps.offsets.push_back(shape.offset(tap));
        return taps;
    }
    static Taps one() { return {{0}}; }
};

// out = finish(sums) for all pixels of the image; `weights` are packed by 32 filters, taps, 32 channels (pack, in
// Python). The sums of a block of pixels are finished while the tile unit multiplies the next block.
template <class Finish>
static void convolve(const Shape& shape, const uint8_t* inside, const Taps& taps, const bf16* in, int from,
                     const bf16* weights, bf16* out, int to, const Finish& finish) {
    alignas(64) float sums[2][BLOCK * BLOCK];
    const int steps = taps.offsets.size() * (from / BLOCK), each = (BLOCK + steps - 1) / steps;
    const long blocks = whole(shape.pixels()) / BLOCK;
    for (int f = 0; f < to; f += BLOCK, weights += (long)steps * BLOCK * BLOCK) {
        const auto finish_pixel = [&](long block, int pixel) {
            const long q = shape.first() + block * BLOCK + pixel;
            const float* sum = sums[block & 1] + pixel * BLOCK;
            const __m512i value = finish(q * to + f, f, _mm512_load_ps(sum), _mm512_load_ps(sum + 16));
            _mm512_storeu_si512(out + q * to + f, _mm512_maskz_mov_epi16(inside[q] ? ~0u : 0u, value));
        };
        for (long block = 0; block < blocks; block++) {
            FENCE;
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            _tile_zero(3);
            const bf16* weight = weights;
            int pixel = block ? 0 : BLOCK;  // of the block before
            for (const long offset : taps.offsets) {
                const bf16* pixels = in + (shape.first() + block * BLOCK + offset) * from;
                for (int c = 0; c < from; c += BLOCK, weight += BLOCK * BLOCK) {
                    _tile_loadd(6, weight, 64);
                    _tile_loadd(4, pixels + c, 2 * from);
                    _tile_loadd(7, weight + BLOCK * 16, 64);
                    _tile_loadd(5, pixels + 16 * from + c, 2 * from);
                    MULTIPLY_TILES();
                    for (int last = std::min(BLOCK, pixel + each); pixel < last; pixel++) finish_pixel(block - 1, pixel);
                }
            }
            float* sum = sums[block & 1];
            _tile_stored(0, sum, 4 * BLOCK);
            _tile_stored(1, sum + 16, 4 * BLOCK);
            _tile_stored(2, sum + 16 * BLOCK, 4 * BLOCK);
            _tile_stored(3, sum + 16 * BLOCK + 16, 4 * BLOCK);
        }
        for (int pixel = 0; pixel < BLOCK; pixel++) finish_pixel(blocks - 1, pixel);
    }
}

static inline __m512 relu(__m512 value) { return _mm512_max_ps(_mm512_setzero_ps(), value); }  // of NaN, NaN

// relu(sum + bias), or with what is skipped: relu(sum + bias + skipped).
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

// The gradient before a ReLU that gave `activation`: sum, or sum + skipped, where it was positive.
struct Masked {
    const bf16* activation;
    const bf16* skipped;
    __m512i operator()(long at, int, __m512 a, __m512 b) const {
        if (skipped) {
            const __m512i more = _mm512_loadu_si512(skipped + at);
            a += low(more);
            b += high(more);
        }
        const __mmask32 positive = _mm512_cmpgt_epi16_mask(_mm512_loadu_si512(activation + at), zeros());
        return _mm512_maskz_mov_epi16(positive, narrow(a, b));
    }
};

// ---- Gradients of weights --------------------------------------------------------------------------------------

// 32x32: 32 values of each of 32 rows, `row` apart, to the same of 32 columns, `column` apart.
static inline void transpose(const bf16* in, long row, bf16* out, long column) {
    __m512i eight[4][8];  // of 8 pixels: the channels j, 8 + j, 16 + j and 24 + j
    for (int g = 0; g < 4; g++) {
        __m512i pairs[8], fours[2][4];
        for (int k = 0; k < 4; k++) {
            const __m512i even = _mm512_loadu_si512(in + (8 * g + 2 * k) * row);
            const __m512i odd = _mm512_loadu_si512(in + (8 * g + 2 * k + 1) * row);
            pairs[2 * k] = _mm512_unpacklo_epi16(even, odd);
            pairs[2 * k + 1] = _mm512_unpackhi_epi16(even, odd);
        }
        for (int h = 0; h < 2; h++)
            for (int k = 0; k < 2; k++) {
                fours[h][2 * k] = _mm512_unpacklo_epi32(pairs[4 * k + h], pairs[4 * k + 2 + h]);
                fours[h][2 * k + 1] = _mm512_unpackhi_epi32(pairs[4 * k + h], pairs[4 * k + 2 + h]);
            }
        for (int h = 0; h < 2; h++)
            for (int k = 0; k < 2; k++) {
                eight[g][4 * h + 2 * k] = _mm512_unpacklo_epi64(fours[h][k], fours[h][2 + k]);
                eight[g][4 * h + 2 * k + 1] = _mm512_unpackhi_epi64(fours[h][k], fours[h][2 + k]);
            }
    }
    for (int j = 0; j < 8; j++) {
        const __m512i even_1 = _mm512_shuffle_i32x4(eight[0][j], eight[1][j], 0x88);
        const __m512i even_2 = _mm512_shuffle_i32x4(eight[2][j], eight[3][j], 0x88);
        const __m512i odd_1 = _mm512_shuffle_i32x4(eight[0][j], eight[1][j], 0xdd);
        const __m512i odd_2 = _mm512_shuffle_i32x4(eight[2][j], eight[3][j], 0xdd);
        _mm512_storeu_si512(out + j * column, _mm512_shuffle_i32x4(even_1, even_2, 0x88));
        _mm512_storeu_si512(out + (8 + j) * column, _mm512_shuffle_i32x4(odd_1, odd_2, 0x88));
        _mm512_storeu_si512(out + (16 + j) * column, _mm512_shuffle_i32x4(even_1, even_2, 0xdd));
        _mm512_storeu_si512(out + (24 + j) * column, _mm512_shuffle_i32x4(odd_1, odd_2, 0xdd));
    }
}

// The gradient (raster, to) in pairs of neighbours, as the tile unit wants its second factor: (to / 32, raster / 2, 32,
// 2), the pairs that begin at even pixels, and after these the ones that begin at odd pixels. `bias` += its sum.
static void pair_up(const bf16* gradient, long raster, int to, bf16* pairs, float* bias) {
    const __m512i first = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6,
                                           37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
    const __m512i second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
    for (int f = 0; f < to; f += BLOCK) {
        __m512 sum_1 = _mm512_loadu_ps(bias + f), sum_2 = _mm512_loadu_ps(bias + f + 16);
        bf16 *even = pairs + f * raster, *odd = even + to * raster;
        __m512i one, two, three = _mm512_loadu_si512(gradient + f);
        for (long q = 0; q < raster; q += 2, even += 2 * BLOCK, odd += 2 * BLOCK) {
            one = three;
            two = _mm512_loadu_si512(gradient + (q + 1) * to + f);
            three = q + 2 < raster ? _mm512_loadu_si512(gradient + (q + 2) * to + f) : zeros();
            _mm512_storeu_si512(even, _mm512_permutex2var_epi16(one, first, two));
            _mm512_storeu_si512(even + BLOCK, _mm512_permutex2var_epi16(one, second, two));
            _mm512_storeu_si512(odd, _mm512_permutex2var_epi16(two, first, three));
            _mm512_storeu_si512(odd + BLOCK, _mm512_permutex2var_epi16(two, second, three));
            sum_1 += low(one) + low(two);
            sum_2 += high(one) + high(two);
        }
        _mm512_storeu_ps(bias + f, sum_1);
        _mm512_storeu_ps(bias + f + 16, sum_2);
    }
}

// dw (taps, from, to) += the products of each input channel and each filter's gradient, this moved by each tap, summed
// over all pixels. The input is (raster, from), or (from, raster) if `by_row`.
static void add_products(const Shape& shape, const Taps& taps, const bf16* in, bool by_row, int from,
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
                for (size_t tap = 0; tap < taps.offsets.size(); tap++) {
                    // An output pixel sees the input pixel `offset` further: the input's sees the output's before it.
                    const long start = q - taps.offsets[tap];
                    const bf16* pair = pairs + (start % 2 ? to + f : f) * raster + start / 2 * 2 * BLOCK;
                    float* sum = dw + ((long)tap * from + c) * to + f;
                    FENCE;
                    _tile_loadd(0, sum, 4 * to);
                    _tile_loadd(1, sum + 16, 4 * to);
                    _tile_loadd(2, sum + 16 * to, 4 * to);
                    _tile_loadd(3, sum + 16 * to + 16, 4 * to);
                    for (long p = 0; p < length; p += BLOCK, pair += BLOCK * BLOCK) {
                        _tile_loadd(6, pair, 4 * BLOCK);
                        _tile_loadd(4, panel + p, 2 * LINE);
                        _tile_loadd(7, pair + BLOCK, 4 * BLOCK);
                        _tile_loadd(5, panel + 16 * LINE + p, 2 * LINE);
                        MULTIPLY_TILES();
                    }
                    _tile_stored(0, sum, 4 * to);
                    _tile_stored(1, sum + 16, 4 * to);
                    _tile_stored(2, sum + 16 * to, 4 * to);
                    _tile_stored(3, sum + 16 * to + 16, 4 * to);
                }
        }
}

// ---- One image through R ---------------------------------------------------------------------------------------

// Memory of one thread.
struct Room {
    bf16 *rows, *patches, *maps[3], *pairs, *panel;
    static long size(const Shape& s) { return Room().lay_out(s, nullptr); }
    long lay_out(const Shape& s, bf16* memory) {
        long used = 0;
        const auto take = [&](long count) {
            bf16* start = memory + used;
            used += whole(count);
            return start;
        };
        rows = take(s.patch() * s.raster());
        patches = take(s.patch() * s.raster());
        for (bf16*& map : maps) map = take(s.filters * s.raster());
        pairs = take(2 * s.filters * s.raster());
        panel = take(BLOCK * LINE);
        return used;
    }
};

// The weights of R where Keras has them: the kernel (kernel, kernel, from, to) and bias of each layer in turn.
struct Weights {
    Shape shape;
    const float* const* arrays;

    const float* kernel(int layer) const { return arrays[2 * layer]; }
    const float* bias(int layer) const { return arrays[2 * layer + 1]; }

    // Where the packed kernel of a layer begins; there is none of the last.
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

    // The gradient of a layer's input is a convolution with its kernel turned by half a turn.
    void pack_turned(int layer, bf16* out) const {
        const int f = shape.filters, last = shape.taps() - 1;
        const float* from = kernel(layer);
        pack(shape.taps(), f, f, [=](int tap, int i, int o) { return from[((long)(last - tap) * f + o) * f + i]; }, out);
    }
};

struct Refiner {
    Shape shape;
    Weights weights;
    const bf16* packed;                         // all layers but the last; turned for `run_back`
    std::vector<uint8_t> inside = marks();
    std::vector<float> last = last_kernel();    // (channels, filters)
    Taps taps = Taps::all(shape), one = Taps::one();

    // 1 for the raster's pixels that are in the image.
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

    // What a convolution does not write: before and after the rows of the image.
    void clear_around(bf16* map) const {
        const long f = shape.filters, end = shape.first() + whole(shape.pixels());
        std::memset(map, 0, shape.first() * f * sizeof(bf16));
        std::memset(map + end * f, 0, (shape.raster() - end) * f * sizeof(bf16));
    }

    // What the first layer sees, by value and pixel: (patch, raster).
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

    // `maps` takes the activations of all layers but the last. They may share memory as far as a block's inner one and
    // its output differ from its input.
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

    // Gradients of the last layer; that of its input goes to `out`, before the ReLU.
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
                    const __mmask32 positive = _mm512_cmpgt_epi16_mask(values, zeros());
                    _mm512_storeu_si512(out + at + k, _mm512_maskz_mov_epi16(positive, narrow(sum_1, sum_2)));
                }
                for (int c = 0; c < s.channels; c++) dbias[c] += dlogits[c];
            }
    }

    // Adds the gradients of a kernel and its bias.
    void weight_gradient(const Room& room, const Taps& taps, const bf16* in, bool by_row, int from,
                         const bf16* gradient, float* dw, float* dbias) const {
        pair_up(gradient, shape.raster(), shape.filters, room.pairs, dbias);
        add_products(shape, taps, in, by_row, from, room.pairs, shape.filters, room.panel, dw);
    }

    // Adds the gradients of all weights. `maps` are those of `run`, each of its own memory.
    void run_back(const float* image, const Room& room, bf16* const* maps, const float* dlogits, float* gradients) const {
        const Shape& s = shape;
        const int f = s.filters;
        bf16 *outer = room.maps[0], *inner = room.maps[1];  // gradients before the ReLU of a block, and within it
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

// `each(refiner's thread room, n)` for every image, a thread an image.
template <class Each>
static void for_images(const Shape& shape, bf16* memory, int threads, long count, const Each& each) {
#pragma omp parallel num_threads(threads)
    {
        const TileConfig config;
        _tile_loadconfig(&config);
        Room room;
        room.lay_out(shape, memory + omp_get_thread_num() * Room::size(shape));
#pragma omp for schedule(dynamic)
        for (long n = 0; n < count; n++) each(room, n, omp_get_thread_num());
        _tile_release();
    }
}

// ---- What Python calls -----------------------------------------------------------------------------------------

extern "C" {

// Asks the system for the tile unit: 0 if it may be used.
int ask_for_tiles() {
    constexpr int REQUEST = 0x1023, TILE_DATA = 18;
    return syscall(SYS_arch_prctl, REQUEST, TILE_DATA) != 0;
}

// bfloat16 numbers that one image's activations take, and that `memory` must have.
long kept_size(Shape shape) { return shape.last() * shape.raster() * shape.filters; }
long memory_size(Shape shape, int threads) {
    return whole(Weights{shape, nullptr}.packed_size()) + threads * Room::size(shape);
}

// Where the gradients of each array begin, in Keras's order, and after these how many there are.
void gradient_places(Shape shape, long* places) {
    for (int layer = 0; layer < shape.layers(); layer++) {
        *places++ = shape.kernel_at(layer);
        *places++ = shape.bias_at(layer);
    }
    *places = shape.gradients();
}

// logits (count, height, width, channels) of images of that shape. `kept` takes the activations of each image; null
// where no gradients are wanted.
void run(Shape shape, const float* images, const float* const* arrays, bf16* kept, bf16* memory, int threads,
         long count, float* logits) {
    const Weights weights{shape, arrays};
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int layer = 0; layer < shape.last(); layer++) weights.pack_layer(layer, memory + weights.packed_at(layer));
    const Refiner refiner{shape, weights, memory};
    const long size = (long)shape.height * shape.width * shape.channels, map = shape.raster() * shape.filters;
    for_images(shape, memory + whole(weights.packed_size()), threads, count, [&](const Room& room, long n, int) {
        std::vector<bf16*> maps;
        for (int layer = 0; layer < shape.last(); layer++)
            maps.push_back(kept ? kept + (n * shape.last() + layer) * map : room.maps[layer % 2 ? 2 : layer / 2 % 2]);
        refiner.run(images + n * size, room, maps.data(), logits + n * size);
    });
}

// Adds to `gradients` (threads, as gradient_places says) from dlogits (count, height, width, channels) and what `run`
// kept.
void run_back(Shape shape, const float* images, const float* const* arrays, bf16* kept, bf16* memory, int threads,
              long count, const float* dlogits, float* gradients) {
    const Weights weights{shape, arrays};
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int layer = 1; layer < shape.last(); layer++) weights.pack_turned(layer, memory + weights.packed_at(layer));
    const Refiner refiner{shape, weights, memory};
    const long size = (long)shape.height * shape.width * shape.channels, map = shape.raster() * shape.filters;
    for_images(shape, memory + whole(weights.packed_size()), threads, count, [&](const Room& room, long n, int thread) {
        std::vector<bf16*> maps;
        for (int layer = 0; layer < shape.last(); layer++) maps.push_back(kept + (n * shape.last() + layer) * map);
        refiner.run_back(images + n * size, room, maps.data(), dlogits + n * size,
                         gradients + thread * shape.gradients());
    });
}
}
