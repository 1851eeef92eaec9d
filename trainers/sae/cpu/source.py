"""The kernels.  One thread forms a sum, in a fixed order: results do not depend on how many there are."""

KERNELS = r"""
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

typedef int64_t Int;

// Parts of the work go to whichever thread is free.
static void in_parts(Int items, Int threads, const std::function<void(Int, Int)>& work) {
  const Int part = std::max<Int>(1, items / (threads * 8));
  std::atomic<Int> next(0);
  auto run = [&]() {
    for (Int at; (at = next.fetch_add(part)) < items;) work(at, std::min(items, at + part));
  };
  std::vector<std::thread> others;
  for (Int t = 1; t < threads; ++t) others.emplace_back(run);
  run();
  for (auto& other : others) other.join();
}

// Several sums at once: one after the other each addition would wait for the one before.
static float dot(const float* a, const float* b, Int d) {
  const Int wide = 64;
  float sums[wide] = {0};
  Int i = 0;
  for (; i + wide <= d; i += wide) {
#pragma omp simd
    for (Int j = 0; j < wide; ++j) sums[j] += a[i + j] * b[i + j];
  }
  for (; i < d; ++i) sums[i % wide] += a[i] * b[i];
  float sum = 0;
  for (Int j = 0; j < wide; ++j) sum += sums[j];
  return sum;
}

// Rows that are needed next are on their way while this one is worked on.
static void fetch(const float* row, Int d) {
  for (Int i = 0; i < d; i += 16) __builtin_prefetch(row + i);
}

static void add(float* into, const float* row, float times, Int d) {
#pragma omp simd
  for (Int i = 0; i < d; ++i) into[i] += times * row[i];
}

// The bits of positive numbers sort as the numbers do, and those of negative ones are below 0.
template <typename Key>
static Key block_maximum(const Key* h, Int n) {
  const Int wide = 64 / sizeof(Key);
  Key most[wide];
  for (Int j = 0; j < wide; ++j) most[j] = -1;
  Int i = 0;
  for (; i + wide <= n; i += wide) {
#pragma omp simd
    for (Int j = 0; j < wide; ++j) most[j] = h[i + j] > most[j] ? h[i + j] : most[j];
  }
  for (; i < n; ++i) most[i % wide] = std::max(most[i % wide], h[i]);
  return *std::max_element(most, most + wide);
}

template <typename Key>
static Int write_down(const Key* h, const Key* maxima, Int latents, Int block, Key bound, Int room,
                      Int* out) {
  Int found = 0;
  for (Int from = 0; from < latents; from += block) {
    if (maxima[from / block] < bound) continue;
    const Int to = std::min(latents, from + block);
    for (Int at = from; at < to; ++at)
      if (h[at] >= bound) {
        if (found < room) out[found] = at;
        ++found;
      }
  }
  return found;
}

template <typename Key>
static Key kth(std::vector<Key>& keys, Int k) {
  std::nth_element(keys.begin(), keys.begin() + (k - 1), keys.end(), std::greater<Key>());
  return std::max<Key>(1, keys[k - 1]);
}

template <typename Key>
static void candidates(const Key* h, Int rows, Int latents, Int k, bool whole, Int room, Int threads,
                       Int* columns, Int* counts) {
  const Int block = 64, blocks = (latents + block - 1) / block;
  std::vector<Key> maxima(rows * blocks);
  auto look = [&](Int from, Int to) {
    for (Int row = from; row < to; ++row)
      for (Int b = 0; b < blocks; ++b)
        maxima[row * blocks + b] =
            block_maximum(h + row * latents + b * block, std::min(block, latents - b * block));
  };
  auto bound_of = [&](const Key* some, Int n_some, const Key* all, Int n_all, Int wanted) {
    std::vector<Key> keys(wanted <= n_some ? some : all, wanted <= n_some ? some + n_some : all + n_all);
    return kth(keys, wanted);
  };
  Key bound = 0;
  if (whole) {
    in_parts(rows, threads, look);
    bound = bound_of(maxima.data(), rows * blocks, h, rows * latents, rows * k);
  }
  in_parts(rows, threads, [&](Int from, Int to) {
    if (!whole) look(from, to);
    for (Int row = from; row < to; ++row) {
      const Key* mine = maxima.data() + row * blocks;
      const Key* values = h + row * latents;
      const Key least = whole ? bound : bound_of(mine, blocks, values, latents, k);
      counts[row] = write_down(values, mine, latents, block, least, room, columns + row * room);
    }
  });
}

// Those above a bound of their latent; bounds are not below 0.
template <typename Key>
static void above(const Key* h, const Key* bounds, Int rows, Int latents, Int room, Int threads, Int* columns,
                  Int* counts) {
  const Int block = 64;
  in_parts(rows, threads, [&](Int from, Int to) {
    for (Int row = from; row < to; ++row) {
      const Key* mine = h + row * latents;
      Int* out = columns + row * room;
      Int found = 0;
      for (Int first = 0; first < latents; first += block) {
        const Int end = std::min(latents, first + block);
        Key any = 0;
#pragma omp simd reduction(| : any)
        for (Int at = first; at < end; ++at) any |= mine[at] > bounds[at];
        for (Int at = first; any && at < end; ++at)
          if (mine[at] > bounds[at]) {
            if (found < room) out[found] = at;
            ++found;
          }
      }
      counts[row] = found;
    }
  });
}

extern "C" {

void above_16(const int16_t* h, const int16_t* bounds, Int rows, Int latents, Int room, Int threads,
              Int* columns, Int* counts) {
  above<int16_t>(h, bounds, rows, latents, room, threads, columns, counts);
}

void above_32(const int32_t* h, const int32_t* bounds, Int rows, Int latents, Int room, Int threads,
              Int* columns, Int* counts) {
  above<int32_t>(h, bounds, rows, latents, room, threads, columns, counts);
}

void candidates_16(const int16_t* h, Int rows, Int latents, Int k, Int whole, Int room, Int threads,
                   Int* columns, Int* counts) {
  candidates<int16_t>(h, rows, latents, k, whole, room, threads, columns, counts);
}

void candidates_32(const int32_t* h, Int rows, Int latents, Int k, Int whole, Int room, Int threads,
                   Int* columns, Int* counts) {
  candidates<int32_t>(h, rows, latents, k, whole, room, threads, columns, counts);
}

void pair_products(const Int* starts, const Int* columns, const float* left, const float* right, Int rows,
                   Int d, Int threads, float* found) {
  in_parts(rows, threads, [&](Int from, Int to) {
    for (Int row = from; row < to; ++row)
      for (Int pair = starts[row]; pair < starts[row + 1]; ++pair) {
        if (pair + 1 < starts[rows]) fetch(right + columns[pair + 1] * d, d);
        found[pair] = dot(left + row * d, right + columns[pair] * d, d);
      }
  });
}

// Latent by latent, for many pairs: a row of the large matrix is read from memory once.
void products_by_latent(const Int* order, const Int* rows, const Int* starts, const float* left,
                        const float* right, Int latents, Int d, Int threads, float* found) {
  in_parts(latents, threads, [&](Int from, Int to) {
    for (Int latent = from; latent < to; ++latent)
      for (Int pair = starts[latent]; pair < starts[latent + 1]; ++pair)
        found[order[pair]] = dot(left + rows[pair] * d, right + latent * d, d);
  });
}

void decode_and_back(const Int* starts, const Int* columns, const float* values, const float* decoder,
                     const float* target, const float* bias, float twice, Int rows, Int d, Int threads,
                     float* back, float* slopes, float* squares) {
  in_parts(rows, threads, [&](Int from, Int to) {
    for (Int row = from; row < to; ++row) {
      float* error = back + row * d;
      for (Int i = 0; i < d; ++i) error[i] = bias[i] - target[row * d + i];
      for (Int pair = starts[row]; pair < starts[row + 1]; ++pair) {
        if (pair + 1 < starts[rows]) fetch(decoder + columns[pair + 1] * d, d);
        add(error, decoder + columns[pair] * d, values[pair], d);
      }
      squares[row] = dot(error, error, d);
      for (Int i = 0; i < d; ++i) error[i] *= twice;
      for (Int pair = starts[row]; pair < starts[row + 1]; ++pair)
        slopes[pair] = dot(error, decoder + columns[pair] * d, d);
    }
  });
}

struct Pairs {
  const Int* starts;
  const Int* rows;
  const float* values;
  const float* slopes;
  const float* back;
  const float* centred;
};

struct Moving {
  float* values;
  float* mean;
  float* square;
};

struct Numbers {
  float rate, over_root, kept;
};

static float gradients(const Pairs& pairs, Int latent, Int d, float* decoder, float* encoder) {
  std::fill(decoder, decoder + d, 0.0f);
  std::fill(encoder, encoder + d, 0.0f);
  float bias = 0;
  for (Int pair = pairs.starts[latent]; pair < pairs.starts[latent + 1]; ++pair) {
    const Int row = pairs.rows[pair] * d;
    add(decoder, pairs.back + row, pairs.values[pair], d);
    add(encoder, pairs.centred + row, pairs.slopes[pair], d);
    bias += pairs.slopes[pair];
  }
  return bias;
}

static void project(float* gradient, const float* row, Int d) {
  add(gradient, row, -dot(gradient, row, d), d);
}

void squared_norms(const Pairs* pairs, const float* weights, Int latents, Int d, Int unit, Int threads,
                   float* squares, float* biases) {
  in_parts(latents, threads, [&](Int from, Int to) {
    std::vector<float> room(2 * d);
    float *decoder = room.data(), *encoder = decoder + d;
    for (Int latent = from; latent < to; ++latent) {
      biases[latent] = gradients(*pairs, latent, d, decoder, encoder);
      if (unit) project(decoder, weights + latent * d, d);
      squares[latent] = dot(decoder, decoder, d) + dot(encoder, encoder, d);
    }
  });
}

static void adam(float* w, float* m, float* v, const float* gradient, float scale, Numbers n, Int d) {
#pragma omp simd
  for (Int i = 0; i < d; ++i) {
    const float g = gradient[i] * scale;
    m[i] += (g - m[i]) * 0.1f;
    v[i] = v[i] * 0.999f + g * g * 0.001f;
    w[i] = w[i] * n.kept - n.rate * m[i] / (std::sqrt(v[i]) * n.over_root + 1e-8f);
  }
}

void move(const Pairs* pairs, const Moving* encoders, const Moving* decoders, const Moving* biases,
          const Numbers* numbers, float scale, Int latents, Int d, Int unit, Int threads) {
  in_parts(latents, threads, [&](Int from, Int to) {
    std::vector<float> room(2 * d);
    float *decoder = room.data(), *encoder = decoder + d;
    for (Int latent = from; latent < to; ++latent) {
      const Int at = latent * d;
      const float bias = gradients(*pairs, latent, d, decoder, encoder);
      adam(encoders->values + at, encoders->mean + at, encoders->square + at, encoder, scale, *numbers, d);
      float* row = decoders->values + at;
      if (unit) project(decoder, row, d);
      adam(row, decoders->mean + at, decoders->square + at, decoder, scale, *numbers, d);
      if (unit) {
        const float over = 1 / std::max(std::sqrt(dot(row, row, d)), 1e-12f);
        for (Int i = 0; i < d; ++i) row[i] *= over;
      }
      adam(biases->values + latent, biases->mean + latent, biases->square + latent, &bias, scale, *numbers,
           1);
    }
  });
}

void row_sum(const float* weights, const float* matrix, Int rows, Int d, Int threads, float* sum) {
  const Int part = 256, parts = (rows + part - 1) / part;
  std::vector<float> partial(parts * d, 0.0f);
  in_parts(parts, threads, [&](Int from, Int to) {
    for (Int row = from * part; row < std::min(rows, to * part); ++row)
      add(partial.data() + row / part * d, matrix + row * d, weights[row], d);
  });
  std::fill(sum, sum + d, 0.0f);
  for (Int p = 0; p < parts; ++p) add(sum, partial.data() + p * d, 1.0f, d);
}

}  // extern "C"
"""
