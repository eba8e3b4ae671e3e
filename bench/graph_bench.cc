// Seconds per attribution graph, by phase, on a checkpoint and a transcoder set.
//
//   graph_bench --model DIR --transcoders DIR --tokens prompt.json [--max-feature-nodes N] [--runs
//   3]
//
// Measures the engine alone: no server, no tokenizer, no pictures; loading is timed apart. Beside
// each run stands what the machine's own float32 matrix product reaches, so that numbers of
// different machines can be compared.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/attribution/attribute.h"
#include "model/checkpoint/checkpoint.h"
#include "model/gemma3/device.h"
#include "model/graph/pruning.h"
#include "model/transcoder/load_transcoder_set.h"

namespace cajal {
namespace {

struct Options {
  std::string model_dir;
  std::string transcoder_dir;
  std::string tokens_file;
  std::string device = "cpu";
  graph::GraphSettings settings;
  int threads = 0;
  int runs = 3;
};

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The best of five float32 products of 1024 x 1024 matrices, GFLOP/s.
double MatrixProductRate() {
  const at::Tensor a = at::randn({1024, 1024});
  const at::Tensor b = at::randn({1024, 1024});
  at::Tensor c = at::empty({1024, 1024});
  double best = 1e30;
  for (int i = 0; i < 6; ++i) {
    const double start = Now();
    for (int j = 0; j < 5; ++j) at::mm_out(c, a, b);
    best = std::min(best, (Now() - start) / 5);
  }
  return 2.0 * 1024 * 1024 * 1024 / best / 1e9;
}

std::vector<int64_t> ReadTokens(const std::string& path) {
  std::ifstream stream(path);
  const nlohmann::json document = nlohmann::json::parse(stream);
  return (document.is_object() ? document.at("input_ids") : document).get<std::vector<int64_t>>();
}

absl::Status Run(const Options& options) {
  ASSIGN_OR_RETURN(const at::Device device, gemma3::OpenDevice(options.device, options.threads));
  RunContext loading;
  double start = Now();
  ASSIGN_OR_RETURN(const auto checkpoint, checkpoint::Checkpoint::Open(options.model_dir));
  ASSIGN_OR_RETURN(const gemma3::Model model,
                   gemma3::LoadModel(checkpoint, {device, at::kFloat}, &loading));
  ASSIGN_OR_RETURN(const auto transcoders,
                   transcoder::LoadTranscoderSet(options.transcoder_dir, model, &loading));
  const attribution::FoldedModel folded = attribution::FoldModel(model, *transcoders);
  std::printf("load                 %8.3f s\n", Now() - start);
  std::printf("threads              %8d\n", at::get_num_threads());
  std::printf("matrix product rate  %8.1f GFLOP/s\n", MatrixProductRate());

  gemma3::ModelInput input;
  input.token_ids = ReadTokens(options.tokens_file);
  attribution::SweepWorkers workers;
  attribution::AttributeOptions attribute;
  attribute.settings = options.settings;
  for (int run = 0; run < options.runs; ++run) {
    RunContext context;
    start = Now();
    ASSIGN_OR_RETURN(
        const graph::AttributionGraph graph,
        attribution::Attribute(model, folded, *transcoders, input, attribute, &workers, &context));
    context.BeginPhase("prune", 1);
    ASSIGN_OR_RETURN(const graph::PruningResult pruning, graph::PruneGraph(graph, {}));
    const double total = Now() - start;
    std::printf(
        "run %d: %.3f s; %zu active features, %d rows, %d nodes, %lld edges, %d nodes after "
        "pruning, additivity %.1e\n",
        run + 1, total, graph.active_features.size(), graph.n_selected() + graph.n_logits(),
        graph.n_nodes(), static_cast<long long>(graph.edges.n_edges()), pruning.n_kept_nodes,
        graph.additivity.max_relative_error);
    for (const RunContext::PhaseSeconds& phase : context.phase_seconds()) {
      std::printf("  %-18s %8.3f s\n", phase.phase.c_str(), phase.seconds);
    }
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace cajal

int main(int argc, char** argv) {
  cajal::Options options;
  options.settings.max_feature_nodes = 0;
  CLI::App app("Times attribution graphs on a checkpoint and a transcoder set.");
  app.add_option("--model", options.model_dir, "checkpoint folder")->required();
  app.add_option("--transcoders", options.transcoder_dir, "transcoder folder")->required();
  app.add_option("--tokens", options.tokens_file,
                 "JSON file: a list of token ids, or an object with input_ids")
      ->required();
  app.add_option("--device", options.device, "auto, cpu or cuda")->capture_default_str();
  app.add_option("--max-feature-nodes", options.settings.max_feature_nodes, "rows; 0 = all")
      ->capture_default_str();
  app.add_option("--batch-size", options.settings.batch_size, "rows per batch of the selection")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "CPU threads; 0 = all cores")->capture_default_str();
  app.add_option("--runs", options.runs, "how often to repeat")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = cajal::Run(options);
  if (!status.ok()) {
    std::fprintf(stderr, "graph_bench: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
