// From Ctrl-C in the client to an idle executor.
//
//   cancel_bench --model DIR --transcoders DIR --tokens prompt.json [--rounds 10]
//
// A real server runs in this process, `cajal graph` in another. In each round the command is
// interrupted at another moment of the computation, and the time until the engine has returned is
// taken. Beside it stands how long one batch of rows takes, which is what the time should not
// exceed.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "model/base/mutex.h"
#include "model/base/status.h"
#include "model/engine.h"
#include "server/server.h"

extern char** environ;

namespace cajal {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Tells when Attribute begins and ends; everything else is the real engine's.
class WatchedEngine : public Engine {
 public:
  explicit WatchedEngine(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}

  [[nodiscard]] const EngineInfo& info() const override { return engine_->info(); }
  absl::StatusOr<PreparedPrompt> Prepare(const tokenizer::Prompt& prompt) const override {
    return engine_->Prepare(prompt);
  }
  absl::Status Validate(const ForwardRequest& request) const override {
    return engine_->Validate(request);
  }
  absl::Status Validate(const AttributionRequest& request) const override {
    return engine_->Validate(request);
  }
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const ForwardRequest& request) const override {
    return engine_->EstimateBytes(prompt, request);
  }
  [[nodiscard]] GraphEstimate EstimateGraph(const PreparedPrompt& prompt,
                                            const AttributionRequest& request) const override {
    return engine_->EstimateGraph(prompt, request);
  }
  absl::StatusOr<ForwardResult> Forward(const PreparedPrompt& prompt, const ForwardRequest& request,
                                        RunContext* context) override {
    return engine_->Forward(prompt, request, context);
  }
  absl::StatusOr<graph::AttributionGraph> Attribute(const PreparedPrompt& prompt,
                                                    const AttributionRequest& request,
                                                    RunContext* context) override {
    SetRunning(true);
    auto graph = engine_->Attribute(prompt, request, context);
    SetRunning(false);
    return graph;
  }

  absl::Status Validate(const EvaluationRequest& request) const override {
    return engine_->Validate(request);
  }
  absl::Status Validate(const PreparedPrompt& prompt,
                        const AttributionRequest& request) const override {
    return engine_->Validate(prompt, request);
  }
  [[nodiscard]] int64_t EstimateBytes(const std::vector<PreparedPrompt>& prompts,
                                      const EvaluationRequest& request) const override {
    return engine_->EstimateBytes(prompts, request);
  }
  absl::Status Validate(const generation::GenerateRequest& request) const override {
    return engine_->Validate(request);
  }
  absl::Status Validate(const PreparedPrompt& prompt,
                        const generation::GenerateRequest& request) const override {
    return engine_->Validate(prompt, request);
  }
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const generation::GenerateRequest& request) const override {
    return engine_->EstimateBytes(prompt, request);
  }
  absl::StatusOr<generation::GenerateResult> Generate(const PreparedPrompt& prompt,
                                                      const generation::GenerateRequest& request,
                                                      const generation::OnTokens& on_tokens,
                                                      RunContext* context) override {
    return engine_->Generate(prompt, request, on_tokens, context);
  }
  absl::StatusOr<TranscoderEvaluation> EvaluateTranscoders(
      const std::vector<PreparedPrompt>& prompts, const EvaluationRequest& request,
      RunContext* context) override {
    return engine_->EvaluateTranscoders(prompts, request, context);
  }

  absl::Status Validate(const rollout::RolloutRequest& request) const override {
    return engine_->Validate(request);
  }
  absl::Status Validate(const PreparedPrompt& prompt,
                        const rollout::RolloutRequest& request) const override {
    return engine_->Validate(prompt, request);
  }
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const rollout::RolloutRequest& request) const override {
    return engine_->EstimateBytes(prompt, request);
  }
  absl::StatusOr<rollout::RolloutResult> ComputeRollout(const PreparedPrompt& prompt,
                                                        const rollout::RolloutRequest& request,
                                                        RunContext* context) override {
    return engine_->ComputeRollout(prompt, request, context);
  }

  absl::Status Validate(const InterventionRequest& request) const override {
    return engine_->Validate(request);
  }
  absl::Status Validate(const PreparedPrompt& prompt,
                        const InterventionRequest& request) const override {
    return engine_->Validate(prompt, request);
  }
  absl::Status Validate(const PatchPrompts& prompts, const PatchRequest& request) const override {
    return engine_->Validate(prompts, request);
  }
  absl::Status Validate(const PreparedPrompt& prompt, const CutRequest& request) const override {
    return engine_->Validate(prompt, request);
  }
  absl::Status Validate(const PreparedPrompt& prompt,
                        const AblationRequest& request) const override {
    return engine_->Validate(prompt, request);
  }
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const InterventionRequest& request) const override {
    return engine_->EstimateBytes(prompt, request);
  }
  [[nodiscard]] int64_t EstimateBytes(const PatchPrompts& prompts,
                                      const PatchRequest& request) const override {
    return engine_->EstimateBytes(prompts, request);
  }
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const CutRequest& request) const override {
    return engine_->EstimateBytes(prompt, request);
  }
  [[nodiscard]] int64_t EstimateBytes(const PreparedPrompt& prompt,
                                      const AblationRequest& request) const override {
    return engine_->EstimateBytes(prompt, request);
  }
  absl::StatusOr<InterventionResult> Intervene(const PreparedPrompt& prompt,
                                               const InterventionRequest& request,
                                               RunContext* context) override {
    return engine_->Intervene(prompt, request, context);
  }
  absl::StatusOr<PatchResult> PatchActivations(const PatchPrompts& prompts,
                                               const PatchRequest& request,
                                               RunContext* context) override {
    return engine_->PatchActivations(prompts, request, context);
  }
  absl::StatusOr<CutResult> CutEdges(const PreparedPrompt& prompt, const CutRequest& request,
                                     RunContext* context) override {
    return engine_->CutEdges(prompt, request, context);
  }
  absl::StatusOr<AblationResult> MeasureAblations(const PreparedPrompt& prompt,
                                                  const AblationRequest& request,
                                                  RunContext* context) override {
    return engine_->MeasureAblations(prompt, request, context);
  }

  void WaitUntilRunning(bool running) {
    MutexLock lock(&mutex_);
    while (running_ != running) changed_.Wait(&mutex_);
  }

 private:
  void SetRunning(bool running) {
    MutexLock lock(&mutex_);
    running_ = running;
    changed_.NotifyAll();
  }

  const std::unique_ptr<Engine> engine_;
  Mutex mutex_;
  CondVar changed_;
  bool running_ CAJAL_GUARDED_BY(mutex_) = false;
};

