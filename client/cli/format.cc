#include "client/cli/format.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cajal::cli {
namespace {

bool IsContinuationByte(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// Columns that the text takes on a terminal, but for wide characters: its code points.
size_t Width(const std::string& text) {
  return text.size() -
         static_cast<size_t>(std::count_if(text.begin(), text.end(), IsContinuationByte));
}

}  // namespace

std::string JsonText(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

std::string Quoted(const std::string& text) { return JsonText(Json(text)); }

std::string Shortened(const std::string& text, size_t width) {
  if (Width(text) <= width) return Quoted(text);
  size_t end = 0;
  for (size_t taken = 0; end < text.size(); ++end) {
    if (!IsContinuationByte(text[end]) && taken++ == width) break;
  }
  return Quoted(text.substr(0, end) + "…");
}

std::string BytesText(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string TimeText(absl::Time time) {
  if (time == absl::InfinitePast()) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::LocalTimeZone());
}

std::string CountText(int64_t count) {
  const std::string digits = absl::StrCat(count);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string SecondsText(double seconds) {
  if (seconds < 10) return absl::StrFormat("%.3f s", seconds);
  if (seconds < 60) return absl::StrFormat("%.1f s", seconds);
  const auto whole = static_cast<int64_t>(std::lround(seconds));
  return absl::StrFormat("%d min %02d s", whole / 60, whole % 60);
}

void WriteTable(const std::vector<std::vector<std::string>>& rows, std::ostream* out) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      *out << row[i];
      if (i + 1 < row.size()) *out << std::string(widths[i] - Width(row[i]) + 2, ' ');
    }
    *out << "\n";
  }
}

Json PhasesJson(const std::vector<client::PhaseTime>& phases) {
  Json json = Json::object();
  for (const client::PhaseTime& phase : phases) json[phase.phase] = phase.seconds;
  return json;
}

std::string PhasesText(const std::vector<client::PhaseTime>& phases) {
  std::string text;
  for (const client::PhaseTime& phase : phases) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", phase.phase, " ", SecondsText(phase.seconds));
  }
  return text;
}

}  // namespace cajal::cli
