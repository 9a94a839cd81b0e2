// D and its gradients on the tile units of a processor with AMX: one thread computes the whole network for one
// image, so that the activations between layers stay in its cache.
//
// Every layer has a list of the input pixels that each of its output pixels sees. A convolution copies these into a
// row of a matrix and multiplies the matrix by the kernel; pooling takes the largest. Maps are bfloat16 (pixel,
// channel), sums are float32. A slope is the gradient of the loss with respect to one value of a map.
#include "tiles.h"

// A layer as Python describes it: a convolution with ReLU, or, if `pools`, a maximum over a window.
struct LayerSpec {
    int pools, kernel, stride, filters;
};
struct Shape {
    int height, width, channels, same, global, count;  // count: of the hidden layers
};

struct Layer {
    bool pools;
    int in_height, in_width, channels, height, width, filters, taps;
    std::vector<int> seen;  // (pixels, taps): the input pixel that an output pixel sees, -1 for padding

    Layer(const LayerSpec& spec, int in_height, int in_width, int channels, bool same)
        : pools(spec.pools), in_height(in_height), in_width(in_width), channels(channels),
          filters(pools ? channels : spec.filters), taps(spec.kernel * spec.kernel) {
        const int kernel = spec.kernel, stride = spec.stride;
        height = same ? (in_height + stride - 1) / stride : (in_height - kernel) / stride + 1;
        width = same ? (in_width + stride - 1) / stride : (in_width - kernel) / stride + 1;
        // If the number of padded rows is odd, Keras puts one more after the image than before.
        const int top = same ? std::max(0, (height - 1) * stride + kernel - in_height) / 2 : 0;
        const int left = same ? std::max(0, (width - 1) * stride + kernel - in_width) / 2 : 0;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int tap = 0; tap < taps; tap++) {
                    const int row = y * stride + tap / kernel - top, column = x * stride + tap % kernel - left;
                    const bool inside = row >= 0 && row < in_height && column >= 0 && column < in_width;
                    seen.push_back(inside ? row * in_width + column : -1);
                }
    }

    long in_pixels() const { return (long)in_height * in_width; }
    long pixels() const { return (long)height * width; }
    long map() const { return whole(pixels()) * filters; }               // numbers in the output
    int depth() const { return whole((long)taps * channels); }           // rows of the kernel as a matrix, rounded up
    long kernel_size() const { return pools ? 0 : (long)depth() * filters; }
    long gradient_count() const { return pools ? 0 : kernel_size() + filters; }
};

struct Network {
    Shape shape;
    std::vector<Layer> layers;

    Network(const Shape& shape, const LayerSpec* specs) : shape(shape) {
        int height = shape.height, width = shape.width, channels = shape.channels;
        for (int i = 0; i < shape.count; i++) {
            layers.emplace_back(specs[i], height, width, channels, shape.same);
            height = layers[i].height, width = layers[i].width, channels = layers[i].filters;
        }
    }

    long image() const { return (long)shape.height * shape.width * shape.channels; }
    int features() const { return layers.back().filters; }
    long patches() const { return shape.global ? 1 : layers.back().pixels(); }
    long kept() const {
        long sum = 0;
        for (const Layer& layer : layers) sum += layer.map();
        return sum;
    }
    template <class Number>
    long most(const Number& number) const {
        long most = 0;
        for (const Layer& layer : layers) most = std::max<long>(most, number(layer));
        return most;
    }
    // Where the gradient of a layer's kernel begins among the gradients of a thread; the gradient of its bias follows.
    // The gradients of the last kernel, (2, features), and its bias come after those of all hidden layers.
    long gradients_before(size_t layer) const {
        long sum = 0;
        for (size_t i = 0; i < layer; i++) sum += layers[i].gradient_count();
        return sum;
    }
    long gradient_count() const { return gradients_before(layers.size()) + 2 * features() + 2; }
};

