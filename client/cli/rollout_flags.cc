#include "client/cli/rollout_flags.h"

#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "client/cli/flag_checks.h"

namespace cajal::cli {
namespace {

const std::map<std::string, client::RolloutMethod> kMethods = {
    {"rollout", client::RolloutMethod::kRollout},
    {"attention", client::RolloutMethod::kAttention},
    {"similarity", client::RolloutMethod::kSimilarity}};
const std::map<std::string, client::RolloutPooling> kPoolings = {
    {"max", client::RolloutPooling::kMax}, {"mean", client::RolloutPooling::kMean}};
const std::map<std::string, client::HeatmapColors> kColors = {
    {"released", client::HeatmapColors::kReleased}, {"gray", client::HeatmapColors::kGray},
    {"viridis", client::HeatmapColors::kViridis},   {"inferno", client::HeatmapColors::kInferno},
    {"magma", client::HeatmapColors::kMagma},       {"cividis", client::HeatmapColors::kCividis},
    {"turbo", client::HeatmapColors::kTurbo}};

}  // namespace

void AddRolloutFlags(CLI::App* app, RolloutFlags* flags) {
  app->add_option("--method", flags->method,
                  "rollout = the last layers' most certain heads, multiplied; attention = one "
                  "head of one layer; similarity = cosine of the tower's final states")
      ->check(CLI::IsMember(kMethods))
      ->capture_default_str();
  app->add_option("--layers", flags->layers,
                  "Layers of the tower that are multiplied, counted from its end. Default: 4")
      ->type_name("N")
      ->check(AtLeast(1));
  app->add_option("--head-fraction", flags->head_fraction,
                  "Share of each layer's heads that is kept, those with the lowest entropy. "
                  "Default: 0.3")
      ->type_name("SHARE")
      ->check(ShareAboveZero());
  app->add_option("--pool", flags->pool,
                  "How the rows of an image token's patches become one: max or mean")
      ->check(CLI::IsMember(kPoolings))
      ->capture_default_str();
  app->add_option("--head", flags->head,
                  "Of --method attention: which head, from 0; a negative layer counts from the "
                  "tower's end. Default: -1:0")
      ->type_name("LAYER:HEAD");
  app->add_option("--colors", flags->colors,
                  "released (the paper's red and yellow), gray, viridis, inferno, magma, cividis "
                  "or turbo")
      ->check(CLI::IsMember(kColors))
      ->capture_default_str();
  app->add_option("--opacity", flags->opacity, "Of the colours over the photo, 0 to 1")
      ->type_name("SHARE")
      ->check(Share())
      ->capture_default_str();
  app->add_option("--clip-top", flags->clip_top,
                  "Share of a map's highest values that count as the next lower one, in percent")
      ->type_name("PERCENT")
      ->capture_default_str();
  app->add_option("--max-side", flags->max_side,
                  "Longer side of a picture in pixels; larger photos are reduced")
      ->type_name("N")
      ->check(AtLeast(1))
      ->capture_default_str();
  app->add_flag("--legend", flags->legend, "A bar with the colours below each picture");
}

absl::StatusOr<IntegerPair> ParsePair(const std::string& flag, const std::string& text,
                                      const std::string& form) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  IntegerPair pair;
  if (parts.size() == 2 && absl::SimpleAtoi(parts[0], &pair.first) &&
      absl::SimpleAtoi(parts[1], &pair.second)) {
    return pair;
  }
  return UsageError(absl::StrCat(flag, ": must be ", form, ", two integers; got '", text, "'"));
}

absl::StatusOr<client::RolloutSettings> SettingsOf(const RolloutFlags& flags) {
  client::RolloutSettings settings{.method = kMethods.at(flags.method),
                                   .pooling = kPoolings.at(flags.pool)};
  if (flags.layers > 0) settings.last_layers = flags.layers;
  if (flags.head_fraction > 0) settings.head_fraction = flags.head_fraction;
  if (!flags.head.empty()) {
    if (settings.method != client::RolloutMethod::kAttention) {
      return UsageError("--head goes with --method attention");
    }
    const absl::StatusOr<IntegerPair> head = ParsePair("--head", flags.head, "LAYER:HEAD");
    if (!head.ok()) return head.status();
    settings.layer = head->first;
    settings.head = head->second;
  }
  return settings;
}

client::HeatmapPictures PicturesOf(const RolloutFlags& flags) {
  return {.colors = kColors.at(flags.colors),
          .opacity = flags.opacity,
          .clip_top_percent = flags.clip_top,
          .max_side = flags.max_side,
          .legend = flags.legend};
}

std::string SettingsText(const RolloutFlags& flags) {
  if (flags.method == "similarity") return absl::StrCat("similarity, ", flags.pool);
  if (flags.method == "attention") {
    return absl::StrCat("attention, head ", flags.head.empty() ? "-1:0" : flags.head, ", ",
                        flags.pool);
  }
  return absl::StrCat(
      "rollout, layers ", flags.layers > 0 ? absl::StrCat(flags.layers) : "default", ", heads ",
      flags.head_fraction > 0 ? absl::StrCat(flags.head_fraction) : "default", ", ", flags.pool);
}

}  // namespace cajal::cli
