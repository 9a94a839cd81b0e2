// 3x3 convolutions of stride 1 that keep the size, by Winograd's F(4x4, 3x3): 36 multiplications for 16 pixels in
// place of 144. Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, also for the
// names.
//
// Images are float32, N x H x W x C with C a multiple of `lanes()`. A tile is 6x6 pixels in and 4x4 pixels out; its
// 36 transformed values (6 * row + column) are stored apart, so that each of the 36 is computed by one matrix product:
//     V = B^T d B of the input, M = V U with U = G g G^T of the filter, and the output is A^T M A.
#include <algorithm>
#include <cstdlib>

#if defined(__AVX512F__)
constexpr int LANES = 16, ROWS = 7, ACROSS = 4;  // ROWS x ACROSS sums and ACROSS weights fill the registers
#elif defined(__AVX2__)
constexpr int LANES = 8, ROWS = 6, ACROSS = 2;
#else
constexpr int LANES = 4, ROWS = 6, ACROSS = 4;
#endif
typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static inline Vector load(const float* from) { return *(const Vector*)from; }
static inline void store(float* to, Vector value) { *(Vector*)to = value; }

// ---- Matrix products -------------------------------------------------------------------------------------------

// Computes R rows and V * LANES columns of c = a b, or of c += a^T b if TRANSPOSED.
template <bool TRANSPOSED, int R, int V>
static inline void block(const float* a, int a_row, const float* b, int columns, float* c, int depth) {
    const int across = TRANSPOSED ? 1 : a_row, along = TRANSPOSED ? a_row : 1;
    Vector sums[R][V];
    for (int r = 0; r < R; r++)
        for (int v = 0; v < V; v++) sums[r][v] = TRANSPOSED ? load(c + r * columns + v * LANES) : Vector{};
    for (int k = 0; k < depth; k++) {
        Vector weights[V];
        for (int v = 0; v < V; v++) weights[v] = load(b + k * columns + v * LANES);
        for (int r = 0; r < R; r++) {
            const float value = a[r * across + k * along];
            for (int v = 0; v < V; v++) sums[r][v] += value * weights[v];
        }
    }
    for (int r = 0; r < R; r++)
        for (int v = 0; v < V; v++) store(c + r * columns + v * LANES, sums[r][v]);
}

// Computes the last `rows` <= R rows.
template <bool TRANSPOSED, int R, int V>
static void rest(const float* a, int a_row, const float* b, int columns, float* c, int rows, int depth) {
    if constexpr (R > 0) {
        if (rows == R) return block<TRANSPOSED, R, V>(a, a_row, b, columns, c, depth);
        rest<TRANSPOSED, R - 1, V>(a, a_row, b, columns, c, rows, depth);
    }
}

template <bool TRANSPOSED, int V>
static void strip(const float* a, int a_row, const float* b, int columns, float* c, int rows, int depth) {
    const int step = TRANSPOSED ? 1 : a_row;
    int row = 0;
    for (; row + ROWS <= rows; row += ROWS)
        block<TRANSPOSED, ROWS, V>(a + row * step, a_row, b, columns, c + row * columns, depth);
    rest<TRANSPOSED, ROWS - 1, V>(a + row * step, a_row, b, columns, c + row * columns, rows - row, depth);
}

// c (rows x columns) = a (rows x depth) b (depth x columns); if TRANSPOSED c += a^T b with a (depth x rows).
template <bool TRANSPOSED>
static void multiply(const float* a, const float* b, float* c, int rows, int columns, int depth) {
    const int a_row = TRANSPOSED ? rows : depth;
    int column = 0;
    for (; column + ACROSS * LANES <= columns; column += ACROSS * LANES)
        strip<TRANSPOSED, ACROSS>(a, a_row, b + column, columns, c + column, rows, depth);
    for (; column < columns; column += LANES)
        strip<TRANSPOSED, 1>(a, a_row, b + column, columns, c + column, rows, depth);
}

// ---- Transforms along one axis: `in`, `out` = distances between values --------------------------------------

static inline void input_axis(const Vector* d, int in, Vector* v, int out) {  // B^T
    const Vector d1 = d[in], d2 = d[2 * in], d3 = d[3 * in], d4 = d[4 * in];
    const Vector even = d4 - 4.f * d2, odd = d3 - 4.f * d1, outer = d4 - d2, inner = 2.f * (d3 - d1);
    v[0] = 4.f * d[0] - 5.f * d2 + d4;
    v[out] = even + odd;
    v[2 * out] = even - odd;
    v[3 * out] = outer + inner;
    v[4 * out] = outer - inner;
    v[5 * out] = 4.f * d1 - 5.f * d3 + d[5 * in];
}

static inline void output_axis(const Vector* m, int in, Vector* y, int out) {  // A^T
    const Vector m1 = m[in], m2 = m[2 * in], m3 = m[3 * in], m4 = m[4 * in];
    const Vector near = m1 + m2, far = m3 + m4, near_odd = m1 - m2, far_odd = m3 - m4;
    y[0] = m[0] + near + far;
    y[out] = near_odd + 2.f * far_odd;
    y[2 * out] = near + 4.f * far;
    y[3 * out] = near_odd + 8.f * far_odd + m[5 * in];
}

static inline void gradient_axis(const Vector* y, int in, Vector* m, int out) {  // A
    const Vector y0 = y[0], y1 = y[in], y2 = y[2 * in], y3 = y[3 * in];
    const Vector even = y0 + y2, odd = y1 + y3, even_far = y0 + 4.f * y2, odd_far = 2.f * y1 + 8.f * y3;
    m[0] = y0;
    m[out] = even + odd;
    m[2 * out] = even - odd;
    m[3 * out] = even_far + odd_far;
    m[4 * out] = even_far - odd_far;
    m[5 * out] = y3;
}

