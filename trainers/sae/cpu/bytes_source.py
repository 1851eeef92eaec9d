"""The encoder's product in whole numbers of eight bits, which only chooses latents: it comes after `source`.

Examples and latents are divided by a scale each, so that their largest is 127.  Latents count 128 more, for
the instruction that multiplies signed by unsigned bytes, where there is one; what that adds to a sum depends
on the example alone.
"""

BYTES = r"""
#ifdef __AVX512VNNI__
#include <immintrin.h>
#endif

const Int PANEL = 64, AT_ONCE = 6;

struct Scaled {
  float scale, squares;
};

// Four activations lie together, `apart` bytes from the next four.
static Scaled pack(const float* row, Int d, int offset, Int apart, int8_t* room, uint8_t* out) {
  float most = 0;
#pragma omp simd reduction(max : most)
  for (Int i = 0; i < d; ++i) most = std::max(most, std::fabs(row[i]));
  const float times = most > 0 ? 127 / most : 0;
#pragma omp simd
  for (Int i = 0; i < d; ++i) room[i] = (int8_t)((int)std::nearbyint(row[i] * times) + offset);
  for (Int i = d; i % 4; ++i) room[i] = (int8_t)offset;
  for (Int i = 0; i < d; i += 4) std::memcpy(out + i / 4 * apart, room + i, 4);
  return {most / 127, dot(row, row, d)};
}

#ifdef __AVX512VNNI__
template <int rows>
static void multiply(const uint8_t* panel, const int8_t* x, Int fours, int32_t* sums) {
  __m512i found[rows][4];
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < 4; ++c) found[r][c] = _mm512_setzero_si512();
  for (Int i = 0; i < fours; ++i) {
    __m512i w[4];
    for (int c = 0; c < 4; ++c) w[c] = _mm512_loadu_si512(panel + (i * 4 + c) * 64);
    for (int r = 0; r < rows; ++r) {
      int32_t four;
      std::memcpy(&four, x + (r * fours + i) * 4, 4);
      const __m512i one = _mm512_set1_epi32(four);
      for (int c = 0; c < 4; ++c) found[r][c] = _mm512_dpbusd_epi32(found[r][c], w[c], one);
    }
  }
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < 4; ++c) _mm512_storeu_si512(sums + r * PANEL + c * 16, found[r][c]);
}
#else
template <int rows>
static void multiply(const uint8_t* panel, const int8_t* x, Int fours, int32_t* sums) {
  std::fill(sums, sums + rows * PANEL, 0);
  for (int r = 0; r < rows; ++r)
    for (Int i = 0; i < fours; ++i) {
      const int8_t* four = x + (r * fours + i) * 4;
      const uint8_t* w = panel + i * PANEL * 4;
      for (Int j = 0; j < PANEL; ++j)
        for (Int q = 0; q < 4; ++q) sums[r * PANEL + j] += w[j * 4 + q] * four[q];
    }
}
#endif

static uint16_t bfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return (uint16_t)((bits + 0x8000) >> 16);
}

struct Bytes {
  std::vector<int8_t> values;
  std::vector<Scaled> scaled;
  std::vector<int32_t> added;
};

static Bytes bytes_of(const float* x, Int rows, Int d, Int threads) {
  const Int wide = (d + 3) / 4 * 4;
  Bytes found{std::vector<int8_t>(rows * wide), std::vector<Scaled>(rows), std::vector<int32_t>(rows)};
  in_parts(rows, threads, [&](Int from, Int to) {
    std::vector<int8_t> room(wide);
    for (Int row = from; row < to; ++row) {
      int8_t* mine = found.values.data() + row * wide;
      found.scaled[row] = pack(x + row * d, d, 0, 4, room.data(), (uint8_t*)mine);
      int32_t sum = 0;
      for (Int i = 0; i < wide; ++i) sum += mine[i];
      found.added[row] = 128 * sum;
    }
  });
  return found;
}

// The variance of what rounding adds to a value: a scale squared over 12 for each activation.
struct Rounding {
  float squares = 0, scales = 0;
  Rounding(const std::vector<Scaled>& rows) {
    for (const Scaled& one : rows) squares += one.squares, scales += one.scale * one.scale;
    squares /= 12 * rows.size(), scales /= 12 * rows.size();
  }
  float deviation(Scaled w) const { return std::sqrt(squares * w.scale * w.scale + scales * w.squares); }
};

extern "C" {

void encode_in_bytes(const float* x, const float* weights, const float* bias, Int rows, Int latents, Int d,
                     Int threads, uint16_t* out, float* deviations) {
  const Int fours = (d + 3) / 4;
  const Bytes bytes = bytes_of(x, rows, d, threads);
  const Rounding rounding(bytes.scaled);
  in_parts((latents + PANEL - 1) / PANEL, threads, [&](Int from, Int to) {
    std::vector<uint8_t> panel(fours * 4 * PANEL);
    std::vector<int8_t> room(fours * 4);
    float scales[PANEL];
    int32_t sums[AT_ONCE * PANEL];
    for (Int first = from * PANEL; first < std::min(latents, to * PANEL); first += PANEL) {
      const Int many = std::min(PANEL, latents - first);
      for (Int j = 0; j < many; ++j) {
        const float* row = weights + (first + j) * d;
        const Scaled w = pack(row, d, 128, 4 * PANEL, room.data(), panel.data() + 4 * j);
        scales[j] = w.scale;
        deviations[first + j] = rounding.deviation(w);
      }
      for (Int row = 0; row < rows; row += AT_ONCE) {
        const Int some = std::min(AT_ONCE, rows - row);
        const int8_t* x_bytes = bytes.values.data() + row * fours * 4;
        if (some == AT_ONCE)
          multiply<AT_ONCE>(panel.data(), x_bytes, fours, sums);
        else
          for (Int r = 0; r < some; ++r)
            multiply<1>(panel.data(), x_bytes + r * fours * 4, fours, sums + r * PANEL);
        for (Int r = row; r < row + some; ++r) {
          const int32_t* mine = sums + (r - row) * PANEL;
          const float scale = bytes.scaled[r].scale;
          const int32_t added = bytes.added[r];
          uint16_t* to_row = out + r * latents + first;
#pragma omp simd
          for (Int j = 0; j < many; ++j)
            to_row[j] = bfloat16((float)(mine[j] - added) * scale * scales[j] + bias[first + j]);
        }
      }
    }
  });
}

}  // extern "C"
"""
