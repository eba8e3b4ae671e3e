#include "model/generation/byte_estimate.h"

#include <algorithm>

#include "model/attribution/byte_estimate.h"
#include "model/gemma3/attention_pattern.h"
#include "model/gemma3/key_value_cache.h"
#include "model/generation/generate.h"
#include "model/intervention/feature_values.h"

namespace cajal::generation {
namespace {

// Weights in bfloat16 are counted as float32: norms and softmax are, and so are the logits.
constexpr int64_t kNumber = sizeof(float);

// What torch and the allocator add to the numbers: a share, and what is there from the start.
constexpr double kAllowance = 1.1;
constexpr double kAtLeast = 1 << 16;

// What a pass over n_new positions of each sequence holds inside its largest block, in numbers.
// encoding: of what reads activations before the block's MLP.
double NumbersOfPass(const checkpoint::TextConfig& text, int64_t n_sequences, int64_t n_new,
                     int64_t n_keys, double encoding) {
  const auto rows = static_cast<double>(n_sequences * n_new);
  const auto heads = static_cast<double>(n_sequences * text.num_attention_heads);
  const auto head_dim = static_cast<double>(text.head_dim);
  const auto keys = static_cast<double>(n_keys);
  const auto tile = static_cast<double>(std::min(n_new, gemma3::AttentionPattern::kTile));
  // Queries, keys and values with what they are rotated through; all keys and values once more for
  // each head; scores, softmax and pattern of a tile.
  const double attention =
      2 * rows * static_cast<double>(2 * text.num_attention_heads + text.num_key_value_heads) *
          head_dim +
      2 * heads * keys * head_dim + 3 * heads * tile * keys;
  const double mlp = 3 * rows * static_cast<double>(text.intermediate_size);
  return std::max({attention, mlp, encoding}) + 6 * rows * static_cast<double>(text.hidden_size) +
         4 * static_cast<double>(n_new) * head_dim;
}

// Changes that wait for the layers that edits write to, in numbers.
double NumbersOfChanges(const checkpoint::TextConfig& text,
                        const transcoder::TranscoderSetInfo& transcoders, int64_t n_rows) {
  const int64_t waiting = transcoders.is_cross_layer() ? text.num_hidden_layers : 2;
  return static_cast<double>((waiting + 2) * n_rows * text.hidden_size);
}

// Tokens as they are streamed and as they are kept, with their texts.
double BytesOfAnswer(const GenerateRequest& request, int64_t n_sequences) {
  constexpr double kToken = 2 * sizeof(GeneratedToken) + 64;
  constexpr double kCandidate = 2 * sizeof(CandidateToken);
  return static_cast<double>(n_sequences) * request.max_new_tokens *
         (kToken + kCandidate * request.top_tokens);
}

}  // namespace

int64_t EstimateGenerateBytes(const checkpoint::Gemma3Config& config,
                              const transcoder::TranscoderSetInfo& transcoders,
                              const GenerateRequest& request, const GenerationShape& shape) {
  const checkpoint::TextConfig& text = config.text;
  const int64_t n_positions = shape.n_prompt + request.max_new_tokens - 1;
  const bool shares_prompt = shape.n_edited_prompts == 0;
  const int64_t n_in_prompt = shares_prompt ? 1 : shape.n_edited_prompts;
  const int64_t longest_pass =
      shares_prompt ? std::min(shape.n_prompt,
                               kPromptPass + (shape.n_images > 0 ? config.mm_tokens_per_image : 0))
                    : shape.n_prompt;
  const auto cache = [&](int64_t n_sequences, int64_t n_new) {
    return static_cast<double>(
        gemma3::KeyValueCache::MostBytes(text, n_positions, n_new, n_sequences, kNumber));
  };
  const double encoding = static_cast<double>(intervention::EncodingBytes(
                              transcoders, text.hidden_size, shape.encoded, longest_pass)) /
                          kNumber;
  const auto pass = [&](int64_t n_sequences, int64_t n_new, int64_t n_keys) {
    const double changes = shape.encoded.n_features == 0
                               ? 0
                               : NumbersOfChanges(text, transcoders, n_sequences * n_new);
    return kNumber * (NumbersOfPass(text, n_sequences, n_new, n_keys, encoding) + changes);
  };
  const auto vocab = static_cast<double>(text.vocab_size);
  // On the device in two types, and on the host; then weights and ids in sampling.
  const double logits = 3 * kNumber * static_cast<double>(shape.n_sequences) * vocab + 40 * vocab;
  const double residual = 2 * kNumber * static_cast<double>(shape.n_prompt * text.hidden_size);
  // Tensors that edits may take: ten of each layer.
  const double donor =
      10 * kNumber *
      static_cast<double>(text.num_hidden_layers * shape.n_donor_positions * text.hidden_size);

  const auto embedding =
      static_cast<double>(attribution::EstimateForwardBytes(config, 1, shape.n_images));
  const double donor_run = shape.n_donor_positions == 0
                               ? 0
                               : static_cast<double>(attribution::EstimateForwardBytes(
                                     config, shape.n_donor_positions, shape.n_donor_images));
  const double prompt =
      cache(n_in_prompt, longest_pass) + pass(n_in_prompt, longest_pass, shape.n_prompt);
  const double steps =
      cache(shape.n_sequences, 1) + pass(shape.n_sequences, 1, n_positions) + logits;
  const double bytes =
      kAtLeast + kAllowance * (residual + donor + std::max({embedding, donor_run, prompt, steps}) +
                               BytesOfAnswer(request, shape.n_sequences));
  return static_cast<int64_t>(std::min(bytes, 9e18));
}

}  // namespace cajal::generation
