// What reading stored graphs costs, through a real server and the client library on one machine.
//
//   read_bench prune --matrix FILE           PruneGraph, from the call to the last chunk
//   read_bench concurrent [--calls 200]      GetGraph and PruneGraph while a graph is computed
//
// FILE is what bench/peer_prune.py saves; the kept nodes are compared with circuit-tracer's.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/peer_matrix.h"
#include "client/cpp/client.h"
#include "model/base/status.h"
#include "model/checkpoint/file_io.h"
#include "model/engine.h"
#include "server/server.h"

namespace cajal {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  EngineOptions engine{.model_dir = "models/demo", .transcoder_dir = "models/demo/transcoders"};
  server::ServerOptions server;
  std::string matrix;
  std::string image = "models/demo/images/mars.png";
  int calls = 200;
  int rounds = 20;
};

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

// A server on a store of its own, and a client of it.
class Setting {
 public:
  static absl::StatusOr<std::unique_ptr<Setting>> Make(Options options,
                                                       const graph::AttributionGraph* stored) {
    auto setting = std::unique_ptr<Setting>(new Setting);
    setting->dir_ =
        std::filesystem::temp_directory_path() / ("read_bench." + std::to_string(getpid()));
    std::filesystem::create_directories(setting->dir_);
    ASSIGN_OR_RETURN(auto graphs, server::OpenGraphArchive(setting->dir_));
    if (stored != nullptr) {
      ASSIGN_OR_RETURN(const auto record, graphs->Put(*stored, {}, {}, {}));
      setting->graph_name_ = record.name();
    }
    options.server.listen = "127.0.0.1:0";
    options.server.temporary_dir = setting->dir_;
    ASSIGN_OR_RETURN(auto sessions, session::SessionStore::Open({.data_dir = setting->dir_}));
    ASSIGN_OR_RETURN(setting->server_,
                     server::Server::Start(options.server, std::move(graphs), std::move(sessions)));
    RunContext loading;
    ASSIGN_OR_RETURN(auto engine, LoadEngine(options.engine, &loading));
    setting->server_->Serve(std::move(engine));
    ASSIGN_OR_RETURN(setting->client_,
                     client::Client::Create({.server = setting->server_->address()}));
    return setting;
  }
  ~Setting() {
    client_.reset();
    server_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  client::Client& client() { return *client_; }
  [[nodiscard]] const std::string& graph_name() const { return graph_name_; }

 private:
  Setting() = default;

  std::filesystem::path dir_;
  std::string graph_name_;
  std::unique_ptr<server::Server> server_;
  std::unique_ptr<client::Client> client_;
};

// --- prune

absl::Status RunPrune(const Options& options) {
  ASSIGN_OR_RETURN(const bench::PeerMatrix peer, bench::ReadPeerMatrix(options.matrix));
  ASSIGN_OR_RETURN(const auto setting, Setting::Make(options, &peer.graph));
  std::vector<double> times;
  std::vector<uint8_t> node_mask(peer.node_mask.size(), 0);
  for (int round = 0; round <= options.rounds; ++round) {
    const Clock::time_point start = Clock::now();
    ASSIGN_OR_RETURN(const client::Graph graph,
                     setting->client().PruneGraph({.name = setting->graph_name()}));
    const double milliseconds = MillisecondsSince(start);
    if (round == 0) {
      std::printf(
          "first call, which reads the store: %.0f ms; %d of %d nodes, %lld of %lld edges\n",
          milliseconds, graph.n_kept_nodes, graph.info.n_nodes,
          static_cast<long long>(graph.n_kept_edges), static_cast<long long>(graph.info.n_edges));
      for (const client::Node& node : graph.nodes) node_mask[node.node_index] = 1;
      continue;
    }
    times.push_back(milliseconds);
  }
  int64_t different = 0;
  for (size_t i = 0; i < node_mask.size(); ++i) different += node_mask[i] != peer.node_mask[i];
  std::printf("from call to last chunk: median %.1f ms, slowest %.1f ms of %d calls\n",
              Quantile(times, 0.5), Quantile(times, 1), options.rounds);
  std::printf("nodes kept by one program alone: %lld\n", static_cast<long long>(different));
  return absl::OkStatus();
}

// --- concurrent

struct Latency {
  std::vector<double> milliseconds;
  int failures = 0;
};

// So many calls at once, every other one PruneGraph, and what each took.
Latency ReadAtOnce(Setting* setting, const std::string& name, int calls) {
  struct Answer {
    std::atomic<double> milliseconds = -1;
    std::atomic<bool> failed = false;
  };
  std::vector<Answer> answers(static_cast<size_t>(calls));
  std::atomic<int> left = calls;
  for (int i = 0; i < calls; ++i) {
    Answer& answer = answers[static_cast<size_t>(i)];
    const auto done = [&answer, &left, start = Clock::now()](const auto& graph) {
      answer.failed = !graph.ok();
      answer.milliseconds = MillisecondsSince(start);
      if (--left == 0) left.notify_one();
    };
    const client::PruneOptions prune{.node_threshold = 0.5 + 0.4 * i / calls};
    if (i % 2 == 0) {
      setting->client().GetGraphAsync({.name = name, .prune = prune}, {}, done);
    } else {
      setting->client().PruneGraphAsync({.name = name, .prune = prune}, {}, done);
    }
  }
  for (int now = left; now != 0; now = left) left.wait(now);
  Latency latency;
  for (const Answer& answer : answers) {
    latency.milliseconds.push_back(answer.milliseconds);
    latency.failures += answer.failed ? 1 : 0;
  }
  return latency;
}

void Print(const char* when, const Latency& latency) {
  std::printf("%s: p50 %.0f ms, p99 %.0f ms, slowest %.0f ms, %d of %zu failed\n", when,
              Quantile(latency.milliseconds, 0.5), Quantile(latency.milliseconds, 0.99),
              Quantile(latency.milliseconds, 1), latency.failures, latency.milliseconds.size());
}

// Graphs one after the other until told to stop, with the seconds that each took.
class Computation {
 public:
  Computation(client::Client* client, client::CreateGraphRequest request)
      : thread_([this, client, request = std::move(request)] {
          while (!stop_) {
            const auto graph = client->CreateGraph(request);
            if (!graph.ok()) return;
            seconds_.push_back(graph->info.seconds);
            ++graphs_;
            graphs_.notify_one();
          }
        }) {}
  void WaitForOneMore() {
    const int now = graphs_;
    graphs_.wait(now);
  }
  // Seconds of the graphs; the last one ends first.
  std::vector<double> Stop() {
    stop_ = true;
    thread_.join();
    return seconds_;
  }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> graphs_ = 0;
  std::vector<double> seconds_;
  std::thread thread_;
};

absl::Status RunConcurrent(const Options& options) {
  ASSIGN_OR_RETURN(const auto setting, Setting::Make(options, nullptr));
  ASSIGN_OR_RETURN(std::string image, checkpoint::ReadFile(options.image, 64 << 20));
  client::CreateGraphRequest request{.view = client::GraphView::kNone};
  request.prompt.parts = {{.text = "<start_of_image> This is planet"},
                          {.image = client::Image{std::move(image)}}};
  ASSIGN_OR_RETURN(const client::Graph graph, setting->client().CreateGraph(request));
  std::printf("graph: %d nodes, %lld edges; %d calls at once\n", graph.info.n_nodes,
              static_cast<long long>(graph.info.n_edges), options.calls);
  const std::string& name = graph.info.name;
  ReadAtOnce(setting.get(), name, 2);  // opens the graph

  Print("reads alone", ReadAtOnce(setting.get(), name, options.calls));

  Computation alone(&setting->client(), request);
  for (int i = 0; i < options.rounds; ++i) alone.WaitForOneMore();
  const double alone_seconds = Quantile(alone.Stop(), 0.5);

  Computation beside(&setting->client(), request);
  beside.WaitForOneMore();
  Latency all;
  std::atomic<bool> reading = true;
  std::thread reader([&] {
    while (reading) {
      const Latency latency = ReadAtOnce(setting.get(), name, options.calls);
      all.milliseconds.insert(all.milliseconds.end(), latency.milliseconds.begin(),
                              latency.milliseconds.end());
      all.failures += latency.failures;
    }
  });
  for (int i = 0; i < options.rounds; ++i) beside.WaitForOneMore();
  reading = false;
  reader.join();
  const double beside_seconds = Quantile(beside.Stop(), 0.5);
  Print("reads beside a computation", all);
  std::printf("a graph takes %.3f s alone, %.3f s beside the reads: %.1f times as long\n",
              alone_seconds, beside_seconds, beside_seconds / alone_seconds);
  return absl::OkStatus();
}

}  // namespace
}  // namespace cajal

