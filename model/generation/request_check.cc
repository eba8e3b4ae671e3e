#include "model/generation/request_check.h"

#include <string>

#include "model/base/status.h"

namespace cajal::generation {
namespace {

absl::Status CheckRange(const std::string& field, int64_t value, int64_t low, int64_t high,
                        const std::string& more = "") {
  if (low <= value && value <= high) return absl::OkStatus();
  return InvalidField(field, "must be from " + std::to_string(low) + " to " + std::to_string(high) +
                                 more + ", not " + std::to_string(value));
}

absl::Status CheckSequences(const GenerateRequest& request) {
  RETURN_IF_ERROR(CheckRange("samples", request.samples, 1, kMaxSequences));
  if (request.samples > 1 && request.sampling.temperature == 0) {
    return InvalidField("samples",
                        "must be 1 with temperature 0, where all samples would be the same; set "
                        "sampling.temperature above 0");
  }
  const int64_t most_sets = kMaxSequences / request.samples - 1;
  if (std::ssize(request.edit_sets) <= most_sets) return absl::OkStatus();
  return InvalidField("edit_sets",
                      "must have at most " + std::to_string(most_sets) + " elements, not " +
                          std::to_string(request.edit_sets.size()) + ": with the clean run, and " +
                          "samples of each, there may be " + std::to_string(kMaxSequences) +
                          " sequences side by side");
}

absl::Status CheckSampling(const Sampling& sampling, int64_t vocab_size) {
  constexpr double kHottest = 100;
  // False for NaN, as below.
  if (!(sampling.temperature >= 0 && sampling.temperature <= kHottest)) {
    return InvalidField("sampling.temperature",
                        "must be from 0 to 100, not " + std::to_string(sampling.temperature));
  }
  RETURN_IF_ERROR(CheckRange("sampling.top_k", sampling.top_k, 0, vocab_size));
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) {
    return InvalidField("sampling.top_p",
                        "must be above 0 and at most 1, not " + std::to_string(sampling.top_p));
  }
  if (sampling.temperature > 0) return absl::OkStatus();
  constexpr char kGreedy[] =
      "chooses among tokens, but temperature 0 always takes the most "
      "probable one; set sampling.temperature above 0";
  if (sampling.top_k > 0) return InvalidField("sampling.top_k", kGreedy);
  if (sampling.top_p < 1) return InvalidField("sampling.top_p", kGreedy);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> CheckRequest(const GenerateRequest& request,
                                                  int64_t vocab_size,
                                                  const tokenizer::Tokenizer& tokenizer) {
  if (request.max_new_tokens < 1) {
    return InvalidField("max_new_tokens",
                        "must be at least 1, not " + std::to_string(request.max_new_tokens));
  }
  RETURN_IF_ERROR(CheckSampling(request.sampling, vocab_size));
  RETURN_IF_ERROR(CheckSequences(request));
  RETURN_IF_ERROR(CheckRange("top_tokens", request.top_tokens, 0, kMaxTopTokens));
  if (std::ssize(request.stop_tokens) > kMaxStopTokens) {
    return InvalidField("stop_tokens", "must have at most " + std::to_string(kMaxStopTokens) +
                                           " elements, not " +
                                           std::to_string(request.stop_tokens.size()));
  }
  std::vector<int64_t> stop_ids;
  for (size_t i = 0; i < request.stop_tokens.size(); ++i) {
    const std::vector<int64_t> ids = tokenizer.Encode(request.stop_tokens[i]);
    if (ids.size() != 1) {
      return InvalidField("stop_tokens[" + std::to_string(i) + "]",
                          "'" + request.stop_tokens[i] + "' is " + std::to_string(ids.size()) +
                              " tokens, but a stop token is exactly one; mind the leading space");
    }
    stop_ids.push_back(ids[0]);
  }
  return stop_ids;
}

absl::Status CheckRoom(const GenerateRequest& request, int64_t n_prompt, int64_t max_positions) {
  return CheckRange("max_new_tokens", request.max_new_tokens, 1, max_positions - n_prompt + 1,
                    " after a prompt of " + std::to_string(n_prompt) + " positions");
}

}  // namespace cajal::generation
