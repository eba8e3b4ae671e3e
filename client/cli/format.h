// Numbers, tokens and tables as people and programs read them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/cpp/model.h"

namespace cajal::cli {

using Json = nlohmann::ordered_json;

// One line of JSON. Bytes that are no UTF-8 become U+FFFD.
std::string JsonText(const Json& json);

// In quotes, control characters escaped: "\n" is visible as such.
std::string Quoted(const std::string& text);

// Quoted and cut to about `width` characters, for tables.
std::string Shortened(const std::string& text, size_t width);

std::string BytesText(int64_t bytes);     // "1.5 MiB"
std::string TimeText(absl::Time time);    // local, "2026-03-01 14:05:09"; "-" for InfinitePast
std::string CountText(int64_t count);     // "1,234,567"; 0 and up
std::string SecondsText(double seconds);  // "0.034 s", "2 min 05 s"

// Writes rows with columns padded to equal width and two spaces between. Numbers are not aligned
// to the right: the first column is what the eye looks for.
void WriteTable(const std::vector<std::vector<std::string>>& rows, std::ostream* out);

// {"forward": 0.5, …}
Json PhasesJson(const std::vector<client::PhaseTime>& phases);
// "forward 0.500 s, encode 0.120 s"
std::string PhasesText(const std::vector<client::PhaseTime>& phases);

}  // namespace cajal::cli
