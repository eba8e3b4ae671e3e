#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/output_flag.h"
#include "client/cli/prompt_flags.h"
#include "client/cli/rollout_flags.h"
#include "client/cli/rollout_folder.h"
#include "client/cli/tensor_file.h"

namespace cajal::cli {
namespace {

namespace fs = std::filesystem;

struct Flags {
  PromptFlags prompt;
  RolloutFlags rollout;
  std::vector<int32_t> positions;
  bool no_maps = false;
  bool sheet = false;
  std::string feature;
  std::string graph;
  std::vector<std::string> nodes;
  std::string images;
  std::string output_dir;
  std::string raw;
  bool json = false;
};

absl::StatusOr<client::Prompt> PromptOf(const PromptFlags& flags) {
  const bool has_text = flags.prompt_option->count() > 0 || flags.tokens_option->count() > 0;
  if (has_text || flags.images.empty()) return MakePrompt(flags);
  return MakeImagePrompt(flags);
}

absl::Status SetWeighting(const Flags& flags, client::ComputeRolloutRequest* request) {
  if (!flags.feature.empty() && !flags.graph.empty()) {
    return UsageError("give --feature or --graph, not both");
  }
  if (!flags.nodes.empty() && flags.graph.empty()) {
    return UsageError("--nodes needs --graph ID, whose nodes they are");
  }
  if (!flags.feature.empty()) {
    const absl::StatusOr<IntegerPair> feature =
        ParsePair("--feature", flags.feature, "LAYER:FEATURE");
    if (!feature.ok()) return feature.status();
    request->weighting = client::FeatureOfLayer{feature->first, feature->second};
  } else if (!flags.graph.empty()) {
    request->weighting = client::GraphWeights{ResourceName("graphs", flags.graph), flags.nodes};
  } else if (flags.no_maps && !flags.sheet) {
    return UsageError("--no-maps leaves nothing without --sheet, --feature or --graph");
  }
  return absl::OkStatus();
}

// Where the pictures of an image lie below the output folder: beside metadata.json if it is the
// only one.
std::string FolderOf(const client::Rollout& rollout, int32_t image) {
  if (rollout.images.size() == 1) return "";
  const client::RolloutImage& of = rollout.images[static_cast<size_t>(image)];
  return of.crop < 0 ? absl::StrCat(of.image) : absl::StrCat(of.image, ".crop", of.crop);
}

std::string FileOf(const client::Rollout& rollout, const client::HeatmapPicture& picture) {
  const std::string name =
      picture.token >= 0 ? absl::StrCat(picture.token, ".png") : picture.subject + ".png";
  return (fs::path(FolderOf(rollout, picture.image)) / name).string();
}

Json ImageJson(const client::Rollout& rollout, size_t i) {
  const client::RolloutImage& image = rollout.images[i];
  Json layers = Json::array();
  for (const client::VisionLayerHeads& layer : image.layers) {
    layers.push_back(
        {{"layer", layer.layer}, {"kept_heads", layer.kept_heads}, {"entropies", layer.entropies}});
  }
  Json json = {{"image", image.image},
               {"crop", image.crop},
               {"begin", image.begin},
               {"width", image.width},
               {"height", image.height},
               {"box", image.box},
               {"folder", FolderOf(rollout, static_cast<int32_t>(i))},
               {"indices", image.tokens},
               {"layers", layers}};
  if (image.weight > 0) json["weight"] = image.weight;
  return json;
}

// The released metadata.json's keys first, then what it lacks.
Json MetadataJson(const Flags& flags, const client::Rollout& rollout, const std::string& model) {
  Json images = Json::array();
  for (size_t i = 0; i < rollout.images.size(); ++i) images.push_back(ImageJson(rollout, i));
  int64_t n_maps = 0;
  for (const client::RolloutImage& image : rollout.images) n_maps += std::ssize(image.tokens);
  const auto& first = rollout.images.front();
  const int32_t block = rollout.patches_per_side / rollout.tokens_per_side;
  Json json = {{"model_id", model},
               {"method", flags.rollout.method},
               {"render", "overlay"},
               {"num_maps", n_maps},
               {"indices", first.tokens},
               {"image_format", "png"},
               {"vision_grid", {rollout.patches_per_side, rollout.patches_per_side}},
               {"pooled_grid", {rollout.tokens_per_side, rollout.tokens_per_side}},
               {"block", block},
               {"pool_reduce", flags.rollout.pool},
               {"clip_top_pct", flags.rollout.clip_top},
               {"colors", flags.rollout.colors},
               {"opacity", flags.rollout.opacity}};
  const client::RolloutSettings& used = rollout.settings;
  if (used.last_layers.has_value()) json["last_k_layers"] = *used.last_layers;
  if (used.head_fraction.has_value()) json["head_keep_frac"] = *used.head_fraction;
  if (used.method == client::RolloutMethod::kAttention) {
    json["layer"] = used.layer;
    json["head"] = used.head;
  }
  if (!flags.feature.empty()) json["feature"] = flags.feature;
  if (!flags.graph.empty()) json["graph"] = flags.graph;
  if (!flags.nodes.empty()) json["nodes"] = flags.nodes;
  json["images"] = std::move(images);
  return json;
}

absl::Status WriteFile(const fs::path& path, const std::string& bytes) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);  // an error shows when the file is made
  const absl::StatusOr<OutputFile> file = OutputFile::Check(path.string());
  if (!file.ok()) return file.status();
  return file->Write(bytes);
}

