// Generations between the wire and the library's plain values.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cajal/v1/generate.pb.h"
#include "client/cpp/generate.h"

namespace cajal::client {

// Errors as of a Prompt (wire.h), of an EditSet (wire_intervention.h), and for stop tokens that are
// no UTF-8.
absl::StatusOr<v1::GenerateRequest> ToProto(const GenerateRequest& request);

// Puts the answer together: tokens in the order of each sequence, then one summary. Used as the
// classes of assemble.h are.
class GenerateAssembler {
 public:
  explicit GenerateAssembler(std::function<void(const GeneratedToken&)> on_token)
      : on_token_(std::move(on_token)) {}

  absl::Status Add(const v1::GeneratedTokens& tokens);
  absl::Status Add(const v1::GenerateSummary& summary);
  absl::StatusOr<GenerateResult> Finish();

 private:
  const std::function<void(const GeneratedToken&)> on_token_;
  std::vector<std::vector<GeneratedToken>> tokens_;  // per sequence
  bool has_summary_ = false;
  GenerateResult result_;
};

}  // namespace cajal::client
