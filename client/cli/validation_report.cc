#include "client/cli/validation_report.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/node_text.h"

namespace cajal::cli {
namespace {

using intervention::AnswerScore;
using intervention::Effect;
using intervention::EffectFit;
using intervention::FaithfulnessCurve;
using intervention::FaithfulnessPoint;

// A prediction and its measurement: two members of Effect.
struct Comparison {
  float Effect::*predicted;
  float Effect::*measured;

  [[nodiscard]] double ErrorOf(const Effect& effect) const {
    return std::abs(double{effect.*measured} - effect.*predicted);
  }
};
constexpr Comparison kFrozen = {&Effect::direct, &Effect::frozen};
constexpr Comparison kUnfrozen = {&Effect::total, &Effect::unfrozen};

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

std::string Figure(const std::optional<double>& value, const char* text_when_none = "-") {
  return value ? absl::StrFormat("%.4f", *value) : text_when_none;
}

Json FitJson(const EffectFit& fit) {
  return {{"n", fit.n},
          {"slope", OrNull(fit.slope)},
          {"correlation", OrNull(fit.correlation)},
          {"relative_error", OrNull(fit.relative_error)},
          {"same_sign", OrNull(fit.same_sign)},
          {"largest_error", fit.largest_error}};
}

void AddFit(const std::string& name, const EffectFit& fit,
            std::vector<std::vector<std::string>>* rows) {
  if (fit.n == 0) return;
  rows->push_back({name, CountText(fit.n), Figure(fit.slope), Figure(fit.correlation),
                   Figure(fit.relative_error), Figure(fit.same_sign),
                   absl::StrFormat("%.3g", fit.largest_error)});
}

Json EffectsJson(const std::vector<Effect>& effects, const std::vector<client::PathNode>& nodes) {
  Json list = Json::array();
  for (const Effect& effect : effects) {
    list.push_back({{"source", nodes[static_cast<size_t>(effect.nodes.source)].id},
                    {"target", nodes[static_cast<size_t>(effect.nodes.target)].id},
                    {"direct", effect.direct},
                    {"frozen", effect.frozen},
                    {"total", effect.total},
                    {"unfrozen", effect.unfrozen}});
  }
  return list;
}

Json ScoreJson(const AnswerScore& score) {
  return {{"probability", score.token.probability},
          {"logit", score.token.logit},
          {"rank", score.token.rank},
          {"kl_divergence", score.kl_divergence}};
}

Json CurveJson(const FaithfulnessCurve& curve) {
  Json points = Json::array();
  for (const FaithfulnessPoint& point : curve.points) {
    Json alone = ScoreJson(point.scores.alone);
    Json without = ScoreJson(point.scores.without);
    alone["share"] = OrNull(point.alone);
    without["share"] = OrNull(point.without);
    points.push_back({{"threshold", point.threshold},
                      {"features", point.n_features},
                      {"errors", point.n_errors},
                      {"alone", std::move(alone)},
                      {"without", std::move(without)}});
  }
  return {{"token", curve.token},
          {"token_id", curve.token_id},
          {"position", curve.position},
          {"clean",
           {{"probability", curve.clean.probability},
            {"logit", curve.clean.logit},
            {"rank", curve.clean.rank}}},
          {"points", std::move(points)},
          {"alone_area", OrNull(curve.alone_area)},
          {"without_area", OrNull(curve.without_area)}};
}

// Of edges and node effects together.
void PrintWorst(const client::ValidationResult& result, const std::string& title,
                const Comparison& comparison, int32_t n_worst, std::ostream* out) {
  std::vector<const Effect*> effects;
  for (const Effect& effect : result.edges) effects.push_back(&effect);
  for (const Effect& effect : result.node_effects) {
    const auto is_same = [&effect](const Effect& edge) { return edge.nodes == effect.nodes; };
    if (std::none_of(result.edges.begin(), result.edges.end(), is_same)) {
      effects.push_back(&effect);
    }
  }
  const size_t n = std::min(effects.size(), static_cast<size_t>(n_worst));
  if (n == 0) return;
  std::stable_sort(effects.begin(), effects.end(), [&](const Effect* a, const Effect* b) {
    return comparison.ErrorOf(*a) > comparison.ErrorOf(*b);
  });
  std::set<int32_t> pictures;
  AddPictures(result.nodes, &pictures);
  const auto text_of = [&](int32_t node) {
    return NodeText(result.nodes[static_cast<size_t>(node)], nullptr, pictures.size() > 1);
  };
  std::vector<std::vector<std::string>> rows = {{title, "predicted", "measured"}};
  for (size_t i = 0; i < n; ++i) {
    rows.push_back(
        {absl::StrCat(text_of(effects[i]->nodes.source), " → ", text_of(effects[i]->nodes.target)),
         absl::StrFormat("%+.5f", effects[i]->*comparison.predicted),
         absl::StrFormat("%+.5f", effects[i]->*comparison.measured)});
  }
  *out << "\n";
  WriteTable(rows, out);
}

void PrintCurve(const FaithfulnessCurve& curve, std::ostream* out) {
  *out << "\nThe answer " << Quoted(curve.token) << " has probability "
       << absl::StrFormat("%.4f", curve.clean.probability) << " and rank " << curve.clean.rank
       << ".\n\n";
  std::vector<std::vector<std::string>> rows = {
      {"threshold", "features", "alone", "rank", "share", "without", "rank", "share"}};
  for (const FaithfulnessPoint& point : curve.points) {
    const auto probability = [](const AnswerScore& score) {
      return absl::StrFormat("%.4f", score.token.probability);
    };
    rows.push_back({absl::StrFormat("%g", point.threshold), CountText(point.n_features),
                    probability(point.scores.alone), absl::StrCat(point.scores.alone.token.rank),
                    Figure(point.alone), probability(point.scores.without),
                    absl::StrCat(point.scores.without.token.rank), Figure(point.without)});
  }
  WriteTable(rows, out);
  *out << "area: alone " << Figure(curve.alone_area) << " (best 1), without "
       << Figure(curve.without_area) << " (best 0)\n";
}

}  // namespace

Json ValidationJson(const client::ValidationResult& result) {
  Json nodes = Json::array();
  for (const client::PathNode& node : result.nodes) nodes.push_back(NodeJson(node));
  Json json = {
      {"graph", result.graph},
      {"ablations", result.n_ablations},
      {"frozen",
       {{"edges", FitJson(result.frozen_edges)},
        {"nodes", FitJson(result.frozen_nodes)},
        {"all", FitJson(result.frozen_all)},
        {"largest_unpredicted", result.largest_unpredicted}}},
      {"unfrozen",
       {{"edges", FitJson(result.unfrozen_edges)}, {"nodes", FitJson(result.unfrozen_nodes)}}},
      {"activation_deviation", result.activation_deviation},
      {"curve", result.curve ? CurveJson(*result.curve) : Json()},
      {"edges", EffectsJson(result.edges, result.nodes)},
      {"node_effects", EffectsJson(result.node_effects, result.nodes)},
      {"nodes", std::move(nodes)}};
  json["seconds"] = result.seconds;
  json["phases"] = PhasesJson(result.phases);
  return json;
}

void PrintValidation(const client::ValidationResult& result, int32_t n_worst, std::ostream* out) {
  *out << result.graph << ": " << CountText(result.n_ablations) << " nodes ablated\n";
  if (result.n_ablations > 0) {
    std::vector<std::vector<std::string>> rows = {
        {"", "n", "slope", "correlation", "relative error", "same sign", "largest error"}};
    AddFit("frozen, edges", result.frozen_edges, &rows);
    AddFit("frozen, nodes on logits", result.frozen_nodes, &rows);
    AddFit("frozen, all edges of these nodes", result.frozen_all, &rows);
    AddFit("unfrozen, edges", result.unfrozen_edges, &rows);
    AddFit("unfrozen, nodes on logits", result.unfrozen_nodes, &rows);
    *out << "\n";
    WriteTable(rows, out);
    *out << "largest frozen change without an edge: "
         << absl::StrFormat("%.3g", result.largest_unpredicted) << "\n";
    PrintWorst(result, "farthest from its prediction, frozen", kFrozen, n_worst, out);
    PrintWorst(result, "farthest from its prediction, unfrozen", kUnfrozen, n_worst, out);
  }
  if (result.curve.has_value()) PrintCurve(*result.curve, out);
  *out << "\n" << SecondsText(result.seconds) << ": " << PhasesText(result.phases) << "\n";
}

}  // namespace cajal::cli
