// Seconds per attribution graph, by phase.
//
//   graph_bench --model DIR --transcoders DIR --tokens prompt.json [--rows N] [--runs 3]
//   graph_bench --shape gemma-3-4b --positions 290 --features 163840 --top-k 48 --rows 7500
//   graph_bench … --device cuda --residency stream --budget 12GiB
//
// On a checkpoint with its transcoders, or on random weights of a published shape. Measures the
// engine alone: no server, no tokenizer, no pictures; loading is timed apart. Beside each run
// stands what the device's own matrix product reaches, so that numbers of different machines can be
// compared, and what share of it the sweep reached with the arithmetic that its rows need.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/random_gemma.h"
#include "bench/sweep_work.h"
#include "model/attribution/attribute.h"
#include "model/base/memory_budget.h"
#include "model/checkpoint/checkpoint.h"
#include "model/gemma3/device.h"
#include "model/graph/pruning.h"
#include "model/transcoder/load_transcoder_set.h"

namespace cajal {
namespace {

struct Options {
  std::string shape;
  int64_t n_positions = 290;
  int64_t n_image_tokens = 0;
  int64_t n_features = 16384;
  int64_t k = 48;
  std::string dtype = "float32";
  std::string model_dir;
  std::string transcoder_dir;
  std::string tokens_file;
  std::string device = "cpu";
  std::string residency = "device";
  bool allow_tf32 = false;
  graph::GraphSettings settings;
  uint64_t budget_bytes = 0;
  int threads = 0;
  int runs = 3;
};

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The best of five products of square matrices, operations per second.
double MatrixProductRate(const gemma3::Placement& placement) {
  const int64_t n = placement.device.is_cpu() ? 1024 : 8192;
  const auto options = at::TensorOptions().device(placement.device).dtype(placement.dtype);
  const at::Tensor a = at::randn({n, n}, options);
  const at::Tensor b = at::randn({n, n}, options);
  at::Tensor c = at::empty({n, n}, options);
  double best = 1e30;
  for (int i = 0; i < 6; ++i) {
    gemma3::Synchronize(placement.device);
    const double start = Now();
    for (int j = 0; j < 5; ++j) at::mm_out(c, a, b);
    gemma3::Synchronize(placement.device);
    best = std::min(best, (Now() - start) / 5);
  }
  return 2.0 * static_cast<double>(n * n * n) / best;
}

// The most of the host's memory that the process ever held, bytes.
int64_t PeakHostBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    int64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

double Gigabytes(int64_t bytes) { return static_cast<double>(bytes) / 1e9; }

std::vector<int64_t> ReadTokens(const std::string& path) {
  std::ifstream stream(path);
  const nlohmann::json document = nlohmann::json::parse(stream);
  return (document.is_object() ? document.at("input_ids") : document).get<std::vector<int64_t>>();
}

transcoder::Residency ResidencyOf(const Options& options) {
  using transcoder::Residency;
  if (options.residency == "encoders") return Residency::kEncoders;
  return options.residency == "stream" ? Residency::kStream : Residency::kDevice;
}

struct Subject {
  gemma3::Model model;
  std::unique_ptr<transcoder::TranscoderSet> transcoders;
  gemma3::ModelInput input;
};

absl::StatusOr<Subject> RandomSubject(const Options& options, const gemma3::Placement& placement) {
  Subject subject;
  ASSIGN_OR_RETURN(subject.model, bench::MakeRandomGemma(options.shape, placement));
  subject.transcoders = bench::MakeRandomTranscoders(subject.model, options.n_features, options.k,
                                                     ResidencyOf(options));
  for (int64_t i = 0; i < options.n_positions; ++i) {
    subject.input.token_ids.push_back(i * 7919 % subject.model.config.text.vocab_size);
  }
  if (options.n_image_tokens > 0) {
    if (options.n_image_tokens + 8 > options.n_positions) {
      return absl::InvalidArgumentError("--image-tokens must leave 8 of --positions");
    }
    subject.input.image_runs = {{4, 4 + options.n_image_tokens}};
  }
  return subject;
}

absl::StatusOr<Subject> LoadedSubject(const Options& options, const gemma3::Placement& placement) {
  if (options.model_dir.empty() || options.transcoder_dir.empty() || options.tokens_file.empty()) {
    return absl::InvalidArgumentError(
        "--shape, or --model, --transcoders and --tokens must be given");
  }
  RunContext loading;
  Subject subject;
  ASSIGN_OR_RETURN(const auto checkpoint, checkpoint::Checkpoint::Open(options.model_dir));
  ASSIGN_OR_RETURN(subject.model, gemma3::LoadModel(checkpoint, placement, &loading));
  ASSIGN_OR_RETURN(subject.transcoders,
                   transcoder::LoadTranscoderSet(options.transcoder_dir, subject.model, &loading,
                                                 ResidencyOf(options)));
  subject.input.token_ids = ReadTokens(options.tokens_file);
  return subject;
}

void PrintRun(const Subject& subject, const graph::AttributionGraph& graph,
              const RunContext& context, double product_rate) {
  double sweep_seconds = 0;
  for (const RunContext::PhaseSeconds& phase : context.phase_seconds()) {
    std::printf("  %-18s %8.3f s\n", phase.phase.c_str(), phase.seconds);
    const bool is_sweep = phase.phase == "logit_rows" || phase.phase == "feature_rows";
    if (is_sweep) sweep_seconds += phase.seconds;
  }
  const double operations = bench::SweepOperations(subject.model.config.text,
                                                   subject.model.LayoutOf(subject.input), graph);
  std::printf("  sweep: %.0f rows/s, %.3f TFLOP/s, %.0f %% of the product's rate\n",
              (graph.n_selected() + graph.n_logits()) / sweep_seconds,
              operations / sweep_seconds / 1e12, 100 * operations / sweep_seconds / product_rate);
}

// What of the budget is the graph's. On the CPU weights are mapped files.
//   free_bytes: what the device had left before it got the weights.
absl::StatusOr<int64_t> BytesForGraphs(const Options& options, const at::Device& device,
                                       int64_t free_bytes) {
  if (options.budget_bytes == 0) return std::numeric_limits<int64_t>::max();
  const auto budget_bytes = static_cast<int64_t>(options.budget_bytes);
  const int64_t weights = device.is_cpu() ? 0 : free_bytes - gemma3::FreeMemoryBytes(device);
  if (weights >= budget_bytes) {
    return absl::InvalidArgumentError("--budget must be more than the weights' " +
                                      std::to_string(weights) + " bytes");
  }
  return budget_bytes - weights;
}

absl::Status Run(const Options& options) {
  ASSIGN_OR_RETURN(const at::Device device,
                   gemma3::OpenDevice(options.device, options.threads, options.allow_tf32));
  const int64_t free_bytes = gemma3::FreeMemoryBytes(device);
  const c10::InferenceMode no_autograd;
  const gemma3::Placement placement{device,
                                    options.dtype == "bfloat16" ? at::kBFloat16 : at::kFloat};
  double start = Now();
  ASSIGN_OR_RETURN(const Subject subject, options.shape.empty()
                                              ? LoadedSubject(options, placement)
                                              : RandomSubject(options, placement));
  const attribution::FoldedModel folded = attribution::FoldModel(
      subject.model, *subject.transcoders, attribution::GradientTypeFor(placement));
  gemma3::Synchronize(device);
  std::printf("load                 %8.3f s\n", Now() - start);
  ASSIGN_OR_RETURN(const int64_t bytes_for_graphs, BytesForGraphs(options, device, free_bytes));
  std::printf("device               %8s\n", gemma3::DeviceName(device).c_str());
  std::printf("threads              %8d\n", at::get_num_threads());
  const double product_rate = MatrixProductRate(placement);
  std::printf("matrix product rate  %8.1f GFLOP/s in %s\n", product_rate / 1e9,
              options.dtype.c_str());

  attribution::SweepWorkers workers;
  attribution::AttributeOptions attribute;
  attribute.settings = options.settings;
  const attribution::GraphMemory first =
      attribution::EstimateGraphBytes(
          attribution::DimensionsOf(subject.model, folded, *subject.transcoders, workers,
                                    std::ssize(subject.input.token_ids),
                                    std::ssize(subject.input.image_runs), bytes_for_graphs),
          options.settings)
          .Within(bytes_for_graphs);
  std::printf("estimated at first   %8.2f GB of the device, %.2f GB of the host\n",
              Gigabytes(first.device), Gigabytes(first.host));
  MemoryBudget budget(bytes_for_graphs);
  for (int run = 0; run < options.runs; ++run) {
    ASSIGN_OR_RETURN(Reservation memory, budget.Reserve(first.device, "the graph"));
    RunContext context;
    context.set_memory(&memory);
    start = Now();
    ASSIGN_OR_RETURN(const graph::AttributionGraph graph,
                     attribution::Attribute(subject.model, folded, *subject.transcoders,
                                            subject.input, attribute, &workers, &context));
    context.BeginPhase("prune", 1);
    ASSIGN_OR_RETURN(const graph::PruningResult pruning, graph::PruneGraph(graph, {}));
    const double total = Now() - start;
    std::printf(
        "run %d: %.3f s; %zu active features, %d rows, %d nodes, %lld edges, %d nodes after "
        "pruning, additivity %.1e\n",
        run + 1, total, graph.active_features.size(), graph.n_selected() + graph.n_logits(),
        graph.n_nodes(), static_cast<long long>(graph.edges.n_edges()), pruning.n_kept_nodes,
        graph.additivity.max_relative_error);
    PrintRun(subject, graph, context, product_rate);
    std::printf("  reserved at last   %8.2f GB\n", Gigabytes(memory.bytes()));
  }
  std::printf("peak of the host's memory %.2f GB\n", Gigabytes(PeakHostBytes()));
  if (!device.is_cpu()) {
    std::printf("peak of the device's memory %.2f GB\n",
                Gigabytes(gemma3::PeakDeviceBytes(device)));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace cajal

int main(int argc, char** argv) {
  cajal::Options options;
  options.settings.max_feature_nodes = 0;
  CLI::App app("Times attribution graphs on a checkpoint, or on random weights of a shape.");
  app.add_option("--model", options.model_dir, "checkpoint folder");
  app.add_option("--transcoders", options.transcoder_dir, "transcoder folder");
  app.add_option("--tokens", options.tokens_file,
                 "JSON file: a list of token ids, or an object with input_ids");
  app.add_option("--shape", options.shape, "random weights of this shape instead of files")
      ->check(CLI::IsMember(cajal::bench::ShapeNames()));
  app.add_option("--positions", options.n_positions, "with --shape: length of the prompt")
      ->check(CLI::Range(1, 131072))
      ->capture_default_str();
  app.add_option("--image-tokens", options.n_image_tokens,
                 "with --shape: how many of the positions see each other as one picture")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--features", options.n_features, "with --shape: features of a layer")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--top-k", options.k, "with --shape: active features of a position and layer")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--dtype", options.dtype, "of the weights")
      ->check(CLI::IsMember({"float32", "bfloat16"}))
      ->capture_default_str();
  app.add_option("--device", options.device, "auto, cpu or cuda")->capture_default_str();
  app.add_option("--residency", options.residency,
                 "where the transcoders' matrices live: device (all on it), encoders (decoder rows "
                 "are fetched), stream (encoders pass through it, too)")
      ->check(CLI::IsMember({"device", "encoders", "stream"}))
      ->capture_default_str();
  app.add_option("--budget", options.budget_bytes,
                 "bytes that weights and graph may take of a GPU's memory together, or the graph "
                 "alone of the CPU's, as in 12GiB; 0 = no limit")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->capture_default_str();
  app.add_flag("--allow-tf32", options.allow_tf32,
               "let a GPU round the factors of float32 products to 10 bits");
  app.add_option("--rows,--max-feature-nodes", options.settings.max_feature_nodes,
                 "features that become nodes; 0 = all")
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
