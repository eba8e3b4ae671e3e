#include "model/attribution/source_table.h"

#include <ATen/ATen.h>

#include "model/base/status.h"
#include "model/transcoder/reconstruct.h"

namespace cajal::attribution {
namespace {

using transcoder::ActiveFeatures;
using transcoder::TranscoderSet;

template <typename T>
void AppendTo(std::vector<T>* values, const at::Tensor& tensor, at::ScalarType type) {
  const at::Tensor cpu = tensor.to(at::kCPU, type).contiguous();
  values->insert(values->end(), cpu.const_data_ptr<T>(), cpu.const_data_ptr<T>() + cpu.numel());
}

void AppendTo(FeatureTable* table, int layer, const ActiveFeatures& active) {
  table->layers.insert(table->layers.end(), static_cast<size_t>(active.size()), layer);
  AppendTo(&table->positions, active.positions, at::kInt);
  AppendTo(&table->features, active.features, at::kInt);
  AppendTo(&table->activations, active.activations, at::kFloat);
  AppendTo(&table->pre_activations, active.pre_activations, at::kFloat);
}

// How many features are active at each position, [T].
std::vector<int64_t> CountByPosition(const at::Tensor& positions, int64_t n_positions) {
  std::vector<int64_t> counts;
  AppendTo(&counts, at::bincount(positions, {}, n_positions), at::kLong);
  return counts;
}

// Rows of one layer in column order: for each position its features, error and bias.
// decoder: [n, d]; error, bias: [T, d].
at::Tensor Interleave(const at::Tensor& decoder, const std::vector<int64_t>& counts,
                      const at::Tensor& error, const at::Tensor& bias) {
  std::vector<at::Tensor> pieces;
  int64_t begin = 0;
  for (size_t position = 0; position < counts.size(); ++position) {
    const auto p = static_cast<int64_t>(position);
    pieces.push_back(decoder.slice(0, begin, begin + counts[position]));
    pieces.push_back(error.slice(0, p, p + 1));
    pieces.push_back(bias.slice(0, p, p + 1));
    begin += counts[position];
  }
  return at::cat(pieces, 0);
}

absl::Status CheckBudget(int64_t n_values, int layer, int64_t budget_bytes) {
  const int64_t bytes = n_values * static_cast<int64_t>(sizeof(float));
  if (budget_bytes == 0 || bytes <= budget_bytes) return absl::OkStatus();
  return NeverFits("prompt",
                   "what is active up to layer " + std::to_string(layer) + " of so long a prompt",
                   bytes, budget_bytes);
}

}  // namespace

absl::StatusOr<SourceTable> SourceTable::Build(const gemma3::Model& model, const Trace& trace,
                                               const TranscoderSet& transcoders,
                                               int64_t zero_positions, int64_t budget_bytes,
                                               RunContext* context) {
  SourceTable table;
  const int64_t T = trace.n_positions();
  table.n_positions_ = T;
  table.token_vectors_ = trace.embedding;
  table.group_begin_.push_back(T);
  std::vector<int64_t> bias_columns;
  int64_t n_columns = T;
  context->BeginPhase("encode", trace.n_layers());
  for (int layer = 0; layer < trace.n_layers(); ++layer) {
    RETURN_IF_ERROR(context->CheckStop());
    const LayerTrace& recorded = trace.layers[static_cast<size_t>(layer)];
    const at::Tensor& x = recorded.feature_input;
    const ActiveFeatures active = transcoders.Encode(layer, x, zero_positions);
    n_columns += active.size() + 2 * T;
    RETURN_IF_ERROR(CheckBudget(n_columns * x.size(1), layer, budget_bytes));
    const transcoder::Reconstruction reconstruction =
        transcoder::Reconstruct(transcoders, layer, x, active);
    at::Tensor error = recorded.feature_output - reconstruction.output;
    error.slice(0, 0, zero_positions).zero_();
    // What is left of the MLP output when features, errors and the skip are taken away.
    at::Tensor bias = transcoders.DecoderBias(layer).expand_as(x).clone();
    bias.slice(0, 0, zero_positions)
        .copy_((recorded.feature_output - reconstruction.skip).slice(0, 0, zero_positions));

    const std::vector<int64_t> counts = CountByPosition(active.positions, T);
    at::Tensor vectors = Interleave(reconstruction.feature_vectors, counts, error, bias);
    if (transcoders.info().output_site == gemma3::HookSite::kMlpOutRaw) {
      const at::Tensor positions_of_rows =
          at::arange(T, active.positions.options())
              .repeat_interleave(at::bincount(active.positions, {}, T) + 2);
      vectors *= recorded.post_mlp_scale.index_select(0, positions_of_rows).unsqueeze(1);
      vectors *= model.weights.decoder.blocks[static_cast<size_t>(layer)].post_mlp_gain;
    }
    table.vectors_.push_back(vectors);
    for (const int64_t count : counts) {
      table.group_begin_.push_back(table.group_begin_.back() + count + 2);
      bias_columns.push_back(table.group_begin_.back() - 1);
    }
    AppendTo(&table.features_, layer, active);
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

at::Tensor SourceTable::Vectors(int layer, int64_t position) const {
  const int64_t begin = Group(layer, position) - Group(layer, 0);
  return vectors_[static_cast<size_t>(layer)].slice(0, begin, begin + GroupSize(layer, position));
}

}  // namespace cajal::attribution
