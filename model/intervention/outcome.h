// What came of edits. Plain values; no torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cajal::intervention {

// A token in one run.
struct TokenScore {
  float logit = 0;
  float probability = 0;
  int32_t rank = 0;  // 1 = the most probable
};

struct TokenChange {
  int64_t token_id = 0;
  std::string token;
  TokenScore clean;
  TokenScore edited;
};

// What the runs themselves encode, before the edits of this feature.
struct ActivationChange {
  int32_t layer = 0;
  int32_t position = 0;
  int32_t feature = 0;
  float clean = 0;
  float edited = 0;
  float clean_pre_activation = 0;
  float edited_pre_activation = 0;
};

struct EditSetOutcome {
  std::string label;
  std::vector<TokenChange> clean_top;   // by the clean run's probability
  std::vector<TokenChange> edited_top;  // by the edited run's
  std::vector<TokenChange> tokens;      // as asked for
  // Sum over the vocabulary of p ln(p / q), p of the clean run, q of the edited one; nats.
  double kl_divergence = 0;
  std::vector<ActivationChange> listed;   // in the order of the report's features
  std::vector<ActivationChange> changed;  // by descending |edited - clean|
  std::vector<float> logits;              // [positions, vocab] if asked for
};

struct InterventionResult {
  int32_t position = 0;  // whose logits were compared, from 0
  int64_t n_positions = 0;
  int64_t vocab_size = 0;
  std::vector<float> clean_logits;  // [positions, vocab] if asked for
  std::vector<EditSetOutcome> sets;
};

}  // namespace cajal::intervention