// Memory of one thread.
struct Room {
    bf16 *image, *maps, *columns, *gradient, *pairs, *panel;
    float *slopes, *slopes_before;  // of the output and of the input of a layer
    long size;
    Room(const Network& network, char* memory) {
        const auto seen = [](const Layer& l) { return whole(l.in_pixels()) * l.channels; };
        const auto map = [](const Layer& l) { return l.map(); };
        Layout layout{memory};
        image = layout.take<bf16>(network.image());
        maps = layout.take<bf16>(network.kept());
        columns = layout.take<bf16>(network.most([](const Layer& l) { return l.pools ? 0 : whole(l.pixels()) * l.depth(); }));
        gradient = layout.take<bf16>(network.most(map));
        pairs = layout.take<bf16>(2 * network.most(map));
        panel = layout.take<bf16>(BLOCK * LINE);
        slopes = layout.take<float>(std::max(network.most(seen), network.most(map)));
        slopes_before = layout.take<float>(std::max(network.most(seen), network.most(map)));
        size = layout.used;
    }
};

// ---- One layer of one image ------------------------------------------------------------------------------------

// The values that each output pixel sees, (pixels, depth), with zeros for padding.
static void cut(const Layer& layer, const bf16* in, bf16* columns) {
    const int channels = layer.channels, depth = layer.depth();
    for (long pixel = 0; pixel < layer.pixels(); pixel++) {
        bf16* row = columns + pixel * depth;
        for (int tap = 0; tap < layer.taps; tap++, row += channels) {
            const int seen = layer.seen[pixel * layer.taps + tap];
            for (int c = 0; c < channels; c += BLOCK) {
                const __mmask32 all = channels - c >= BLOCK ? ~0u : (1u << (channels - c)) - 1;
                const __m512i values = _mm512_maskz_loadu_epi16(seen < 0 ? 0 : all, in + (long)seen * channels + c);
                _mm512_mask_storeu_epi16(row + c, all, values);
            }
        }
        std::memset(row, 0, (depth - (long)layer.taps * channels) * sizeof(bf16));
    }
    std::memset(columns + layer.pixels() * depth, 0, (whole(layer.pixels()) - layer.pixels()) * depth * sizeof(bf16));
}

static void convolve(const Layer& layer, const bf16* columns, const bf16* packed, const float* bias, bf16* out) {
    multiply(columns, layer.depth(), {0}, whole(layer.pixels()) / BLOCK, packed, layer.filters,
             [&](long pixel, int f, __m512 a, __m512 b) {
                 a = relu(a + _mm512_loadu_ps(bias + f));
                 b = relu(b + _mm512_loadu_ps(bias + f + 16));
                 _mm512_storeu_si512(out + pixel * layer.filters + f, narrow(a, b));
             });
}

static void pool(const Layer& layer, const bf16* in, bf16* out) {
    for (long pixel = 0; pixel < layer.pixels(); pixel++)
        for (int c = 0; c < layer.channels; c += BLOCK) {
            // Outputs of a ReLU compare like their bits as unsigned integers, and NaN is above all numbers.
            __m512i most = _mm512_setzero_si512();
            for (int tap = 0; tap < layer.taps; tap++) {
                const int seen = layer.seen[pixel * layer.taps + tap];
                if (seen >= 0) most = _mm512_max_epu16(most, _mm512_loadu_si512(in + (long)seen * layer.channels + c));
            }
            _mm512_storeu_si512(out + pixel * layer.channels + c, most);
        }
}

// before (input pixels, channels) += the slope of each maximum, at the first input pixel that has this maximum.
static void pool_back(const Layer& layer, const bf16* in, const bf16* out, const float* slopes, float* before) {
    for (long pixel = 0; pixel < layer.pixels(); pixel++)
        for (int c = 0; c < layer.channels; c += BLOCK) {
            const long at = pixel * layer.channels + c;
            const __m512i most = _mm512_loadu_si512(out + at);
            const __m512 slope_1 = _mm512_loadu_ps(slopes + at), slope_2 = _mm512_loadu_ps(slopes + at + 16);
            __mmask32 open = ~0u;
            for (int tap = 0; tap < layer.taps && open; tap++) {
                const int seen = layer.seen[pixel * layer.taps + tap];
                if (seen < 0) continue;
                const long from = (long)seen * layer.channels + c;
                const __mmask32 found = open & _mm512_cmpeq_epi16_mask(_mm512_loadu_si512(in + from), most);
                open &= ~found;
                const __m512 old_1 = _mm512_loadu_ps(before + from), old_2 = _mm512_loadu_ps(before + from + 16);
                _mm512_storeu_ps(before + from, _mm512_mask_add_ps(old_1, found, old_1, slope_1));
                _mm512_storeu_ps(before + from + 16, _mm512_mask_add_ps(old_2, found >> 16, old_2, slope_2));
            }
        }
}

