#include "client/cli/target_flags.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "model/checkpoint/file_io.h"

namespace cajal::cli {
namespace {

constexpr int64_t kMaxFileBytes = 16 << 20;  // against a file named by mistake

// Reads a sum from the front of a text.
class SumReader {
 public:
  explicit SumReader(const std::string& text) : text_(text) {}

  absl::StatusOr<client::TokenSum> Read() {
    client::TokenSum sum;
    for (SkipSpaces(); at_ < text_.size(); SkipSpaces()) {
      client::WeightedToken term;
      if (Take('-')) {
        term.weight = -1;
      } else if (!Take('+') && !sum.terms.empty()) {
        return Unreadable();
      }
      if (!TakeFactor(&term.weight) || !TakeQuoted(&term.token)) return Unreadable();
      sum.terms.push_back(std::move(term));
    }
    if (sum.terms.empty()) return Unreadable();
    return sum;
  }

 private:
  void SkipSpaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  bool Take(char c) {
    SkipSpaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // "0.5*", "0.5 *", "0.5", or nothing. False when what stands there is no number.
  bool TakeFactor(float* weight) {
    SkipSpaces();
    const size_t end = text_.find_first_not_of("0123456789.eE", at_);
    const std::string number = text_.substr(at_, end - at_);
    if (number.empty()) return true;
    float factor = 0;
    if (!absl::SimpleAtof(number, &factor)) return false;
    *weight *= factor;
    at_ += number.size();
    Take('*');
    return true;
  }

  bool TakeQuoted(std::string* token) {
    SkipSpaces();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return false;
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string::npos) return false;
    *token = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }

  [[nodiscard]] absl::Status Unreadable() const {
    return UsageError(absl::StrCat(
        "--target-sum: cannot read ",
        at_ < text_.size() ? "from '" + text_.substr(at_) + "' on" : "'" + text_ + "' to its end",
        "; write tokens in quotes, as \"' Mars' - 0.5*' Earth'\""));
  }

  const std::string& text_;
  size_t at_ = 0;
};

absl::StatusOr<client::Target> ReadDirection(const std::string& path) {
  const absl::StatusOr<std::string> text = checkpoint::ReadFile(path, kMaxFileBytes);
  if (!text.ok()) {
    return UsageError(absl::StrCat("--target-direction: ", std::string(text.status().message())));
  }
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto is_number = [](const nlohmann::json& item) { return item.is_number(); };
  if (!json.is_array() || !std::all_of(json.begin(), json.end(), is_number)) {
    return UsageError(
        absl::StrCat("--target-direction: ", path, " must hold a JSON list of numbers"));
  }
  client::Target target = client::Direction{json.get<std::vector<float>>()};
  target.label = std::filesystem::path(path).stem().string();
  return target;
}

absl::StatusOr<client::Target> ParseFeature(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  int32_t layer = 0;
  int32_t position = 0;
  int32_t index = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &layer) ||
      !absl::SimpleAtoi(parts[1], &position) || !absl::SimpleAtoi(parts[2], &index)) {
    return UsageError(absl::StrCat("--target-feature: '", text,
                                   "' is not LAYER:POSITION:FEATURE, as 12:-1:4711"));
  }
  return client::FeatureTarget(layer, position, index);
}

}  // namespace

void AddTargetFlags(CLI::App* app, TargetFlags* flags) {
  app->add_option("--target", flags->tokens,
                  "Trace these tokens back instead of the most probable ones; each the text of "
                  "exactly one token: --target ' Austin' ' Dallas'");
  app->add_option("--target-sum", flags->sums,
                  "Trace weighted sums of tokens back, such as the difference of two: "
                  "--target-sum \"' Mars' - ' Earth'\" \"0.5*' red' + 2*' big'\"")
      ->type_name("SUM");
  app->add_option("--target-direction", flags->directions,
                  "Trace a direction at the final norm's output back: a file with a JSON list of "
                  "as many numbers as the model is wide")
      ->type_name("FILE");
  app->add_option("--target-feature", flags->features,
                  "Trace back what feeds a feature that is active at a position; counted from 0, "
                  "negative positions from the end: --target-feature 12:-1:4711")
      ->type_name("LAYER:POSITION:FEATURE");
  app->add_option("--target-position", flags->positions,
                  "Positions after which the other targets are traced, from 0, negative from the "
                  "end; without others, the most probable tokens there [default: -1]")
      ->type_name("P");
}

absl::StatusOr<std::vector<client::Target>> MakeTargets(const TargetFlags& flags) {
  std::vector<client::Target> anywhere(flags.tokens.begin(), flags.tokens.end());
  for (const std::string& text : flags.sums) {
    absl::StatusOr<client::TokenSum> sum = ParseSum(text);
    if (!sum.ok()) return sum.status();
    anywhere.emplace_back(*std::move(sum));
  }
  for (const std::string& path : flags.directions) {
    absl::StatusOr<client::Target> direction = ReadDirection(path);
    if (!direction.ok()) return direction.status();
    anywhere.push_back(*std::move(direction));
  }
  if (anywhere.empty() && !flags.positions.empty()) anywhere.emplace_back();

  std::vector<client::Target> targets;
  const std::vector<int32_t> last = {-1};
  for (const client::Target& target : anywhere) {
    for (const int32_t position : flags.positions.empty() ? last : flags.positions) {
      targets.push_back(target);
      targets.back().position = position;
    }
  }
  for (const std::string& text : flags.features) {
    absl::StatusOr<client::Target> feature = ParseFeature(text);
    if (!feature.ok()) return feature.status();
    targets.push_back(*std::move(feature));
  }
  return targets;
}

absl::StatusOr<client::TokenSum> ParseSum(const std::string& text) {
  return SumReader(text).Read();
}

}  // namespace cajal::cli
