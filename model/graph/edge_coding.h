// Stretches of an EdgeMatrix's rows as bytes that compress well: how the store keeps edges.
//
//   std::string bytes = EncodeRows(edges, {0, 100}, WeightCoding::kFloat32);
//   EdgeMatrix same{.row_begin = edges.row_begin};
//   int32_t next_row = 0;
//   RETURN_IF_ERROR(DecodeRows(bytes, n_nodes, &next_row, &same));   // next_row = 100
//
// The form, little-endian; row_begin is kept elsewhere, so that every row's number of edges is
// known:
//   u8 weight coding · i32 first row · i32 end row
//   columns, of each row that has edges, as varints (7 bits a byte, the lowest first, 128 = more):
//     2 * first column + 1, last - first, then bits for first..last in bytes, lowest bit first; or
//     2 * first column, then for each further edge its distance from the one before, less 1;
//     whichever is shorter
//   weights of all edges, one byte of each at a time, so that alike bytes lie side by side:
//     float32: 4 bytes, the lowest 16 bits of the mantissa first
//     bfloat16: 2 bytes
//   of both the last but one is sign and high mantissa bits, the last the exponent, which alone
//   compresses.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "model/base/status.h"
#include "model/graph/attribution_graph.h"

namespace cajal::graph {

enum class WeightCoding : uint8_t {
  kFloat32 = 0,   // to the bit
  kBFloat16 = 1,  // 8 bits of precision: off by 2^-8 of the weight at most
};

// Rows [begin, end).
struct RowRange {
  int32_t begin = 0;
  int32_t end = 0;
};

// The nearest bfloat16, of two the even one; the largest finite one where the nearest is infinite.
float RoundToBFloat16(float value);

// Weights are rounded where the coding asks for it.
std::string EncodeRows(const EdgeMatrix& edges, RowRange rows, WeightCoding coding);

// Appends the columns and weights of the encoded rows. edges->row_begin is that of the whole
// matrix and does not descend; rows below *next_row have been decoded, and *next_row becomes the
// end of these. Columns ascend within a row and are below n_nodes. DATA_LOSS when the bytes are no
// such rows, after which `edges` is of no use.
absl::Status DecodeRows(const std::string& bytes, int32_t n_nodes, int32_t* next_row,
                        EdgeMatrix* edges);

}  // namespace cajal::graph