// gradient (pixels rounded up, filters) = the slopes of a map before its ReLU.
static void mask(const Layer& layer, const bf16* out, const float* slopes, bf16* gradient) {
    const long numbers = layer.pixels() * layer.filters;
    for (long at = 0; at < numbers; at += BLOCK) {
        const __m512i values = narrow(_mm512_loadu_ps(slopes + at), _mm512_loadu_ps(slopes + at + 16));
        _mm512_storeu_si512(gradient + at, _mm512_maskz_mov_epi16(positive(_mm512_loadu_si512(out + at)), values));
    }
    std::memset(gradient + numbers, 0, (layer.map() - numbers) * sizeof(bf16));
}

// dw (depth, filters) += columns^T gradient, bias += sum of the gradient.
static void weight_gradient(const Layer& layer, const Room& room, float* dw, float* bias) {
    const int depth = layer.depth(), to = layer.filters;
    const long pixels = whole(layer.pixels());
    pair_up(room.gradient, pixels, to, room.pairs, bias);
    for (long chunk = 0; chunk < pixels; chunk += CHUNK) {
        const long length = std::min<long>(CHUNK, pixels - chunk);
        for (int c = 0; c < depth; c += BLOCK) {
            for (long p = 0; p < length; p += BLOCK)
                transpose(room.columns + (chunk + p) * depth + c, depth, room.panel + p, LINE);
            for (int f = 0; f < to; f += BLOCK)
                add_products(room.panel, room.pairs + f * pixels + chunk * BLOCK, length, dw + (long)c * to + f, to);
        }
    }
}

// before (input pixels, channels) += the slopes of all input pixels that the output pixels see.
static void input_slopes(const Layer& layer, const bf16* gradient, const bf16* turned, float* before) {
    const int channels = layer.channels, seen_values = layer.taps * channels;
    multiply(gradient, layer.filters, {0}, whole(layer.pixels()) / BLOCK, turned, layer.depth(),
             [&](long pixel, int value, __m512 a, __m512 b) {
                 if (pixel >= layer.pixels()) return;
                 const int* seen = &layer.seen[pixel * layer.taps];
                 if (channels % BLOCK == 0) {
                     const int place = seen[value / channels];
                     if (place < 0) return;
                     float* into = before + (long)place * channels + value % channels;
                     _mm512_storeu_ps(into, _mm512_loadu_ps(into) + a);
                     _mm512_storeu_ps(into + 16, _mm512_loadu_ps(into + 16) + b);
                     return;
                 }
                 float sums[BLOCK];
                 _mm512_storeu_ps(sums, a);
                 _mm512_storeu_ps(sums + 16, b);
                 for (int i = 0; i < BLOCK && value + i < seen_values; i++) {
                     const int place = seen[(value + i) / channels];
                     if (place >= 0) before[(long)place * channels + (value + i) % channels] += sums[i];
                 }
             });
}

// ---- One image through D ---------------------------------------------------------------------------------------

struct Arena {
    std::vector<bf16*> packed;  // packed kernels, by layer; transposed for `run_back`
    std::vector<Room> rooms;
    long size;
    Arena(const Network& network, char* memory, int threads) {
        Layout layout{memory};
        for (const Layer& layer : network.layers) packed.push_back(layout.take<bf16>(layer.kernel_size()));
        const long room = Room(network, nullptr).size;
        for (int thread = 0; thread < threads; thread++) rooms.emplace_back(network, layout.take<char>(room));
        size = layout.used;
    }
};

struct Discriminator {
    const Network& network;
    const Arena& arena;
    std::vector<const float*> kernels, biases;  // of every layer, the last included; null for pooling
    std::vector<float> last;                    // the kernel of the last layer, (2, features)

