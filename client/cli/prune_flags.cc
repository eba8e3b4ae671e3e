#include "client/cli/prune_flags.h"

#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/flag_checks.h"

namespace cajal::cli {
namespace {

constexpr char kStepForms[] =
    "influence=NODE,EDGE, weight=MIN, top=N, layers=A-B, positions=A-B, text or image";

std::optional<client::PruneStep> ParseInfluence(const std::string& value) {
  client::InfluenceRule rule;
  if (value.empty()) return rule;
  const std::vector<std::string> shares = absl::StrSplit(value, ',');
  double share = 0;
  if (shares.size() > 2 || !absl::SimpleAtod(shares[0], &share)) return std::nullopt;
  rule.node_threshold = share;
  if (shares.size() == 1) return rule;
  if (!absl::SimpleAtod(shares[1], &share)) return std::nullopt;
  rule.edge_threshold = share;
  return rule;
}

std::optional<client::PruneStep> ParseWeight(const std::string& value) {
  client::WeightRule rule;
  if (!absl::SimpleAtod(value, &rule.min_weight)) return std::nullopt;
  return rule;
}

std::optional<client::PruneStep> ParseTop(const std::string& value) {
  client::TopSourcesRule rule;
  if (!absl::SimpleAtoi(value, &rule.max_sources)) return std::nullopt;
  return rule;
}

std::optional<client::PruneStep> ParsePlace(const std::string& name, const std::string& value) {
  client::PlaceRule rule;
  if (name == "text" || name == "image") {
    rule.modality = name == "text" ? client::Modality::kText : client::Modality::kImage;
    return value.empty() ? std::optional<client::PruneStep>(rule) : std::nullopt;
  }
  const std::optional<LayerRange> range = ParseLayers(value);
  if (!range) return std::nullopt;
  (name == "layers" ? rule.first_layer : rule.first_position) = range->first;
  (name == "layers" ? rule.last_layer : rule.last_position) = range->last;
  return rule;
}

CLI::Validator Step() {
  return CLI::Validator(
      [](const std::string& text) {
        return ParsePruneStep(text).has_value()
                   ? std::string()
                   : absl::StrCat("must be ", kStepForms, "; got '", text, "'");
      },
      "");
}

// One overload for each rule; the form that ParsePruneStep reads, but for a place of several
// filters, which --step cannot ask for in one.
struct StepText {
  std::string operator()(const client::InfluenceRule& rule) const {
    return absl::StrCat("influence=", rule.node_threshold.value_or(0.8), ",",
                        rule.edge_threshold.value_or(0.98));
  }
  std::string operator()(const client::WeightRule& rule) const {
    return absl::StrCat("weight=", rule.min_weight);
  }
  std::string operator()(const client::TopSourcesRule& rule) const {
    return absl::StrCat("top=", rule.max_sources);
  }
  std::string operator()(const client::PlaceRule& rule) const {
    std::vector<std::string> filters;
    if (rule.first_layer) {
      filters.push_back(
          absl::StrCat("layers=", *rule.first_layer, "-", rule.last_layer.value_or(0)));
    }
    if (rule.first_position) {
      filters.push_back(
          absl::StrCat("positions=", *rule.first_position, "-", rule.last_position.value_or(0)));
    }
    if (rule.modality == client::Modality::kText) filters.emplace_back("text");
    if (rule.modality == client::Modality::kImage) filters.emplace_back("image");
    return absl::StrJoin(filters, " ");
  }
};

std::string PruningText(const client::PruneOptions& prune, std::optional<double> threshold) {
  if (prune.steps.empty()) return absl::StrCat("at ", threshold.value_or(0));
  return absl::StrCat("in ", prune.steps.size(), prune.steps.size() == 1 ? " step" : " steps");
}

}  // namespace

client::PruneOptions PruneFlags::options() const {
  client::PruneOptions options;
  options.node_threshold = node_threshold;
  options.edge_threshold = edge_threshold;
  for (const std::string& step : steps) options.steps.push_back(ParsePruneStep(step).value());
  options.keep_ids = keep_ids;
  options.logit_ids = logit_ids;
  return options;
}

void AddPruneFlags(CLI::App* app, PruneFlags* flags) {
  CLI::Option* nodes = app->add_option("--node-threshold", flags->node_threshold,
                                       "Share of the influence on the logits that the kept nodes "
                                       "carry, 0 to 1 [default: 0.8]")
                           ->type_name("P")
                           ->check(Share());
  CLI::Option* edges = app->add_option("--edge-threshold", flags->edge_threshold,
                                       "Share of the influence that the kept edges carry, 0 to 1 "
                                       "[default: 0.98]")
                           ->type_name("P")
                           ->check(Share());
  app->add_option("--step", flags->steps,
                  absl::StrCat("In place of the thresholds: a step of the pruning; repeat it, each "
                               "works on what the one before has left. ",
                               kStepForms,
                               ". NODE and EDGE are the thresholds [default: 0.8,0.98], MIN the "
                               "smallest |weight| of an edge, N the most edges into a node; ranges "
                               "include both ends"))
      ->type_name("STEP")
      ->check(Step())
      ->allow_extra_args(false)
      ->excludes(nodes)
      ->excludes(edges);
}

void AddPruneIdFlags(CLI::App* app, PruneFlags* flags) {
  app->add_option("--keep", flags->keep_ids,
                  "Nodes that stay in any case, ID,ID,… as in the exported JSON: "
                  "LAYER_FEATURE_POSITION, E_TOKEN_POSITION")
      ->type_name("IDS")
      ->delimiter(',');
  app->add_option("--logits", flags->logit_ids,
                  "Logits on which influence is measured, the others are dropped [default: all]")
      ->type_name("IDS")
      ->delimiter(',');
}

std::optional<client::PruneStep> ParsePruneStep(const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  const auto& [name, value] = parts;
  if (name == "influence") return ParseInfluence(value);
  if (name == "weight") return ParseWeight(value);
  if (name == "top") return ParseTop(value);
  if (name == "layers" || name == "positions" || name == "text" || name == "image") {
    return ParsePlace(name, value);
  }
  return std::nullopt;
}

void AddPruneJson(const client::PruneOptions& prune, Json* json) {
  if (prune.node_threshold) (*json)["node_threshold"] = *prune.node_threshold;
  if (prune.edge_threshold) (*json)["edge_threshold"] = *prune.edge_threshold;
  for (const client::PruneStep& step : prune.steps) {
    (*json)["steps"].push_back(std::visit(StepText(), step));
  }
  if (!prune.keep_ids.empty()) (*json)["keep"] = prune.keep_ids;
  if (!prune.logit_ids.empty()) (*json)["logits_of_influence"] = prune.logit_ids;
}

std::string NodePruningText(const client::PruneOptions& prune) {
  return PruningText(prune, prune.node_threshold);
}

std::string EdgePruningText(const client::PruneOptions& prune) {
  return PruningText(prune, prune.edge_threshold);
}

}  // namespace cajal::cli
