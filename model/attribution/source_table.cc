#include "model/attribution/source_table.h"

#include <ATen/ATen.h>

#include "model/base/status.h"

namespace cajal::attribution {
namespace {

using transcoder::ActiveFeatures;
using transcoder::TranscoderSet;

template <typename T>
void AppendTo(std::vector<T>* values, const at::Tensor& tensor, at::ScalarType type) {
  const at::Tensor cpu = tensor.to(at::kCPU, type).contiguous();
  values->insert(values->end(), cpu.const_data_ptr<T>(), cpu.const_data_ptr<T>() + cpu.numel());
}

// activations: what the features' decoder rows for their own layer are multiplied by.
void AppendTo(FeatureTable* table, int layer, const ActiveFeatures& active,
              const at::Tensor& activations) {
  table->layers.insert(table->layers.end(), static_cast<size_t>(active.size()), layer);
  AppendTo(&table->positions, active.positions, at::kInt);
  AppendTo(&table->features, active.features, at::kInt);
  AppendTo(&table->activations, activations, at::kFloat);
  AppendTo(&table->pre_activations, active.pre_activations, at::kFloat);
}

// How many features are active at each position, [T].
std::vector<int64_t> CountByPosition(const at::Tensor& positions, int64_t n_positions) {
  std::vector<int64_t> counts;
  AppendTo(&counts, at::bincount(positions, {}, n_positions), at::kLong);
  return counts;
}

// Rows in the order of positions: at each, those of the first part that lie there, then those of
// the next. parts: [n, d] each, ascending by position; counts: how many there are, [T].
at::Tensor Interleave(const std::vector<at::Tensor>& parts,
                      const std::vector<std::vector<int64_t>>& counts) {
  std::vector<at::Tensor> pieces;
  std::vector<int64_t> begin(parts.size(), 0);
  for (size_t position = 0; position < counts[0].size(); ++position) {
    for (size_t i = 0; i < parts.size(); ++i) {
      pieces.push_back(parts[i].slice(0, begin[i], begin[i] + counts[i][position]));
      begin[i] += counts[i][position];
    }
  }
  return at::cat(pieces, 0);
}

// Where each position's rows begin among the interleaved ones, [T + 1].
std::vector<int64_t> BeginOfPositions(const std::vector<std::vector<int64_t>>& counts) {
  std::vector<int64_t> begin = {0};
  for (size_t position = 0; position < counts[0].size(); ++position) {
    begin.push_back(begin.back());
    for (const std::vector<int64_t>& of_part : counts) begin.back() += of_part[position];
  }
  return begin;
}

// values: [T]; begin: [T + 1]. Each value as many times as its position has rows.
at::Tensor RepeatByPosition(const at::Tensor& values, const std::vector<int64_t>& begin) {
  const at::Tensor ends = at::tensor(begin, at::kLong).to(values.device());
  return values.repeat_interleave(ends.slice(0, 1) - ends.slice(0, 0, -1));
}

absl::Status CheckLimit(int64_t bytes, int layer, int64_t limit_bytes) {
  if (bytes <= limit_bytes) return absl::OkStatus();
  return NeverFits("prompt",
                   "what is active up to layer " + std::to_string(layer) + " of so long a prompt",
                   bytes, limit_bytes);
}

}  // namespace

void SourceTable::AddLaterVectors(const transcoder::Reconstruction& reconstruction,
                                  const std::vector<std::vector<int64_t>>& counts_of_layers) {
  std::vector<at::Tensor> parts;
  std::vector<std::vector<int64_t>> counts;
  writers_.emplace_back();
  for (size_t i = 0; i + 1 < reconstruction.writings.size(); ++i) {  // the last is the own layer's
    const transcoder::Writing& writing = reconstruction.writings[i];
    writers_.back().push_back(writing.layer);
    parts.push_back(writing.vectors);
    counts.push_back(counts_of_layers[static_cast<size_t>(writing.layer)]);
  }
  later_vectors_.emplace_back();
  later_begin_.emplace_back();
  if (parts.empty()) return;
  later_vectors_.back() = Interleave(parts, counts);
  later_begin_.back() = BeginOfPositions(counts);
  n_later_vectors_ += later_vectors_.back().size(0);
}

absl::StatusOr<SourceTable> SourceTable::Build(const gemma3::Model& model, const Trace& trace,
                                               const TranscoderSet& transcoders,
                                               int64_t zero_positions, RunContext* context,
                                               at::ScalarType vector_type) {
  SourceTable table;
  const int64_t T = trace.n_positions();
  table.n_positions_ = T;
  table.token_vectors_ = trace.embedding;
  table.group_begin_.push_back(T);
  std::vector<int64_t> bias_columns;
  int64_t n_vectors = T;
  std::vector<ActiveFeatures> encoded;
  std::vector<std::vector<int64_t>> counts_of_layers;
  const std::vector<int64_t> one_each(static_cast<size_t>(T), 1);
  context->BeginPhase("encode", trace.n_layers());
  for (int layer = 0; layer < trace.n_layers(); ++layer) {
    RETURN_IF_ERROR(context->CheckStop());
    const LayerTrace& recorded = trace.layers[static_cast<size_t>(layer)];
    const at::Tensor& x = recorded.feature_input;
    const ActiveFeatures active = transcoders.Encode(layer, x, zero_positions);
    n_vectors += active.size() + 2 * T;
    for (int below = 0; below < layer; ++below) {
      if (transcoders.LastWrittenLayer(below) < layer) continue;
      n_vectors += encoded[static_cast<size_t>(below)].size();
    }
    const int64_t bytes = n_vectors * x.size(1) * static_cast<int64_t>(elementSize(vector_type));
    RETURN_IF_ERROR(CheckLimit(bytes, layer, context->byte_limit()));
    transcoder::Reconstruction reconstruction =
        transcoder::Reconstruct(transcoders, layer, x, active, encoded);
    at::Tensor error = recorded.feature_output - reconstruction.output;
    error.slice(0, 0, zero_positions).zero_();
    // What is left of the MLP output when features, errors and the skip are taken away.
    at::Tensor bias = transcoders.DecoderBias(layer).expand_as(x).clone();
    bias.slice(0, 0, zero_positions)
        .copy_((recorded.feature_output - reconstruction.skip).slice(0, 0, zero_positions));

    const std::vector<int64_t> counts = CountByPosition(active.positions, T);
    counts_of_layers.push_back(counts);
    table.AddLaterVectors(reconstruction, counts_of_layers);
    at::Tensor vectors = Interleave({reconstruction.writings.back().vectors, error, bias},
                                    {counts, one_each, one_each});
    if (transcoders.info().output_site == gemma3::HookSite::kMlpOutRaw) {
      const at::Tensor& gain =
          model.weights.decoder.blocks[static_cast<size_t>(layer)].post_mlp_gain;
      const auto apply_norm = [&](at::Tensor* rows, const std::vector<int64_t>& begin) {
        *rows *= RepeatByPosition(recorded.post_mlp_scale, begin).unsqueeze(1);
        *rows *= gain;
      };
      apply_norm(&vectors, BeginOfPositions({counts, one_each, one_each}));
      if (at::Tensor& later = table.later_vectors_.back(); later.defined()) {
        apply_norm(&later, table.later_begin_.back());
      }
    }
    table.vectors_.push_back(vectors.to(vector_type));
    if (at::Tensor& later = table.later_vectors_.back(); later.defined()) {
      later = later.to(vector_type);
    }
    for (const int64_t count : counts) {
      table.group_begin_.push_back(table.group_begin_.back() + count + 2);
      bias_columns.push_back(table.group_begin_.back() - 1);
    }
    AppendTo(&table.features_, layer, active, transcoders.WrittenActivations(layer, layer, active));
    encoded.push_back(active);
    context->Advance(layer + 1);
  }
  table.bias_columns_ = at::tensor(bias_columns, at::kLong).to(trace.embedding.device());
  return table;
}

int64_t SourceTable::FeatureColumn(int64_t feature_index) const {
  // Before a feature come the tokens, all earlier features, and two more columns for each earlier
  // (layer, position).
  const auto i = static_cast<size_t>(feature_index);
  const int64_t earlier_groups = features_.layers[i] * n_positions_ + features_.positions[i];
  return n_positions_ + feature_index + 2 * earlier_groups;
}

at::Tensor SourceTable::LaterVectors(int layer, int64_t position) const {
  const auto p = static_cast<size_t>(position);
  const std::vector<int64_t>& begin = later_begin_[static_cast<size_t>(layer)];
  return later_vectors_[static_cast<size_t>(layer)].slice(0, begin[p], begin[p + 1]);
}

at::Tensor SourceTable::Vectors(int layer, int64_t position) const {
  const int64_t begin = Group(layer, position) - Group(layer, 0);
  return vectors_[static_cast<size_t>(layer)].slice(0, begin, begin + GroupSize(layer, position));
}

}  // namespace cajal::attribution