int main(int argc, char** argv) {
  cajal::Options options;
  CLI::App app("What reading stored graphs costs, through a real server");
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--model", options.engine.model_dir, "Checkpoint folder")->capture_default_str();
  app.add_option("--transcoders", options.engine.transcoder_dir, "Transcoder folder")
      ->capture_default_str();
  app.add_option("--threads", options.engine.threads, "CPU threads of the model; 0 = all cores")
      ->capture_default_str();
  app.add_option("--read-threads", options.server.read_threads, "Threads that read stored graphs")
      ->capture_default_str();
  app.add_option("--read-nice", options.server.read_nice,
                 "How far these let a computation go first")
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Calls of `prune`, graphs of `concurrent`")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI::App* prune = app.add_subcommand("prune", "PruneGraph, from the call to the last chunk");
  prune->add_option("--matrix", options.matrix, "What bench/peer_prune.py saved")->required();
  CLI::App* concurrent = app.add_subcommand("concurrent", "Reads while a graph is computed");
  concurrent->add_option("--calls", options.calls, "Calls at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  concurrent->add_option("--image", options.image, "Picture of the prompt")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::warn);
  const absl::Status status =
      prune->parsed() ? cajal::RunPrune(options) : cajal::RunConcurrent(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "read_bench: %s\n", std::string(status.message()).c_str());
  return 1;
}
