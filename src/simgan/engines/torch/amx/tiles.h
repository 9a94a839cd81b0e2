// Shared by both networks: bfloat16 in vectors, and matrix products on the tile units of AMX.
//
// A product is built from blocks of 32 by 32 by 32: 2x2 tiles of 16x16 sums in float32. Terms: pixels = the rows of
// the first factor, one after the other in memory; from, to = channels of input and output, multiples of 32; slope =
// gradient of the loss with respect to one value of a map.
#pragma once

#include <immintrin.h>
#include <omp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

typedef uint16_t bf16;

constexpr int BLOCK = 32;            // pixels, filters, or depth of one product: 2x2 tiles
constexpr int CHUNK = 256;           // pixels in one product for the gradient of weights: they fit the L1 cache
constexpr int LINE = CHUNK + BLOCK;  // an odd number of cache lines: else all rows would share few places of the cache

// `count` rounded up to a multiple of 32.
static inline long whole(long count) { return (count + BLOCK - 1) / BLOCK * BLOCK; }

// ---- Vectors and tiles -----------------------------------------------------------------------------------------

static inline __m512 widen(__m256i values) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16));
}
static inline __m512 low(__m512i values) { return widen(_mm512_castsi512_si256(values)); }
static inline __m512 high(__m512i values) { return widen(_mm512_extracti64x4_epi64(values, 1)); }
static inline __m512i narrow(__m512 low, __m512 high) { return (__m512i)_mm512_cvtne2ps_pbh(high, low); }
static inline bf16 narrow(float value) { return _mm_extract_epi16((__m128i)_mm_cvtneps_pbh(_mm_set_ss(value)), 0); }
// NaN stays NaN: of two numbers that it cannot compare, the processor returns the second.
static inline __m512 relu(__m512 value) { return _mm512_max_ps(_mm512_setzero_ps(), value); }
static inline __mmask32 positive(__m512i values) { return _mm512_cmpgt_epi16_mask(values, _mm512_setzero_si512()); }

struct alignas(64) TileConfig {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// The compiler does not know that tile instructions read memory. The fence makes it finish all writes before them.
#define FENCE asm volatile("" ::: "memory")

#define MULTIPLY_TILES()       \
    _tile_dpbf16ps(0, 4, 6);   \
    _tile_dpbf16ps(1, 4, 7);   \
    _tile_dpbf16ps(2, 5, 6);   \
    _tile_dpbf16ps(3, 5, 7)

// Stores a kernel, given by `value(tap, input, output)`, in the order in which the tile unit wants second factors of
// products: (to / 32, taps, from / 32, 2, 16, 16, 2).
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

// Transposes 32x32 values: from 32 rows, `row` apart in memory, to 32 rows of `out`, `column` apart.
static inline void transpose(const bf16* in, long row, bf16* out, long column) {
    __m512i eight[4][8];  // [g][j]: the channels j, 8 + j, 16 + j and 24 + j of the 8 pixels of group g
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

// Stores the gradient (raster, to) in pairs of neighbouring pixels, as the tile unit wants its second factor:
// (to / 32, raster / 2, 32, 2). First come all pairs that begin at even pixels, then all that begin at odd pixels.
// Adds the sum of the gradient over the pixels to `bias`.
static inline void pair_up(const bf16* gradient, long raster, int to, bf16* pairs, float* bias) {
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
            three = q + 2 < raster ? _mm512_loadu_si512(gradient + (q + 2) * to + f) : _mm512_setzero_si512();
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

// ---- Products --------------------------------------------------------------------------------------------------

// For each of `blocks` * 32 pixels, calls finish(pixel, f, sums of filters f to f + 15, sums of filters f + 16 to f +
// 31). A sum goes over all channels of the pixels at `offsets` from the pixel. `weights` come from `pack`, with one
// tap for each offset. The sums of a block of pixels are finished while the tile unit multiplies the next block.
template <class Finish>
static inline void multiply(const bf16* in, int from, const std::vector<long>& offsets, long blocks,
                            const bf16* weights, int to, const Finish& finish) {
    alignas(64) float sums[2][BLOCK * BLOCK];
    const int steps = offsets.size() * (from / BLOCK), each = (BLOCK + steps - 1) / steps;
    for (int f = 0; f < to; f += BLOCK, weights += (long)steps * BLOCK * BLOCK) {
        const auto finish_pixel = [&](long block, int pixel) {
            const float* sum = sums[block & 1] + pixel * BLOCK;
            finish(block * BLOCK + pixel, f, _mm512_load_ps(sum), _mm512_load_ps(sum + 16));
        };
        for (long block = 0; block < blocks; block++) {
            FENCE;
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            _tile_zero(3);
            const bf16* weight = weights;
            int pixel = block ? 0 : BLOCK;  // the next pixel to finish, in the block before
            for (const long offset : offsets) {
                const bf16* pixels = in + (block * BLOCK + offset) * from;
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

// sums (32, 32), rows `to` apart, += panel^T gradient over `length` pixels. The panel holds 32 channels of these
// pixels, rows LINE apart; `pairs` holds 32 filters of the gradient in pairs (see `pair_up`).
static inline void add_products(const bf16* panel, const bf16* pairs, long length, float* sums, int to) {
    FENCE;
    _tile_loadd(0, sums, 4 * to);
    _tile_loadd(1, sums + 16, 4 * to);
    _tile_loadd(2, sums + 16 * to, 4 * to);
    _tile_loadd(3, sums + 16 * to + 16, 4 * to);
    for (long p = 0; p < length; p += BLOCK, pairs += BLOCK * BLOCK) {
        _tile_loadd(6, pairs, 4 * BLOCK);
        _tile_loadd(4, panel + p, 2 * LINE);
        _tile_loadd(7, pairs + BLOCK, 4 * BLOCK);
        _tile_loadd(5, panel + 16 * LINE + p, 2 * LINE);
        MULTIPLY_TILES();
    }
    _tile_stored(0, sums, 4 * to);
    _tile_stored(1, sums + 16, 4 * to);
    _tile_stored(2, sums + 16 * to, 4 * to);
    _tile_stored(3, sums + 16 * to + 16, 4 * to);
}

// ---- Threads ---------------------------------------------------------------------------------------------------

// Calls each(thread, n) for every image n: one thread computes the whole network for one image. Each thread gets the
// same images in the same order every time, so that sums over them are the same to the bit.
template <class Each>
static inline void for_images(int threads, long count, const Each& each) {
#pragma omp parallel num_threads(threads)
    {
        const TileConfig config;
        asm volatile("" : : "r"(&config) : "memory");  // GCC 12 believes that only its first bytes are read
        _tile_loadconfig(&config);
#pragma omp for schedule(static)
        for (long n = 0; n < count; n++) each(omp_get_thread_num(), n);
        _tile_release();
    }
}

// Places several arrays in one piece of memory, each at the beginning of a cache line.
struct Layout {
    char* memory;
    long used = 0;
    template <class T>
    T* take(long count) {
        T* start = (T*)(memory + used);
        used += (count * sizeof(T) + 63) / 64 * 64;
        return start;
    }
};

// Asks the operating system for permission to use the tile unit; returns 0 if it is granted.
extern "C" int ask_for_tiles() {
    constexpr int REQUEST = 0x1023, TILE_DATA = 18;
    return syscall(SYS_arch_prctl, REQUEST, TILE_DATA) != 0;
}