absl::Status WritePictures(const Flags& flags, const client::Rollout& rollout,
                           const std::string& metadata) {
  for (const client::HeatmapPicture& picture : rollout.pictures) {
    absl::Status status =
        WriteFile(fs::path(flags.output_dir) / FileOf(rollout, picture), picture.png);
    if (!status.ok()) return status;
  }
  return WriteFile(fs::path(flags.output_dir) / "metadata.json", metadata + "\n");
}

void Print(const Flags& flags, const client::Rollout& rollout, std::ostream* out) {
  std::vector<std::vector<std::string>> rows = {
      {"image", "tokens", "maps", "kept heads by layer", "weight"}};
  const int32_t n_tokens = rollout.tokens_per_side * rollout.tokens_per_side;
  for (const client::RolloutImage& image : rollout.images) {
    std::vector<std::string> heads;
    for (const client::VisionLayerHeads& layer : image.layers) {
      heads.push_back(absl::StrCat(layer.layer, ": ", absl::StrJoin(layer.kept_heads, " ")));
    }
    rows.push_back({image.crop < 0 ? absl::StrCat(image.image)
                                   : absl::StrCat(image.image, " crop ", image.crop),
                    absl::StrCat(image.begin, "-", image.begin + n_tokens - 1),
                    absl::StrCat(image.tokens.size()),
                    heads.empty() ? "-" : absl::StrJoin(heads, "; "),
                    image.weight > 0 ? absl::StrFormat("%.4g", image.weight) : "-"});
  }
  WriteTable(rows, out);
  *out << "\n" << SecondsText(rollout.seconds) << ": " << PhasesText(rollout.phases) << "\n";
  if (!flags.output_dir.empty()) {
    *out << rollout.pictures.size() << " pictures and metadata.json in " << flags.output_dir
         << "\n";
  }
  if (!flags.raw.empty()) *out << "numbers in " << flags.raw << "\n";
}

absl::Status RunOne(const Flags& flags, Session& session) {
  absl::StatusOr<client::Prompt> prompt = PromptOf(flags.prompt);
  if (!prompt.ok()) return prompt.status();
  const absl::StatusOr<std::optional<OutputFile>> raw = CheckOutput("--raw", flags.raw);
  if (!raw.ok()) return raw.status();
  const absl::StatusOr<client::RolloutSettings> settings = SettingsOf(flags.rollout);
  if (!settings.ok()) return settings.status();
  client::ComputeRolloutRequest request{.prompt = *std::move(prompt),
                                        .settings = *settings,
                                        .positions = flags.positions,
                                        .return_matrix = raw->has_value(),
                                        .pictures = PicturesOf(flags.rollout)};
  if (absl::Status status = SetWeighting(flags, &request); !status.ok()) return status;
  // A sheet shows all maps; a mean needs none of them.
  request.omit_maps = flags.no_maps && !flags.sheet;
  if (!flags.output_dir.empty()) {
    request.pictures.maps = !flags.no_maps || request.omit_maps;
    request.pictures.sheet = flags.sheet;
  }

  absl::StatusOr<client::Rollout> rollout;
  {
    ProgressBar bar(session.console.err, session.console.err_is_terminal);
    rollout = session.client->ComputeRollout(request, session.CallOptions(&bar));
  }
  if (!rollout.ok()) return rollout.status();
  const absl::StatusOr<client::ServerInfo> info =
      session.client->GetServerInfo(session.CallOptions());
  if (!info.ok()) return info.status();
  Json metadata = MetadataJson(flags, *rollout, info->model.name);
  if (!flags.output_dir.empty()) {
    absl::Status status = WritePictures(flags, *rollout, metadata.dump(2));
    if (!status.ok()) return status;
  }
  if (raw->has_value()) {
    absl::Status status = (*raw)->Write(ToSafetensors(rollout->tensors));
    if (!status.ok()) return status;
  }
  if (flags.json) {
    metadata["seconds"] = rollout->seconds;
    metadata["phases"] = PhasesJson(rollout->phases);
    *session.console.out << JsonText(metadata) << "\n";
  } else {
    Print(flags, *rollout, session.console.out);
  }
  return absl::OkStatus();
}

