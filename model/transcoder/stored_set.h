// A transcoder set as it lies on disk: what the readers of the formats have in common to say.
//
// Matrices stay in their mapped files, in the files' type; vectors are read. What a reader hands
// over is complete: shapes agree, every tensor of the files was understood, values of vectors are
// finite. Whether the set fits a model is not judged here. No torch: the client converts sets, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/checkpoint/safetensors.h"
#include "model/transcoder/set_info.h"

namespace cajal::transcoder {

// A matrix over a mapped file, possibly a transpose or a slice of the tensor that is stored.
struct StoredMatrix {
  std::string name;  // "layer_3.safetensors: tensor W_enc", for messages
  checkpoint::ElementType type = checkpoint::ElementType::kF32;  // F32, F16 or BF16
  const std::byte* data = nullptr;  // element (0, 0); aligned to the element size
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t row_stride = 0;  // in elements
  int64_t column_stride = 1;
  std::shared_ptr<const void> mapping;  // keeps `data` valid
  bool is_mapped_file = true;           // false for the copy of a tensor that was not aligned
};

StoredMatrix Transposed(const StoredMatrix& matrix);

// What features of one layer write to one layer: activation' = (activation + bias) * scale, times
// the decoder row times `row_scale`.
struct StoredDecoder {
  StoredMatrix rows;  // [n, d]
  float row_scale = 1;
  std::vector<float> activation_bias;   // [n], or empty for zeros
  std::vector<float> activation_scale;  // [n], or empty for ones
};

// n features, d the model's width.
struct StoredLayer {
  std::string path;      // of the file that holds the encoder, for messages
  StoredMatrix encoder;  // [n, d]; a pre-activation is encoder row . x * input_scale + b_enc
  float input_scale = 1;
  std::vector<float> b_enc;             // [n]
  std::vector<float> threshold;         // [n]; JumpReLU only
  int64_t k = 0;                        // of the kinds that have one
  std::vector<StoredDecoder> decoders;  // entry j writes to this layer + j
  std::vector<float> b_dec;             // [d], of what all layers together write to this one
  std::optional<StoredMatrix> skip;     // [d_in, d_out], used as x @ skip * skip_scale
  float skip_scale = 1;

  [[nodiscard]] int64_t n_features() const { return static_cast<int64_t>(b_enc.size()); }
  [[nodiscard]] int64_t width() const { return static_cast<int64_t>(b_dec.size()); }
};

struct StoredSet {
  TranscoderSetInfo info;
  std::string source;  // the file or folder that describes the set, for messages
  std::vector<StoredLayer> layers;
};

// The value of one element. type is F32, F16 or BF16.
float ElementAt(const std::byte* data, checkpoint::ElementType type);
// Whether all elements are zero; stops at the first that is not.
bool IsZero(const StoredMatrix& matrix);

}  // namespace cajal::transcoder
