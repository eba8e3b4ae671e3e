// The flags of `cajal rollout` that say how maps and pictures are made, for one prompt or a folder.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cpp/heatmap.h"

namespace cajal::cli {

struct RolloutFlags {
  std::string method = "rollout";
  int32_t layers = 0;        // 0 = the server's default
  double head_fraction = 0;  // 0 = the server's default
  std::string pool = "max";
  std::string head;  // LAYER:HEAD, of --method attention
  std::string colors = "released";
  double opacity = 0.8;
  double clip_top = 5;
  int32_t max_side = 1024;
  bool legend = false;
};

// Binds the flags to `flags`, which must outlive the parsing.
void AddRolloutFlags(CLI::App* app, RolloutFlags* flags);

// Errors are usage errors that name the flag.
absl::StatusOr<client::RolloutSettings> SettingsOf(const RolloutFlags& flags);
// How pictures look; which ones are made is the command's.
client::HeatmapPictures PicturesOf(const RolloutFlags& flags);

// The settings in one line, as they change the numbers: "rollout, layers 4, heads 0.3, max".
std::string SettingsText(const RolloutFlags& flags);

// "4:17": two integers, 0 and up.
struct IntegerPair {
  int32_t first = 0;
  int32_t second = 0;
};
absl::StatusOr<IntegerPair> ParsePair(const std::string& flag, const std::string& text,
                                      const std::string& form);

}  // namespace cajal::cli
