#include "model/graph/graph_json.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/json.h"
#include "model/graph/json_keys.h"
#include "model/graph/target_json.h"

namespace cajal::graph {
namespace {

using checkpoint::ObjectReader;
using nlohmann::json;

std::string Dump(const json& value) { return value.dump(-1, ' ', /*ensure_ascii=*/true); }

json ToJson(const GraphSettings& settings) {
  return {{"max_n_logits", settings.max_n_logits},
          {"desired_logit_prob", settings.desired_logit_prob},
          {"targets", TargetsToJson(settings.targets)},
          {"max_feature_nodes", settings.max_feature_nodes},
          {"batch_size", settings.batch_size},
          {"update_interval", settings.update_interval},
          {"rank_once", settings.rank_once},
          {"zero_positions", settings.zero_positions}};
}

absl::StatusOr<GraphSettings> SettingsFromJson(const json& object) {
  ObjectReader reader(object, "settings");
  GraphSettings settings;
  settings.max_n_logits = ReadInt32(reader, "max_n_logits", 0);
  settings.desired_logit_prob = ReadNumber(reader, "desired_logit_prob");
  ASSIGN_OR_RETURN(settings.targets, TargetsFromJson(ReadArray(reader, "targets")));
  settings.max_feature_nodes = ReadInt32(reader, "max_feature_nodes", 0);
  settings.batch_size = ReadInt32(reader, "batch_size", 0);
  settings.update_interval = ReadInt32(reader, "update_interval", 0);
  settings.rank_once = reader.Bool("rank_once", false);
  settings.zero_positions = ReadInt32(reader, "zero_positions", 0);
  RETURN_IF_ERROR(reader.status());
  return settings;
}

json ToJson(const Additivity& additivity) {
  return {{"max_relative_error", additivity.max_relative_error},
          {"worst_row", additivity.worst_row}};
}

absl::StatusOr<Additivity> AdditivityFromJson(const json& object) {
  ObjectReader reader(object, "additivity");
  Additivity additivity;
  additivity.max_relative_error = ReadNumber(reader, "max_relative_error");
  additivity.worst_row = ReadInt32(reader, "worst_row", -1);
  RETURN_IF_ERROR(reader.status());
  return additivity;
}

json ToJson(const AttributionGraph::ImageRun& run) {
  json object = {{"image", run.image}, {"crop", run.crop}, {"begin", run.begin}, {"end", run.end}};
  if (!run.thumbnail.empty()) object["thumbnail"] = absl::Base64Escape(run.thumbnail);
  if (!run.heatmaps.empty()) object["heatmaps"] = absl::Base64Escape(run.heatmaps);
  return object;
}

absl::StatusOr<AttributionGraph::ImageRun> ImageRunFromJson(const json& value) {
  if (!value.is_object()) return absl::InvalidArgumentError("image_runs must hold objects");
  ObjectReader reader(value, "image_runs");
  AttributionGraph::ImageRun run;
  run.image = ReadInt32(reader, "image", 0);
  run.crop = ReadInt32(reader, "crop", -1);
  run.begin = ReadInt32(reader, "begin", 0);
  run.end = ReadInt32(reader, "end", 0);
  // Absent in what was stored before graphs kept pictures.
  for (const auto& [key, bytes] :
       {std::pair("thumbnail", &run.thumbnail), std::pair("heatmaps", &run.heatmaps)}) {
    if (reader.Has(key) && !absl::Base64Unescape(ReadText(reader, key), bytes)) {
      return absl::InvalidArgumentError(absl::StrCat("image_runs.", key, " is not base64"));
    }
  }
  RETURN_IF_ERROR(reader.status());
  return run;
}

json ToJson(const LogitNode& logit) {
  json object = {{"token_id", logit.token_id},
                 {"token", TextToJson(logit.token)},
                 {"probability", logit.probability},
                 {"position", logit.position}};
  if (logit.given_weight) object["weight"] = *logit.given_weight;
  return object;
}

absl::StatusOr<LogitNode> LogitFromJson(const json& value) {
  if (!value.is_object()) return absl::InvalidArgumentError("logits must hold objects");
  ObjectReader reader(value, "logits");
  LogitNode logit;
  logit.token_id = ReadInteger(reader, "token_id", 0, kInt64Max);
  logit.token = ReadText(reader, "token");
  logit.probability = static_cast<float>(ReadNumber(reader, "probability"));
  // Absent in what was stored when all targets were tokens at the last position.
  if (reader.Has("position")) logit.position = ReadInt32(reader, "position", -1);
  if (reader.Has("weight")) logit.given_weight = static_cast<float>(ReadNumber(reader, "weight"));
  RETURN_IF_ERROR(reader.status());
  return logit;
}

json ToJson(const GraphCost& cost) {
  json phases = json::array();
  for (const RunContext::PhaseSeconds& phase : cost.phases) {
    phases.push_back({{"phase", phase.phase}, {"seconds", phase.seconds}});
  }
  return {{"seconds", cost.seconds}, {"phases", std::move(phases)}};
}

absl::StatusOr<GraphCost> CostFromJson(const json& object) {
  ObjectReader reader(object, "cost");
  GraphCost cost;
  cost.seconds = ReadNumber(reader, "seconds");
  for (const json& value : ReadArray(reader, "phases")) {
    if (!value.is_object()) return absl::InvalidArgumentError("phases must hold objects");
    ObjectReader phase(value, "phases");
    cost.phases.push_back({ReadText(phase, "phase"), ReadNumber(phase, "seconds")});
    RETURN_IF_ERROR(phase.status());
  }
  RETURN_IF_ERROR(reader.status());
  return cost;
}

json ToJson(const ImportedPart& part) {
  return {{"metadata", part.metadata_json}, {"nodes", part.nodes}, {"influence", part.influence}};
}

absl::StatusOr<ImportedPart> ImportedFromJson(const json& object) {
  ObjectReader reader(object, "imported");
  ImportedPart part;
  part.metadata_json = ReadText(reader, "metadata");
  for (const json& node : ReadArray(reader, "nodes")) {
    if (!node.is_number_integer() || node < 0 || node > kInt32Max) {
      return absl::InvalidArgumentError("imported.nodes must hold node indices");
    }
    part.nodes.push_back(node.get<int32_t>());
  }
  for (const json& value : ReadArray(reader, "influence")) {
    if (!value.is_number()) {
      return absl::InvalidArgumentError("imported.influence must hold numbers");
    }
    part.influence.push_back(value.get<float>());
  }
  RETURN_IF_ERROR(reader.status());
  RETURN_IF_ERROR(checkpoint::ParseJsonObject(part.metadata_json, "imported.metadata").status());
  return part;
}

}  // namespace

std::string MetadataToJson(const AttributionGraph& graph) {
  json image_runs = json::array();
  for (const AttributionGraph::ImageRun& run : graph.image_runs) image_runs.push_back(ToJson(run));
  json logit_texts = json::array();
  for (const LogitNode& logit : graph.logits) logit_texts.push_back(TextToJson(logit.token));
  json metadata = {{"model_name", TextToJson(graph.model_name)},
                   {"transcoder_name", TextToJson(graph.transcoder_name)},
                   {"prompt", TextToJson(graph.prompt)},
                   {"token_texts", TextsToJson(graph.token_texts)},
                   {"image_runs", std::move(image_runs)},
                   {"n_layers", graph.n_layers},
                   {"settings", ToJson(graph.settings)},
                   {"logit_texts", std::move(logit_texts)},
                   {"additivity", ToJson(graph.additivity)}};
  if (graph.imported) metadata["imported"] = ToJson(*graph.imported);
  return Dump(metadata);
}

absl::Status MetadataFromJson(const std::string& text, AttributionGraph* graph) {
  ASSIGN_OR_RETURN(const json object, checkpoint::ParseJsonObject(text, "graph metadata"));
  ObjectReader reader(object, "graph metadata");
  graph->model_name = ReadText(reader, "model_name");
  graph->transcoder_name = ReadText(reader, "transcoder_name");
  graph->prompt = ReadText(reader, "prompt");
  graph->token_texts = ReadTexts(reader, "token_texts");
  for (const json& run : ReadArray(reader, "image_runs")) {
    ASSIGN_OR_RETURN(graph->image_runs.emplace_back(), ImageRunFromJson(run));
  }
  graph->n_layers = ReadInt32(reader, "n_layers", 1);
  ASSIGN_OR_RETURN(graph->settings, SettingsFromJson(ReadObject(reader, "settings")));
  for (std::string& token : ReadTexts(reader, "logit_texts")) {
    graph->logits.emplace_back().token = std::move(token);
  }
  ASSIGN_OR_RETURN(graph->additivity, AdditivityFromJson(ReadObject(reader, "additivity")));
  if (reader.Has("imported")) {
    ASSIGN_OR_RETURN(graph->imported, ImportedFromJson(ReadObject(reader, "imported")));
  }
  return reader.status();
}

std::string SummaryToJson(const GraphSummary& summary) {
  json logits = json::array();
  for (const LogitNode& logit : summary.logits) logits.push_back(ToJson(logit));
  return Dump({{"model_name", TextToJson(summary.model_name)},
               {"transcoder_name", TextToJson(summary.transcoder_name)},
               {"prompt", TextToJson(summary.prompt)},
               {"n_positions", summary.n_positions},
               {"n_layers", summary.n_layers},
               {"settings", ToJson(summary.settings)},
               {"logits", std::move(logits)},
               {"n_active_features", summary.n_active_features},
               {"n_selected_features", summary.n_selected_features},
               {"n_nodes", summary.n_nodes},
               {"n_edges", summary.n_edges},
               {"replacement_score", summary.scores.replacement},
               {"completeness_score", summary.scores.completeness},
               {"additivity", ToJson(summary.additivity)},
               {"cost", ToJson(summary.cost)},
               {"is_imported", summary.is_imported}});
}

absl::StatusOr<GraphSummary> SummaryFromJson(const std::string& text) {
  ASSIGN_OR_RETURN(const json object, checkpoint::ParseJsonObject(text, "graph summary"));
  ObjectReader reader(object, "graph summary");
  GraphSummary summary;
  summary.model_name = ReadText(reader, "model_name");
  summary.transcoder_name = ReadText(reader, "transcoder_name");
  summary.prompt = ReadText(reader, "prompt");
  summary.n_positions = ReadInt32(reader, "n_positions", 0);
  summary.n_layers = ReadInt32(reader, "n_layers", 0);
  ASSIGN_OR_RETURN(summary.settings, SettingsFromJson(ReadObject(reader, "settings")));
  for (const json& logit : ReadArray(reader, "logits")) {
    ASSIGN_OR_RETURN(summary.logits.emplace_back(), LogitFromJson(logit));
  }
  summary.n_active_features = ReadInteger(reader, "n_active_features", 0, kInt64Max);
  summary.n_selected_features = ReadInt32(reader, "n_selected_features", 0);
  summary.n_nodes = ReadInt32(reader, "n_nodes", 0);
  summary.n_edges = ReadInteger(reader, "n_edges", 0, kInt64Max);
  summary.scores.replacement = ReadNumber(reader, "replacement_score");
  summary.scores.completeness = ReadNumber(reader, "completeness_score");
  ASSIGN_OR_RETURN(summary.additivity, AdditivityFromJson(ReadObject(reader, "additivity")));
  ASSIGN_OR_RETURN(summary.cost, CostFromJson(ReadObject(reader, "cost")));
  summary.is_imported = reader.Bool("is_imported", false);  // absent in older databases
  RETURN_IF_ERROR(reader.status());
  return summary;
}

}  // namespace cajal::graph