absl::Status RunRollout(const Flags& flags, Session& session) {
  if (flags.images.empty()) {
    if (flags.output_dir.empty() && flags.raw.empty() && !flags.json) {
      return UsageError("say where to: --output-dir DIR for pictures, --raw FILE for numbers");
    }
    return RunOne(flags, session);
  }
  const bool has_prompt = flags.prompt.prompt_option->count() > 0 ||
                          flags.prompt.tokens_option->count() > 0 || !flags.prompt.images.empty();
  if (has_prompt || !flags.positions.empty() || !flags.raw.empty() || !flags.feature.empty() ||
      !flags.graph.empty() || flags.sheet || flags.no_maps) {
    return UsageError(
        "--images DIR takes pictures by themselves: no prompt, --positions, --raw, "
        "--feature, --graph, --sheet or --no-maps");
  }
  if (flags.output_dir.empty()) return UsageError("--images needs --output-dir DIR");
  return RollOutFolder({.images = flags.images,
                        .output_dir = flags.output_dir,
                        .flags = flags.rollout,
                        .pan_and_scan = flags.prompt.pan_and_scan,
                        .json = flags.json},
                       session);
}

}  // namespace

Command AddRolloutCommand(CLI::App* cajal) {
  auto flags = std::make_shared<Flags>();
  CLI::App* app = cajal->add_subcommand(
      "rollout", "Show where the image tokens of a prompt look: heatmaps over its pictures");
  AddPromptFlags(app, &flags->prompt);
  AddRolloutFlags(app, &flags->rollout);
  app->add_option("--positions", flags->positions,
                  "Positions of image tokens whose maps are wanted, POS,POS,…; negative counts "
                  "from the end. Default: all image tokens")
      ->type_name("POS")
      ->delimiter(',');
  app->add_option("--feature", flags->feature,
                  "Also the mean of all maps, weighted by the activations of this feature")
      ->type_name("LAYER:FEATURE");
  app->add_option("--graph", flags->graph,
                  "Also the mean of all maps, weighted by what this stored graph's answer looks "
                  "at; it is of the same prompt")
      ->type_name("ID");
  app->add_option("--nodes", flags->nodes,
                  "With --graph: what these nodes, supernodes or sets look at instead, as `cajal "
                  "paths` takes them")
      ->type_name("NODE")
      ->delimiter(',');
  app->add_flag("--sheet", flags->sheet, "Also sheet.png, all maps of an image with numbers");
  app->add_flag("--no-maps", flags->no_maps, "No picture for each token");
  app->add_option("--images", flags->images,
                  "Instead of a prompt: a folder of pictures. Writes OUTPUT_DIR/NAME.safetensors "
                  "with float16 `pooled` [tokens, patches] for each; goes on where it stopped")
      ->type_name("DIR");
  app->add_option("--output-dir", flags->output_dir,
                  "Folder for TOKEN.png, mean.png and metadata.json; with several pictures in "
                  "folders below")
      ->type_name("DIR");
  app->add_option("--raw", flags->raw,
                  "Safetensors file; per image i `i.rollout` [patches, patches], `i.pooled` "
                  "[tokens, patches], `i.mean` [patches]")
      ->type_name("FILE");
  AddJsonFlag(app, &flags->json);
  return {app, [flags](Session& session) { return RunRollout(*flags, session); }};
}

}  // namespace cajal::cli
