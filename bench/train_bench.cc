// Seconds per training step of one layer's transcoder, by phase, and what share of the machine's
// matrix-product rate the step reaches.
//
//   train_bench [--d 2560] [--n-features 16384] [--k 48] [--batch 4096] [--skip] [--steps 5]
//
// The arithmetic that a step cannot do without: the encoder's dense product, 2 * batch * d *
// n_features FLOP; for each active feature of a token four passes over a row of width d
// (reconstruction, gradient of the activation, of its decoder row and of its encoder row), 2 * d
// FLOP each; with a skip connection two dense products of 2 * batch * d * d. The share is this
// arithmetic over the time of a step, as a share of the rate of one float32 at::mm of the encoder's
// shape in the same program, on the same threads. Autograd would need three products of that shape.
//
// x is normally distributed, y a fixed nonlinear function of it. The first steps, which touch
// memory for the first time, do not count.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/gemma3/device.h"
#include "model/training/layer_trainer.h"

namespace cajal::training {
namespace {

struct Options {
  int64_t d = 2560;
  int64_t n_features = 16384;
  int64_t k = 48;
  int64_t batch = 4096;
  bool skip = false;
  int steps = 5;
  int threads = 0;
  std::string device = "cpu";
};

constexpr int kUncountedSteps = 2;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double NecessaryFlop(const Options& options) {
  const double tokens = static_cast<double>(options.batch);
  const double d = static_cast<double>(options.d);
  const double encoder = 2 * tokens * d * static_cast<double>(options.n_features);
  const double sparse = 4 * 2 * tokens * static_cast<double>(options.k) * d;
  const double skip = options.skip ? 2 * 2 * tokens * d * d : 0;
  return encoder + sparse + skip;
}

// The best of three products of the encoder's shape, FLOP/s.
double MatrixProductRate(const Options& options, const at::TensorOptions& tensor_options) {
  const at::Tensor x = at::randn({options.batch, options.d}, tensor_options);
  const at::Tensor W = at::randn({options.n_features, options.d}, tensor_options);
  at::Tensor out = at::empty({options.batch, options.n_features}, tensor_options);
  double best = 1e30;
  for (int i = 0; i < 4; ++i) {
    const double start = Now();
    at::mm_out(out, x, W.t());
    out[0][0].item<float>();  // waits for a GPU
    if (i > 0) best = std::min(best, Now() - start);
  }
  return 2.0 * static_cast<double>(options.batch * options.d * options.n_features) / best;
}

absl::Status Run(const Options& options) {
  ASSIGN_OR_RETURN(const at::Device device, gemma3::OpenDevice(options.device, options.threads));
  const auto tensor_options = at::TensorOptions().dtype(at::kFloat).device(device);
  const double rate = MatrixProductRate(options, tensor_options);
  std::printf("at::mm of the encoder's shape: %.1f GFLOP/s on %s, %d threads\n", rate / 1e9,
              gemma3::DeviceName(device).c_str(), at::get_num_threads());

  TrainingSettings settings;
  settings.n_features = options.n_features;
  settings.k = options.k;
  settings.skip_connection = options.skip;
  settings.batch_tokens = options.batch;
  ASSIGN_OR_RETURN(auto trainer, LayerTrainer::Create(settings, options.d, options.d, 0,
                                                      std::make_shared<TrainingWorkspace>(device)));
  std::vector<double> seconds;
  for (int step = 0; step < kUncountedSteps + options.steps; ++step) {
    const at::Tensor x = at::randn({options.batch, options.d}, tensor_options);
    const at::Tensor y = x.tanh() + x.roll(1, 1) * x;
    const double start = Now();
    ASSIGN_OR_RETURN(const StepReport report, trainer->Step(x, y));
    if (step < kUncountedSteps) continue;
    seconds.push_back(Now() - start);
    const StepPhases& p = report.phases;
    std::printf(
        "step %.3f s: product %.3f, top-k %.3f, decode %.3f, backward %.3f, optimiser %.3f "
        "(FVU %.3f, L0 %.1f)\n",
        seconds.back(), p.product, p.top_k, p.decode, p.backward, p.optimiser, report.fvu,
        report.l0);
  }
  std::nth_element(seconds.begin(), seconds.begin() + options.steps / 2, seconds.end());
  const double median = seconds[static_cast<size_t>(options.steps / 2)];
  std::printf("median %.3f s for %.1f GFLOP: %.1f GFLOP/s, %.0f %% of the product's rate\n", median,
              NecessaryFlop(options) / 1e9, NecessaryFlop(options) / median / 1e9,
              100 * NecessaryFlop(options) / median / rate);
  return absl::OkStatus();
}

}  // namespace
}  // namespace cajal::training

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // steps are seconds apart
  cajal::training::Options options;
  CLI::App app("Seconds per training step of one layer's transcoder, on random data");
  app.add_option("--d", options.d, "width of input and output");
  app.add_option("--n-features", options.n_features);
  app.add_option("--k", options.k, "active features per token");
  app.add_option("--batch", options.batch, "tokens per step");
  app.add_flag("--skip", options.skip, "with a skip connection");
  app.add_option("--steps", options.steps, "steps that count; their median is reported");
  app.add_option("--threads", options.threads, "0 = all cores");
  app.add_option("--device", options.device, "cpu or cuda");
  app.option_defaults()->always_capture_default();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = cajal::training::Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "train_bench: %s\n", std::string(status.message()).c_str());
  return 1;
}
