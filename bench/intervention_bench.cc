// What edits cost, beside forward passes of the same prompt; the engine alone.
//
//   intervention_bench [--image FILE] [--prompt TEXT] [--sets 32] [--rounds 20] [--freeze …]
//                      [--active]
//
// The edited features are spread over all that there are, so most of them are off before; --active
// takes those that are on at the last position.
//
// Prints medians: a forward pass; Intervene with one set, which edits the lowest layer, and what
// that is beyond its clean run in forward passes; as many sets in one call, and one call after the
// other. The four take turns, so that all meet the same machine.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/checkpoint/file_io.h"
#include "model/engine.h"

namespace cajal {
namespace {

struct Options {
  EngineOptions engine{.model_dir = "models/demo", .transcoder_dir = "models/demo/transcoders"};
  std::string prompt = "This planet is";
  std::string image;
  std::string freeze = "none";
  int sets = 32;
  int edits = 4;  // of each set
  bool active = false;
  int rounds = 20;
};

absl::StatusOr<double> Milliseconds(const std::function<absl::Status()>& call) {
  const auto start = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(call());
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

// The median of each call's milliseconds over `rounds`, after a round that is not counted.
absl::StatusOr<std::vector<double>> MediansMs(
    int rounds, const std::vector<std::function<absl::Status()>>& calls) {
  std::vector<std::vector<double>> ms(calls.size());
  for (int round = -1; round < rounds; ++round) {
    for (size_t i = 0; i < calls.size(); ++i) {
      ASSIGN_OR_RETURN(const double elapsed, Milliseconds(calls[i]));
      if (round >= 0) ms[i].push_back(elapsed);
    }
  }
  std::vector<double> medians;
  medians.reserve(ms.size());
  for (std::vector<double>& of_call : ms) {
    std::nth_element(of_call.begin(), of_call.begin() + rounds / 2, of_call.end());
    medians.push_back(of_call[static_cast<size_t>(rounds / 2)]);
  }
  return medians;
}

intervention::FreezeKind FreezeOf(const std::string& name) {
  if (name == "attention") return intervention::FreezeKind::kAttention;
  return name == "all" ? intervention::FreezeKind::kAll : intervention::FreezeKind::kNone;
}

using FeaturesOfLayers = std::vector<std::vector<int32_t>>;

FeaturesOfLayers AllFeatures(const EngineInfo& info) {
  FeaturesOfLayers features;
  features.reserve(info.features_per_layer.size());
  for (const int32_t n : info.features_per_layer) {
    std::vector<int32_t>& of_layer = features.emplace_back(n);
    std::iota(of_layer.begin(), of_layer.end(), 0);
  }
  return features;
}

// Those that are on at the last position. Each layer must have some.
absl::StatusOr<FeaturesOfLayers> ActiveFeatures(Engine* engine, const PreparedPrompt& prompt,
                                                RunContext* context) {
  // What is reported are features that change: a nudge of the embedding changes all that are on.
  InterventionRequest request;
  request.edit_sets.emplace_back().hooks = {
      {.hook = "blocks.0.hook_resid_pre",
       .positions = intervention::At(-1),
       .add = true,
       .vector = std::vector<float>(static_cast<size_t>(engine->info().d_model), 0.01F)}};
  request.report.all_changed = true;
  request.report.limit = 0;
  ASSIGN_OR_RETURN(const InterventionResult result, engine->Intervene(prompt, request, context));
  FeaturesOfLayers features(static_cast<size_t>(engine->info().n_layers));
  for (const intervention::ActivationChange& change : result.sets[0].changed) {
    if (change.position != prompt.tokenized.n_positions() - 1 || change.clean <= 0) continue;
    features[static_cast<size_t>(change.layer)].push_back(change.feature);
  }
  for (const std::vector<int32_t>& of_layer : features) {
    if (of_layer.empty()) return absl::NotFoundError("a layer has no active feature");
  }
  return features;
}

// Sets that differ in their features, spread over the layers; at the last position.
InterventionRequest RequestOf(const Options& options, const FeaturesOfLayers& features) {
  InterventionRequest request;
  request.run.freeze.kind = FreezeOf(options.freeze);
  for (int set = 0; set < options.sets; ++set) {
    intervention::EditSet& edits = request.edit_sets.emplace_back();
    for (int i = 0; i < options.edits; ++i) {
      const auto n_layers = static_cast<int32_t>(features.size());
      const int32_t layer = (set + i * n_layers / options.edits) % n_layers;
      const std::vector<int32_t>& of_layer = features[static_cast<size_t>(layer)];
      edits.features.push_back(
          {.layer = layer,
           .feature = of_layer[static_cast<size_t>(set * 37 + i) % of_layer.size()],
           .positions = intervention::At(-1),
           .operation = {intervention::OperationKind::kSet, 4}});
    }
  }
  return request;
}

absl::Status Run(const Options& options) {
  RunContext context;
  ASSIGN_OR_RETURN(const auto engine, LoadEngine(options.engine, &context));
  tokenizer::Prompt text{.parts = {{.text = options.prompt}}};
  if (!options.image.empty()) {
    ASSIGN_OR_RETURN(std::string bytes, checkpoint::ReadFile(options.image, 64 << 20));
    text.parts.insert(text.parts.begin(), {.text = "", .image = {{std::move(bytes)}}});
  }
  ASSIGN_OR_RETURN(const PreparedPrompt prompt, engine->Prepare(text));
  FeaturesOfLayers features = AllFeatures(engine->info());
  if (options.active) {
    ASSIGN_OR_RETURN(features, ActiveFeatures(engine.get(), prompt, &context));
  }
  const InterventionRequest all = RequestOf(options, features);
  std::vector<InterventionRequest> alone(all.edit_sets.size(), all);
  for (size_t i = 0; i < alone.size(); ++i) alone[i].edit_sets = {all.edit_sets[i]};

  const auto intervene = [&](const InterventionRequest& request) {
    return engine->Intervene(prompt, request, &context).status();
  };
  ASSIGN_OR_RETURN(const std::vector<double> medians,
                   MediansMs(options.rounds,
                             {[&] { return engine->Forward(prompt, {}, &context).status(); },
                              [&] { return intervene(alone[0]); }, [&] { return intervene(all); },
                              [&]() -> absl::Status {
                                for (const InterventionRequest& request : alone) {
                                  RETURN_IF_ERROR(intervene(request));
                                }
                                return absl::OkStatus();
                              }}));
  const double forward = medians[0];
  const double one = medians[1];
  const double batch = medians[2];
  const double one_by_one = medians[3];
  std::printf("%d positions, freeze %s, %d edits a set\n", prompt.tokenized.n_positions(),
              options.freeze.c_str(), options.edits);
  std::printf("forward pass             %9.3f ms\n", forward);
  std::printf("one set                  %9.3f ms: the clean run, and %.2f forward passes\n", one,
              (one - forward) / forward);
  std::printf("%3d sets in one call     %9.3f ms: %.2f forward passes a set\n", options.sets, batch,
              (batch - forward) / forward / options.sets);
  std::printf("%3d sets one after other %9.3f ms: %.2f forward passes a set, %.1f times as long\n",
              options.sets, one_by_one, one_by_one / options.sets / forward - 1,
              one_by_one / batch);
  return absl::OkStatus();
}

}  // namespace
}  // namespace cajal

int main(int argc, char** argv) {
  cajal::Options options;
  CLI::App app("What edits cost, beside forward passes", "intervention_bench");
  app.add_option("--model", options.engine.model_dir, "Checkpoint folder")->capture_default_str();
  app.add_option("--transcoders", options.engine.transcoder_dir, "Transcoder folder")
      ->capture_default_str();
  app.add_option("--threads", options.engine.threads, "Threads; 0 = all cores")
      ->capture_default_str();
  app.add_option("--prompt", options.prompt, "The text")->capture_default_str();
  app.add_option("--image", options.image, "A picture before it");
  app.add_option("--freeze", options.freeze, "none, attention or all")
      ->check(CLI::IsMember({"none", "attention", "all"}))
      ->capture_default_str();
  app.add_option("--sets", options.sets, "Edit sets")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--edits", options.edits, "Edits of each set")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--active", options.active, "Edit features that are on at the last position");
  app.add_option("--rounds", options.rounds, "Calls that a median is of")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = cajal::Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "intervention_bench: %s\n", std::string(status.message()).c_str());
  return 1;
}
