#include "client/cli/flag_checks.h"

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace cajal::cli {
namespace {

// CLI11 takes a message as a failure, and no message as success.
std::string Refused(const std::string& permitted, const std::string& value) {
  return absl::StrCat("must be ", permitted, "; got '", value, "'");
}

CLI::Validator NumberBetween(double least, double most, const std::string& permitted) {
  return CLI::Validator(
      [=](const std::string& value) {
        double number = 0;
        const bool fits = absl::SimpleAtod(value, &number) && number >= least && number <= most;
        return fits ? std::string() : Refused(permitted, value);
      },
      "");
}

}  // namespace

CLI::Validator AtLeast(int32_t least) {
  return CLI::Validator(
      [least](const std::string& value) {
        int32_t number = 0;
        const bool fits = absl::SimpleAtoi(value, &number) && number >= least;
        return fits ? std::string()
                    : Refused(absl::StrCat("an integer, ", least, " or more"), value);
      },
      "");
}

CLI::Validator Share() { return NumberBetween(0, 1, "a number from 0 to 1"); }

CLI::Validator ShareAboveZero() {
  return NumberBetween(std::numeric_limits<double>::min(), 1, "a number above 0, to 1");
}

std::optional<LayerRange> ParseLayers(const std::string& text) {
  const std::vector<std::string> ends = absl::StrSplit(text, '-');
  LayerRange range;
  const bool is_range = ends.size() <= 2 && absl::SimpleAtoi(ends.front(), &range.first) &&
                        absl::SimpleAtoi(ends.back(), &range.last) && range.first <= range.last;
  if (!is_range) return std::nullopt;
  return range;
}

CLI::Validator Layers() {
  return CLI::Validator(
      [](const std::string& value) {
        return ParseLayers(value).has_value()
                   ? std::string()
                   : Refused("A-B with layers A to B, 0 and up, or one layer", value);
      },
      "");
}

std::optional<absl::Time> ParseTime(const std::string& text) {
  for (const char* format : {"%Y-%m-%d", "%Y-%m-%dT%H:%M:%E*S", absl::RFC3339_full}) {
    absl::Time time;
    std::string error;
    if (absl::ParseTime(format, text, absl::LocalTimeZone(), &time, &error)) return time;
  }
  return std::nullopt;
}

CLI::Validator PointInTime() {
  return CLI::Validator(
      [](const std::string& text) -> std::string {
        if (ParseTime(text).has_value()) return "";
        return "must be a time like 2026-03-01 or 2026-03-01T14:05:09; got '" + text + "'";
      },
      "");
}

CLI::Validator Duration() { return NumberBetween(0, 1e9, "seconds, 0 or more"); }

}  // namespace cajal::cli
