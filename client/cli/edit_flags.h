// The flags that say what an intervention changes and what it holds fixed.
//
//   --set LAYER:POSITION:FEATURE=VALUE …  (*=FACTOR, +=DELTA, <=MOST, >=LEAST)
//   --ablate LAYER:POSITION:FEATURE …
//   --supernode GRAPH/NAME=VALUE …   --hook NAME:POSITION=SOURCE …   --edits FILE
//   --freeze none|attention|layers=A-B|all   --baseline …   --plain-relu   --zero-positions N
//
// POSITION is a position (negative from the end), A..B, `*` (all), `generated`, or `imageI` for the
// soft tokens of image I; imageI.R.C is row R and column C of them, each a number or `*`.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/intervention.h"

namespace cajal::cli {

struct EditFlags {
  std::vector<std::string> set;
  std::vector<std::string> ablate;
  std::vector<std::string> supernode;
  std::vector<std::string> hook;
  std::string edits;
};

struct RunFlags {
  std::string freeze = "none";
  std::string baseline = "auto";
  bool plain_relu = false;
  int32_t zero_positions = -1;
};

// Bind the flags to `flags`, which must outlive the parsing.
void AddEditFlags(CLI::App* app, EditFlags* flags);
void AddRunFlags(CLI::App* app, RunFlags* flags);
// --plain-relu and --zero-positions alone: for commands whose runs have nothing to be frozen to.
void AddActivationFlags(CLI::App* app, RunFlags* flags);

// The set that --set, --ablate, --supernode and --hook make together, if any are given, then those
// of --edits. Errors are usage errors that name the flag.
absl::StatusOr<std::vector<client::EditSet>> MakeEditSets(const EditFlags& flags);
absl::StatusOr<intervention::RunSettings> MakeRunSettings(const RunFlags& flags);

// Nothing when the text is none.
std::optional<intervention::Positions> ParsePositions(const std::string& text);
// LAYER:POSITION:FEATURE.
std::optional<intervention::FeaturePlace> ParseFeaturePlace(const std::string& text);

// What help texts say of POSITION.
extern const char kPositionHelp[];

}  // namespace cajal::cli