// ---- Tiles -----------------------------------------------------------------------------------------------------

struct Image {
    int height, width, channels;
    int across() const { return (width + 3) / 4; }  // tiles in a row, and rows of tiles
    int down() const { return (height + 3) / 4; }
    long size() const { return (long)height * width * channels; }
};

// The SIDE x SIDE patch of `image` that begins at (top, left), with zeros outside the image, for LANES channels.
template <int SIDE>
static inline void gather(const float* image, Image shape, int top, int left, Vector* patch) {
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            const int y = top + i, x = left + j;
            const bool inside = y >= 0 && y < shape.height && x >= 0 && x < shape.width;
            patch[SIDE * i + j] = inside ? load(image + ((long)y * shape.width + x) * shape.channels) : Vector{};
        }
}

// Transforms one row of tiles, of an input image or of a gradient of the output, into (36, tiles, channels).
template <int SIDE, int MARGIN, void (*AXIS)(const Vector*, int, Vector*, int)>
static void transform_row(const float* image, Image shape, int row, float* to, int tiles) {
    for (int tile = 0; tile < shape.across(); tile++)
        for (int c = 0; c < shape.channels; c += LANES) {
            Vector patch[SIDE * SIDE], half[6 * SIDE], line[6];
            gather<SIDE>(image + c, shape, 4 * row - MARGIN, 4 * tile - MARGIN, patch);
            for (int j = 0; j < SIDE; j++) AXIS(patch + j, SIDE, half + j, SIDE);
            for (int i = 0; i < 6; i++) {
                AXIS(half + SIDE * i, 1, line, 1);
                for (int j = 0; j < 6; j++) store(to + ((6 * i + j) * tiles + tile) * shape.channels + c, line[j]);
            }
        }
}

// Transforms (36, tiles, channels) back into the pixels of one row of tiles.
static void output_row(const float* m, Image shape, int row, float* image) {
    const int tiles = shape.across();
    for (int tile = 0; tile < tiles; tile++)
        for (int c = 0; c < shape.channels; c += LANES) {
            Vector all[36], half[24], line[4];
            for (int k = 0; k < 36; k++) all[k] = load(m + (k * tiles + tile) * shape.channels + c);
            for (int j = 0; j < 6; j++) output_axis(all + j, 6, half + j, 6);
            for (int i = 0; i < 4 && 4 * row + i < shape.height; i++) {
                output_axis(half + 6 * i, 1, line, 1);
                float* pixels = image + ((long)(4 * row + i) * shape.width + 4 * tile) * shape.channels + c;
                for (int j = 0; j < 4 && 4 * tile + j < shape.width; j++) store(pixels + j * shape.channels, line[j]);
            }
        }
}

static float* scratch(long count) { return (float*)aligned_alloc(64, (4 * count + 63) / 64 * 64); }

// ---- What Python calls -----------------------------------------------------------------------------------------

extern "C" {

int lanes() { return LANES; }

// y (count, height, width, to) from x (count, height, width, from) and u (36, from, to).
void convolve(const float* x, const float* u, float* y, int count, int height, int width, int from, int to) {
    const Image in{height, width, from}, out{height, width, to};
    const int tiles = in.across();
#pragma omp parallel
    {
        float* v = scratch(36L * tiles * (from + to));
        float* m = v + 36L * tiles * from;
#pragma omp for collapse(2) schedule(static)
        for (int n = 0; n < count; n++)
            for (int row = 0; row < in.down(); row++) {
                transform_row<6, 1, input_axis>(x + n * in.size(), in, row, v, tiles);
                for (int k = 0; k < 36; k++)
                    multiply<false>(v + k * tiles * from, u + k * from * to, m + k * tiles * to, tiles, to, from);
                output_row(m, out, row, y + n * out.size());
            }
        free(v);
    }
}

// du (parts, 36, from, to), zeros at first: each part is the gradient of u over its share of the images and rows.
void filter_gradient(const float* x, const float* dy, float* du, int parts, int count, int height, int width, int from,
                     int to) {
    const Image in{height, width, from}, out{height, width, to};
    const int across = in.across(), rows = std::max(1, 28 / across);  // enough tiles to pay for reading and writing du
    const int bands = (in.down() + rows - 1) / rows, tiles = across * rows;
#pragma omp parallel for num_threads(parts) schedule(static)
    for (int part = 0; part < parts; part++) {
        float* v = scratch(36L * tiles * (from + to));
        float* m = v + 36L * tiles * from;
        const long jobs = (long)count * bands;
        for (long job = jobs * part / parts; job < jobs * (part + 1) / parts; job++) {
            const long n = job / bands;
            const int first = job % bands * rows, last = std::min(in.down(), first + rows);
            for (int row = first; row < last; row++) {
                const long done = (long)(row - first) * across;
                transform_row<6, 1, input_axis>(x + n * in.size(), in, row, v + done * from, tiles);
                transform_row<4, 0, gradient_axis>(dy + n * out.size(), out, row, m + done * to, tiles);
            }
            for (int k = 0; k < 36; k++)
                multiply<true>(v + (long)k * tiles * from, m + (long)k * tiles * to,
                               du + (part * 36L + k) * from * to, from, to, (last - first) * across);
        }
        free(v);
    }
}
}
