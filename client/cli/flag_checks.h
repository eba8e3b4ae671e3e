// Checks of flag values whose messages name the permitted range and what was given.
//
//   app->add_option("--limit", limit)->type_name("N")->check(AtLeast(1));
//   --limit: must be an integer, 1 or more; got 'x'
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace cajal::cli {

// A 32-bit integer, `least` or more.
CLI::Validator AtLeast(int32_t least);

// A number from 0 to 1.
CLI::Validator Share();

// A number above 0, to 1.
CLI::Validator ShareAboveZero();

// "3-7", or "5" for one layer.
struct LayerRange {
  int32_t first = 0;
  int32_t last = 0;  // included
};
std::optional<LayerRange> ParseLayers(const std::string& text);
CLI::Validator Layers();

// A time: "2026-03-01" or "2026-03-01T14:05:09" in local time, or the latter with "Z" or "+01:00".
std::optional<absl::Time> ParseTime(const std::string& text);
CLI::Validator PointInTime();

// A number of seconds, 0 or more.
CLI::Validator Duration();

}  // namespace cajal::cli