struct Options {
  EngineOptions engine{.device = DeviceChoice::kCpu};
  std::string tokens_file;
  int rounds = 10;
};

// Starts `cajal graph` on all features; the program lies beside this one.
pid_t StartClient(const std::string& address, const Options& options, const std::string& output) {
  const std::string program =
      (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "cajal").string();
  std::vector<std::string> arguments = {program,
                                        "--server",
                                        address,
                                        "graph",
                                        "--tokens",
                                        "@" + options.tokens_file,
                                        "--max-feature-nodes",
                                        "0",
                                        "--output",
                                        output};
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.c_str(), &quiet, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&quiet);
  return error == 0 ? pid : -1;
}

absl::Status Run(const Options& options) {
  const std::string folder =
      (std::filesystem::temp_directory_path() / ("cancel_bench-" + std::to_string(getpid())))
          .string();
  ASSIGN_OR_RETURN(auto graphs, server::OpenGraphArchive(folder));
  server::ServerOptions server_options;
  server_options.listen = "127.0.0.1:0";
  ASSIGN_OR_RETURN(auto sessions, session::SessionStore::Open({.data_dir = folder}));
  ASSIGN_OR_RETURN(auto server,
                   server::Server::Start(server_options, std::move(graphs), std::move(sessions)));
  RunContext loading;
  ASSIGN_OR_RETURN(auto engine, LoadEngine(options.engine, &loading));
  auto watched = std::make_unique<WatchedEngine>(std::move(engine));
  WatchedEngine* const watch = watched.get();
  server->Serve(std::move(watched));

  // Undisturbed runs: the first warms up, the second is timed.
  const std::string output = folder + "/graph.json";
  double undisturbed = 0;
  for (int i = 0; i < 2; ++i) {
    const pid_t pid = StartClient(server->address(), options, output);
    if (pid < 0) return absl::NotFoundError("cannot start cajal; it must lie beside this program");
    watch->WaitUntilRunning(true);
    const Clock::time_point start = Clock::now();
    watch->WaitUntilRunning(false);
    undisturbed = SecondsSince(start);
    int status = 0;
    waitpid(pid, &status, 0);
    if (status != 0) return absl::InternalError("an undisturbed run failed");
  }
  std::printf("undisturbed graph    %8.1f ms\n", undisturbed * 1e3);

  std::vector<double> latencies;
  for (int round = 0; round < options.rounds; ++round) {
    const pid_t pid = StartClient(server->address(), options, output);
    watch->WaitUntilRunning(true);
    // From a tenth to nine tenths of the computation.
    const double share = 0.1 + 0.8 * round / std::max(1, options.rounds - 1);
    std::this_thread::sleep_for(std::chrono::duration<double>(share * undisturbed));
    const Clock::time_point interrupted = Clock::now();
    kill(pid, SIGINT);
    watch->WaitUntilRunning(false);
    latencies.push_back(SecondsSince(interrupted));
    waitpid(pid, nullptr, 0);
  }
  std::sort(latencies.begin(), latencies.end());
  std::printf("Ctrl-C to idle       %8.1f ms median, %.1f ms at most, of %d rounds\n",
              latencies[latencies.size() / 2] * 1e3, latencies.back() * 1e3, options.rounds);
  server->Drain(std::chrono::seconds(1));
  std::filesystem::remove_all(folder);
  return absl::OkStatus();
}

}  // namespace
}  // namespace cajal

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::off);
  cajal::Options options;
  CLI::App app("Times the way from Ctrl-C in the client to an idle executor.");
  app.add_option("--model", options.engine.model_dir, "checkpoint folder")->required();
  app.add_option("--transcoders", options.engine.transcoder_dir, "transcoder folder")->required();
  app.add_option("--tokens", options.tokens_file, "JSON list of token ids")->required();
  app.add_option("--threads", options.engine.threads, "CPU threads; 0 = all cores")
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "interruptions")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = cajal::Run(options);
  if (!status.ok()) {
    std::fprintf(stderr, "cancel_bench: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
