#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"

namespace cajal::cli {
namespace {

struct InfoFlags {
  bool json = false;
};

// "16384" when all layers are alike, else "16384 to 65536".
std::string FeaturesText(const std::vector<int32_t>& features_per_layer) {
  if (features_per_layer.empty()) return "none";
  const auto [least, most] =
      std::minmax_element(features_per_layer.begin(), features_per_layer.end());
  return *least == *most ? CountText(*least)
                         : absl::StrCat(CountText(*least), " to ", CountText(*most));
}

Json InfoJson(const client::ServerInfo& info) {
  const client::ModelInfo& model = info.model;
  const client::TranscoderInfo& transcoders = info.transcoders;
  const client::ServerLimits& limits = info.limits;
  return {{"version", info.version},
          {"build", info.build},
          {"device", info.device},
          {"dtype", info.dtype},
          {"model",
           {{"name", model.name},
            {"type", model.type},
            {"n_layers", model.n_layers},
            {"d_model", model.d_model},
            {"n_heads", model.n_heads},
            {"vocab_size", model.vocab_size},
            {"has_vision", model.has_vision},
            {"image_size", model.image_size},
            {"tokens_per_image", model.tokens_per_image}}},
          {"transcoders",
           {{"name", transcoders.name},
            {"format", transcoders.format},
            {"feature_input_hook", transcoders.feature_input_hook},
            {"feature_output_hook", transcoders.feature_output_hook},
            {"activation", transcoders.activation},
            {"features_per_layer", transcoders.features_per_layer},
            {"default_zero_positions", transcoders.default_zero_positions},
            {"residency", transcoders.residency}}},
          {"limits",
           {{"max_positions", limits.max_positions},
            {"max_image_pixels", limits.max_image_pixels},
            {"max_request_bytes", limits.max_request_bytes},
            {"budget_bytes", limits.budget_bytes},
            {"queue_size", limits.queue_size},
            {"max_import_bytes", limits.max_import_bytes}}},
          {"open_graphs",
           {{"budget_bytes", info.open_graphs.budget_bytes},
            {"size_bytes", info.open_graphs.size_bytes},
            {"graphs", info.open_graphs.n_graphs},
            {"hits", info.open_graphs.hits},
            {"misses", info.open_graphs.misses}}},
          {"methods", info.methods},
          {"uptime_seconds", info.uptime_seconds}};
}

std::string ResidencyText(const std::string& residency) {
  if (residency == "device") return "all on the device";
  if (residency == "encoders") return "encoders on the device, decoder rows fetched";
  return residency == "stream" ? "streamed a layer at a time" : residency;
}

void PrintInfo(const client::ServerInfo& info, std::ostream* out) {
  const client::ModelInfo& model = info.model;
  const client::TranscoderInfo& transcoders = info.transcoders;
  const client::ServerLimits& limits = info.limits;
  std::vector<std::vector<std::string>> rows = {
      {"server",
       absl::StrCat("cajald ", info.version, ", up for ", SecondsText(info.uptime_seconds))},
      {"build", info.build},
      {"device", absl::StrCat(info.device, ", ", info.dtype)},
      {"model", absl::StrCat(model.name, " (", model.type, "): ", model.n_layers,
                             " layers, d_model ", model.d_model, ", ", model.n_heads,
                             " heads, vocabulary ", CountText(model.vocab_size))},
      {"images", model.has_vision
                     ? absl::StrCat(model.tokens_per_image, " tokens each, resized to ",
                                    model.image_size, " x ", model.image_size)
                     : "none: the model reads text alone"},
      {"transcoders", absl::StrCat(transcoders.name, " (", transcoders.format,
                                   "): ", FeaturesText(transcoders.features_per_layer),
                                   " features a layer, ", transcoders.activation)},
      {"", absl::StrCat(transcoders.feature_input_hook, " -> ", transcoders.feature_output_hook,
                        ", first ", transcoders.default_zero_positions,
                        " positions without features, ", ResidencyText(transcoders.residency))},
      {"limits", absl::StrCat(CountText(limits.max_positions), " positions, ",
                              CountText(limits.max_image_pixels), " pixels an image, ",
                              BytesText(limits.max_request_bytes), " a request, ",
                              BytesText(limits.budget_bytes), " working memory, ",
                              limits.queue_size, " waiting jobs")},
      {"open graphs",
       absl::StrCat(info.open_graphs.n_graphs, " in ", BytesText(info.open_graphs.size_bytes),
                    " of ", BytesText(info.open_graphs.budget_bytes), "; found open ",
                    CountText(info.open_graphs.hits), " times, read ",
                    CountText(info.open_graphs.misses))},
  };
  for (size_t i = 0; i < info.methods.size(); ++i) {
    rows.push_back({i == 0 ? "methods" : "", info.methods[i]});
  }
  WriteTable(rows, out);
}

absl::Status RunInfo(const InfoFlags& flags, Session& session) {
  const absl::StatusOr<client::ServerInfo> info =
      session.client->GetServerInfo(session.CallOptions());
  if (!info.ok()) return info.status();
  if (flags.json) {
    *session.console.out << JsonText(InfoJson(*info)) << "\n";
  } else {
    PrintInfo(*info, session.console.out);
  }
  return absl::OkStatus();
}

}  // namespace

Command AddInfoCommand(CLI::App* cajal) {
  auto flags = std::make_shared<InfoFlags>();
  CLI::App* app = cajal->add_subcommand(
      "info", "What the server is: program, device, model, transcoders, limits");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunInfo(*flags, session); }};
}

}  // namespace cajal::cli
