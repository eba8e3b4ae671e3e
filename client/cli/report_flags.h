// The flags that say what is compared between runs, and the donor prompt.
//
//   --token TEXT …  --top-k N  --position N  --activations L:P:F,…  --all-activations  --limit N
//   --donor-prompt TEXT  --donor-image FILE …
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/intervention.h"

namespace cajal::cli {

struct ReportFlags {
  std::vector<std::string> tokens;
  int32_t top_k = 10;
  int32_t position = -1;
  std::vector<std::string> activations;
  bool all_activations = false;
  int32_t limit = 100;
};

struct DonorFlags {
  std::string prompt;
  std::vector<std::string> images;
  const CLI::Option* prompt_option = nullptr;  // whether it was given
};

// Bind the flags to `flags`, which must outlive the parsing.
void AddReportFlags(CLI::App* app, ReportFlags* flags);
void AddDonorFlags(CLI::App* app, DonorFlags* flags);

// Errors are usage errors that name the flag.
absl::StatusOr<intervention::Report> MakeReport(const ReportFlags& flags);
// Nothing when no flag was given.
absl::StatusOr<std::optional<client::Prompt>> MakeDonor(const DonorFlags& flags);

}  // namespace cajal::cli