    // `arrays`: the kernel (kernel, kernel, from, to) and bias of each convolution, in the memory of Keras.
    Discriminator(const Network& network, const float* const* arrays, const Arena& arena)
        : network(network), arena(arena) {
        for (size_t i = 0; i <= network.layers.size(); i++) {
            const bool pools = i < network.layers.size() && network.layers[i].pools;
            kernels.push_back(pools ? nullptr : *arrays++);
            biases.push_back(pools ? nullptr : *arrays++);
        }
        for (int k = 0; k < 2; k++)
            for (int f = 0; f < network.features(); f++) last.push_back(kernels.back()[2 * f + k]);
    }

    void pack_layer(int i, bool turn) const {
        const Layer& layer = network.layers[i];
        const int to = layer.filters, values = layer.taps * layer.channels;
        const float* kernel = kernels[i];
        if (layer.pools) return;
        if (turn)
            pack(1, to, layer.depth(), [=](int, int f, int v) { return v < values ? kernel[v * to + f] : 0; },
                 arena.packed[i]);
        else
            pack(1, layer.depth(), to, [=](int, int v, int f) { return v < values ? kernel[v * to + f] : 0; },
                 arena.packed[i]);
    }

    void read(const float* image, bf16* out) const {
        for (long i = 0; i < network.image(); i++) out[i] = narrow(image[i]);
    }

    // `maps` receives the outputs of the hidden layers, one after the other.
    void run(const float* image, const Room& room, bf16* maps, float* logits) const {
        read(image, room.image);
        const bf16* in = room.image;
        for (size_t i = 0; i < network.layers.size(); i++) {
            const Layer& layer = network.layers[i];
            if (layer.pools) {
                pool(layer, in, maps);
            } else {
                cut(layer, in, room.columns);
                convolve(layer, room.columns, arena.packed[i], biases[i], maps);
            }
            in = maps;
            maps += layer.map();
        }
        const int features = network.features();
        const long together = network.layers.back().pixels() / network.patches();  // pixels whose mean is one patch
        for (long patch = 0; patch < network.patches(); patch++)
            for (int k = 0; k < 2; k++) {
                __m512 sum = _mm512_setzero_ps();
                for (long pixel = patch * together; pixel < (patch + 1) * together; pixel++)
                    for (int f = 0; f < features; f += BLOCK) {
                        const __m512i values = _mm512_loadu_si512(in + pixel * features + f);
                        const float* weights = &last[k * features + f];
                        sum += low(values) * _mm512_loadu_ps(weights) + high(values) * _mm512_loadu_ps(weights + 16);
                    }
                *logits++ = _mm512_reduce_add_ps(sum) / together + biases.back()[k];
            }
    }

    // Adds the gradients of the last layer; `slopes` receives the slopes of its input.
    void last_layer(const float* dlogits, const bf16* map, float* slopes, float* gradients) const {
        const int features = network.features();
        const long pixels = network.layers.back().pixels(), together = pixels / network.patches();
        float* dkernel = gradients ? gradients + network.gradients_before(network.layers.size()) : nullptr;
        for (long pixel = 0; pixel < pixels; pixel++) {
            const float* slope = dlogits + 2 * (pixel / together);
            for (int f = 0; f < features; f++)
                slopes[pixel * features + f] = (slope[0] * last[f] + slope[1] * last[features + f]) / together;
            if (!gradients) continue;
            for (int k = 0; k < 2; k++) {
                const __m512 weight = _mm512_set1_ps(slope[k] / together);
                for (int f = 0; f < features; f += BLOCK) {
                    const __m512i values = _mm512_loadu_si512(map + pixel * features + f);
                    float* sum = dkernel + k * features + f;
                    _mm512_storeu_ps(sum, _mm512_loadu_ps(sum) + weight * low(values));
                    _mm512_storeu_ps(sum + 16, _mm512_loadu_ps(sum + 16) + weight * high(values));
                }
                dkernel[2 * features + k] += slope[k] / together;
            }
        }
    }

