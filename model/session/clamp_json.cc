#include "model/session/clamp_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace cajal::session {
namespace {

using intervention::Clamp;
using intervention::OperationKind;
using nlohmann::json;

constexpr std::pair<OperationKind, const char*> kKinds[] = {{OperationKind::kSet, "at"},
                                                            {OperationKind::kAtMost, "at_most"},
                                                            {OperationKind::kAtLeast, "at_least"}};
using Places = intervention::ClampPlaces;
constexpr std::pair<bool Places::*, const char*> kPlaces[] = {
    {&Places::text, "text"}, {&Places::image, "image"}, {&Places::generated, "generated"}};

json ToJson(const Clamp& clamp) {
  json features = json::array();
  for (const auto& [layer, feature] : clamp.features) features.push_back({layer, feature});
  json places = json::array();
  for (const auto& [place, name] : kPlaces) {
    if (clamp.places.*place) places.push_back(name);
  }
  const auto* kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& entry) {
    return entry.first == clamp.operation.kind;
  });
  return {{"name", clamp.name},
          {"features", std::move(features)},
          {"kind", kind->second},
          {"value", clamp.operation.value},
          {"places", std::move(places)}};
}

// Throws what nlohmann does for a value of another type.
Clamp FromJson(const json& stored) {
  Clamp clamp{.name = stored.at("name"), .places = {false, false, false}};
  for (const json& feature : stored.at("features")) {
    clamp.features.push_back({feature.at(0).get<int32_t>(), feature.at(1).get<int32_t>()});
  }
  const std::string name = stored.at("kind");
  for (const auto& [kind, text] : kKinds) {
    if (name == text) clamp.operation.kind = kind;
  }
  clamp.operation.value = stored.at("value");
  for (const json& at : stored.at("places")) {
    for (const auto& [place, text] : kPlaces) {
      if (at == text) clamp.places.*place = true;
    }
  }
  return clamp;
}

}  // namespace

std::string ClampsToJson(const std::vector<Clamp>& clamps) {
  json list = json::array();
  for (const Clamp& clamp : clamps) list.push_back(ToJson(clamp));
  return list.dump();
}

absl::StatusOr<std::vector<Clamp>> ClampsFromJson(const std::string& text) {
  try {
    std::vector<Clamp> clamps;
    for (const json& stored : json::parse(text)) clamps.push_back(FromJson(stored));
    return clamps;
  } catch (const json::exception& error) {
    return absl::DataLossError(std::string("the stored clamps cannot be read: ") + error.what());
  }
}

}  // namespace cajal::session
