#include "model/graph/edge_coding.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <span>

#include "model/base/check.h"

namespace cajal::graph {
namespace {

constexpr size_t kHeaderBytes = 1 + 2 * sizeof(int32_t);

// The bits with the sign moved below the exponent, so that the exponent is a byte of its own.
uint32_t SignBelowExponent(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return (bits << 1 & 0xff000000u) | (bits >> 8 & 0x00800000u) | (bits & 0x007fffffu);
}

float SignOnTop(uint32_t bits) {
  return std::bit_cast<float>((bits >> 1 & 0x7f800000u) | (bits << 8 & 0x80000000u) |
                              (bits & 0x007fffffu));
}

int32_t PlanesOf(WeightCoding coding) { return coding == WeightCoding::kBFloat16 ? 2 : 4; }

size_t VarintBytes(uint32_t value) { return (std::bit_width(value | 1u) + 6u) / 7u; }

void AppendVarint(uint32_t value, std::string* bytes) {
  for (; value >= 128; value >>= 7) bytes->push_back(static_cast<char>(value | 128));
  bytes->push_back(static_cast<char>(value));
}

void AppendInt32(int32_t value, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendBits(std::span<const int32_t> columns, std::string* bytes) {
  const int32_t first = columns.front();
  const int32_t span = columns.back() - first;
  AppendVarint(static_cast<uint32_t>(first) << 1 | 1, bytes);
  AppendVarint(static_cast<uint32_t>(span), bytes);
  const size_t begin = bytes->size();
  bytes->resize(begin + static_cast<size_t>(span) / 8 + 1, '\0');
  char* bits = bytes->data() + begin;
  for (int32_t column : columns) {
    const int32_t bit = column - first;
    bits[bit >> 3] = static_cast<char>(bits[bit >> 3] | 1 << (bit & 7));
  }
}

void AppendDistances(std::span<const int32_t> columns, std::string* bytes) {
  AppendVarint(static_cast<uint32_t>(columns.front()) << 1, bytes);
  for (size_t i = 1; i < columns.size(); ++i) {
    AppendVarint(static_cast<uint32_t>(columns[i] - columns[i - 1] - 1), bytes);
  }
}

void AppendColumns(std::span<const int32_t> columns, std::string* bytes) {
  const auto span = static_cast<uint32_t>(columns.back() - columns.front());
  const size_t bit_bytes = VarintBytes(span) + span / 8 + 1;
  size_t distance_bytes = columns.size() - 1;  // at least so many; counted where that is fewer
  if (distance_bytes < bit_bytes) {
    for (size_t i = 1; i < columns.size(); ++i) {
      distance_bytes += VarintBytes(static_cast<uint32_t>(columns[i] - columns[i - 1] - 1)) - 1;
    }
  }
  bit_bytes < distance_bytes ? AppendBits(columns, bytes) : AppendDistances(columns, bytes);
}

void AppendWeights(std::span<const float> weights, WeightCoding coding, std::string* bytes) {
  const int32_t n_planes = PlanesOf(coding);
  const size_t begin = bytes->size();
  bytes->resize(begin + n_planes * weights.size());
  for (int32_t plane = 0; plane < n_planes; ++plane) {
    const int32_t shift = 8 * (plane + 4 - n_planes);
    char* to = bytes->data() + begin + plane * weights.size();
    if (coding == WeightCoding::kBFloat16) {
      for (size_t i = 0; i < weights.size(); ++i) {
        to[i] = static_cast<char>(SignBelowExponent(RoundToBFloat16(weights[i])) >> shift);
      }
    } else {
      for (size_t i = 0; i < weights.size(); ++i) {
        to[i] = static_cast<char>(SignBelowExponent(weights[i]) >> shift);
      }
    }
  }
}

absl::Status Damaged(const std::string& what) {
  return absl::DataLossError("a block of edges is damaged: " + what);
}

// Reads from the front of bytes.
class Reader {
 public:
  explicit Reader(const std::string& bytes)
      : next_(reinterpret_cast<const uint8_t*>(bytes.data())), end_(next_ + bytes.size()) {}

  [[nodiscard]] size_t left() const { return static_cast<size_t>(end_ - next_); }

  // The next n bytes, which must be there.
  const uint8_t* Take(size_t n) {
    const uint8_t* bytes = next_;
    next_ += n;
    return bytes;
  }

  int32_t TakeInt32() {
    int32_t value = 0;
    std::memcpy(&value, Take(sizeof(value)), sizeof(value));
    return value;
  }

  // Of 32 bits. False when there is none.
  bool Varint(uint32_t* value) {
    uint64_t result = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      if (next_ == end_) return false;
      const uint8_t byte = *next_++;
      result |= uint64_t{byte & 127u} << shift;
      if (byte >= 128) continue;
      *value = static_cast<uint32_t>(result);
      return result <= std::numeric_limits<uint32_t>::max();
    }
    return false;
  }

 private:
  const uint8_t* next_;
  const uint8_t* const end_;
};

// Columns that are set in the bits of [first, first + span]. False unless there are as many as
// `columns` holds.
bool ColumnsOfBits(const uint8_t* bits, size_t n_bytes, int32_t first, std::span<int32_t> columns) {
  size_t n = 0;
  for (size_t begin = 0; begin < n_bytes; begin += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bits + begin, std::min(sizeof(word), n_bytes - begin));
    if (n + static_cast<size_t>(std::popcount(word)) > columns.size()) return false;
    const int32_t base = first + 8 * static_cast<int32_t>(begin);
    for (; word != 0; word &= word - 1) columns[n++] = base + std::countr_zero(word);
  }
  return n == columns.size();
}

bool ReadBits(int64_t first, int32_t n_nodes, Reader* reader, std::span<int32_t> columns) {
  uint32_t span = 0;
  if (!reader->Varint(&span) || first + span >= n_nodes) return false;
  const size_t n_bytes = span / 8 + 1;
  if (reader->left() < n_bytes) return false;
  // What is above the last column in the last byte would be a column, too.
  const uint8_t* bits = reader->Take(n_bytes);
  return ColumnsOfBits(bits, n_bytes, static_cast<int32_t>(first), columns) &&
         columns.back() == static_cast<int32_t>(first + span);
}

bool ReadDistances(int64_t first, int32_t n_nodes, Reader* reader, std::span<int32_t> columns) {
  int64_t column = first;
  for (size_t i = 0; i < columns.size(); ++i) {
    uint32_t distance = 0;
    if (i > 0 && !reader->Varint(&distance)) return false;
    if (i > 0) column += int64_t{distance} + 1;
    if (column >= n_nodes) return false;
    columns[i] = static_cast<int32_t>(column);
  }
  return true;
}

bool ReadColumns(int32_t n_nodes, Reader* reader, std::span<int32_t> columns) {
  uint32_t head = 0;
  if (!reader->Varint(&head)) return false;
  return (head & 1) != 0 ? ReadBits(head >> 1, n_nodes, reader, columns)
                         : ReadDistances(head >> 1, n_nodes, reader, columns);
}

void ReadWeights(const uint8_t* planes, WeightCoding coding, std::span<float> weights) {
  const size_t n = weights.size();
  if (coding == WeightCoding::kBFloat16) {
    for (size_t i = 0; i < n; ++i) {
      weights[i] = SignOnTop(uint32_t{planes[i]} << 16 | uint32_t{planes[n + i]} << 24);
    }
  } else {
    for (size_t i = 0; i < n; ++i) {
      weights[i] = SignOnTop(uint32_t{planes[i]} | uint32_t{planes[n + i]} << 8 |
                             uint32_t{planes[2 * n + i]} << 16 | uint32_t{planes[3 * n + i]} << 24);
    }
  }
}

}  // namespace

float RoundToBFloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
  if ((rounded & 0x7fffffffu) == 0x7f800000u) rounded -= 0x00010000u;
  return std::bit_cast<float>(rounded);
}

std::string EncodeRows(const EdgeMatrix& edges, RowRange rows, WeightCoding coding) {
  CAJAL_CHECK(0 <= rows.begin && rows.begin <= rows.end &&
              static_cast<size_t>(rows.end) < edges.row_begin.size());
  const int64_t begin = edges.row_begin[rows.begin];
  const int64_t n_edges = edges.row_begin[rows.end] - begin;
  std::string bytes;
  bytes.reserve(kHeaderBytes + static_cast<size_t>(n_edges) * (PlanesOf(coding) + 1));
  bytes.push_back(static_cast<char>(coding));
  AppendInt32(rows.begin, &bytes);
  AppendInt32(rows.end, &bytes);
  for (int32_t row = rows.begin; row < rows.end; ++row) {
    const int64_t n = edges.row_begin[row + 1] - edges.row_begin[row];
    if (n > 0) {
      AppendColumns({edges.columns.data() + edges.row_begin[row], static_cast<size_t>(n)}, &bytes);
    }
  }
  AppendWeights({edges.weights.data() + begin, static_cast<size_t>(n_edges)}, coding, &bytes);
  return bytes;
}

absl::Status DecodeRows(const std::string& bytes, int32_t n_nodes, int32_t* next_row,
                        EdgeMatrix* edges) {
  Reader reader(bytes);
  if (reader.left() < kHeaderBytes) return Damaged("it ends early");
  const auto coding = static_cast<WeightCoding>(*reader.Take(1));
  if (coding != WeightCoding::kFloat32 && coding != WeightCoding::kBFloat16) {
    return Damaged("its weights are in no known coding");
  }
  const RowRange rows = {reader.TakeInt32(), reader.TakeInt32()};
  if (rows.begin != *next_row || rows.end < rows.begin || rows.end > n_nodes) {
    return Damaged("its rows do not follow those before");
  }
  const size_t begin = edges->columns.size();
  const auto n_edges =
      static_cast<size_t>(edges->row_begin[rows.end] - edges->row_begin[rows.begin]);
  if (reader.left() < n_edges * PlanesOf(coding)) return Damaged("it ends early");
  edges->columns.resize(begin + n_edges);
  edges->weights.resize(begin + n_edges);
  std::span<int32_t> columns(edges->columns.data() + begin, n_edges);
  for (int32_t row = rows.begin; row < rows.end; ++row) {
    const auto n = static_cast<size_t>(edges->row_begin[row + 1] - edges->row_begin[row]);
    if (n > 0 && !ReadColumns(n_nodes, &reader, columns.first(n))) {
      return Damaged("its columns are not in order");
    }
    columns = columns.subspan(n);
  }
  if (reader.left() != n_edges * PlanesOf(coding)) return Damaged("its weights are not all there");
  ReadWeights(reader.Take(reader.left()), coding, {edges->weights.data() + begin, n_edges});
  *next_row = rows.end;
  return absl::OkStatus();
}

}  // namespace cajal::graph
