// The flags that say what a graph is traced back from.
//
//   --target TOKEN…  --target-sum EXPR…  --target-direction FILE…  --target-feature L:P:F…
//   --target-position P…
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/target.h"

namespace cajal::cli {

struct TargetFlags {
  std::vector<std::string> tokens;
  std::vector<std::string> sums;
  std::vector<std::string> directions;
  std::vector<std::string> features;
  std::vector<int32_t> positions;
};

// Binds the flags to `flags`, which must outlive the parsing.
void AddTargetFlags(CLI::App* app, TargetFlags* flags);

// Tokens, sums and directions in this order, each at every position; then the features. With
// positions alone, the most probable tokens at each; nothing when no flag was given. Errors are
// usage errors that name the flag.
absl::StatusOr<std::vector<client::Target>> MakeTargets(const TargetFlags& flags);

// "' Mars' - 0.5*' Earth'": tokens in single or double quotes, each with an optional factor.
absl::StatusOr<client::TokenSum> ParseSum(const std::string& text);

}  // namespace cajal::cli