    // Adds the gradients of the weights to `gradients` and writes the gradient of the image to `dimage`; either may be
    // null. `maps` are the outputs that `run` kept.
    void run_back(const float* image, Room room, const bf16* maps, const float* dlogits, float* gradients,
                  float* dimage) const {
        const auto& layers = network.layers;
        std::vector<const bf16*> outputs;
        for (const Layer& layer : layers) {
            outputs.push_back(maps);
            maps += layer.map();
        }
        last_layer(dlogits, outputs.back(), room.slopes, gradients);
        for (int i = layers.size() - 1; i >= 0; i--) {
            const Layer& layer = layers[i];
            const bool is_first = i == 0;
            const bf16* in = is_first ? room.image : outputs[i - 1];
            float* before = is_first ? dimage : room.slopes_before;
            if (before) std::memset(before, 0, layer.in_pixels() * layer.channels * sizeof(float));
            if (layer.pools) {
                pool_back(layer, in, outputs[i], room.slopes, before);
            } else {
                mask(layer, outputs[i], room.slopes, room.gradient);
                if (gradients) {
                    if (is_first) read(image, room.image);
                    cut(layer, in, room.columns);
                    float* dw = gradients + network.gradients_before(i);
                    weight_gradient(layer, room, dw, dw + layer.kernel_size());
                }
                if (before) input_slopes(layer, room.gradient, arena.packed[i], before);
            }
            std::swap(room.slopes, room.slopes_before);
        }
    }
};

// ---- What Python calls -----------------------------------------------------------------------------------------

extern "C" {

// Creates the network that the other functions take as their first argument; the caller must destroy it.
Network* create(Shape shape, const LayerSpec* specs) { return new Network(shape, specs); }
void destroy(Network* network) { delete network; }

// Bytes of the maps of one image, and of the `memory` that run and run_back need.
long kept_size(const Network* network) { return sizeof(bf16) * network->kept(); }
long memory_size(const Network* network, int threads, int) { return Arena(*network, nullptr, threads).size; }

long patches(const Network* network) { return network->patches(); }

// Where the gradient of each array begins, in the order of Keras; the last of `places` is the number of all gradients.
void gradient_places(const Network* network, long* places) {
    const auto& layers = network->layers;
    for (size_t i = 0; i < layers.size(); i++) {
        if (layers[i].pools) continue;
        *places++ = network->gradients_before(i);
        *places++ = network->gradients_before(i) + layers[i].kernel_size();
    }
    *places++ = network->gradients_before(layers.size());
    *places++ = network->gradient_count() - 2;
    *places = network->gradient_count();
}

// logits (count, patches, 2) of images (count, height, width, channels). `kept` receives the maps of each image;
// null if no gradients are wanted.
void run(const Network* network, const float* images, const float* const* arrays, bf16* kept, char* memory,
         int threads, long count, float* logits) {
    const Arena own(*network, memory, threads);
    const Discriminator discriminator(*network, arrays, own);
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (size_t i = 0; i < network->layers.size(); i++) discriminator.pack_layer(i, false);
    for_images(threads, count, [&](int thread, long n) {
        const Room& room = own.rooms[thread];
        discriminator.run(images + n * network->image(), room, kept ? kept + n * network->kept() : room.maps,
                          logits + n * 2 * network->patches());
    });
}

// Adds the gradients of the weights to `gradients` (threads, numbers placed as by gradient_places) and writes the
// gradients of the images to `dimages`; either may be null.
void run_back(const Network* network, const float* images, const float* const* arrays, const bf16* kept, char* memory,
              int threads, long count, const float* dlogits, float* gradients, float* dimages) {
    const Arena own(*network, memory, threads);
    const Discriminator discriminator(*network, arrays, own);
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (size_t i = 0; i < network->layers.size(); i++) discriminator.pack_layer(i, true);
    for_images(threads, count, [&](int thread, long n) {
        discriminator.run_back(images + n * network->image(), own.rooms[thread], kept + n * network->kept(),
                               dlogits + n * 2 * network->patches(),
                               gradients ? gradients + thread * network->gradient_count() : nullptr,
                               dimages ? dimages + n * network->image() : nullptr);
    });
}
}
