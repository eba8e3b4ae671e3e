// The main job end to end: prompt and pictures go through `cajal graph` and a real server, and the
// files that come back are compared with the slow float64 reference and with circuit-tracer's own
// export (tests/golden/README.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tests/e2e/cajald_process.h"
#include "tests/e2e/golden_prompt.h"
#include "tests/golden_util.h"

namespace cajal::e2e {
namespace {

using checkpoint::SafetensorsFile;
using nlohmann::json;

constexpr double kEdgeTolerance = 1e-4;   // of a row's largest magnitude
constexpr double kScoreTolerance = 1e-4;  // of scores and influences
// Nodes and edges whose score is so close to the threshold, as a share of it, may fall either way.
constexpr double kThresholdBand = 1e-3;

json ReadJson(const std::string& path) { return json::parse(golden::ReadBytes(path)); }

std::string CaseOf(const std::string& graph) { return graph.substr(0, graph.find("__")); }
std::string SetOf(const std::string& graph) { return graph.substr(graph.find("__") + 2); }

// A server for each transcoder set, shared by all tests of the suite.
class Servers {
 public:
  CajaldProcess& Of(const std::string& set) {
    auto& server = servers_[set];
    if (server == nullptr) {
      server = std::make_unique<CajaldProcess>(
          CajaldOptions{.transcoder_dir = "golden/transcoders/" + set});
    }
    return *server;
  }

 private:
  std::map<std::string, std::unique_ptr<CajaldProcess>> servers_;
};

// What `cajal graph` made of one golden case, made once and read by all tests.
struct Made {
  std::shared_ptr<const SafetensorsFile> raw;
  json exported;  // --output
  json printed;   // --json
};

class GoldenGraph : public ::testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() {
    servers_ = std::make_unique<Servers>();
    made_ = std::make_unique<std::map<std::string, Made>>();
  }
  static void TearDownTestSuite() {
    made_.reset();
    servers_.reset();
  }

  void SetUp() override {
    scalars_ = ReadJson("golden/graphs/graphs.json")[GetParam()];
    expected_ =
        golden::OpenSafetensors(absl::StrCat("golden/graphs/graph_", GetParam(), ".safetensors"));
    if (made_->count(GetParam()) == 0) (*made_)[GetParam()] = MakeGraph();
    actual_ = &made_->at(GetParam());
    ASSERT_NE(actual_->raw, nullptr);
  }

  [[nodiscard]] Made MakeGraph() const {
    const TempDir dir;
    std::vector<std::string> command = {
        "graph",
        "--json",
        "--raw",
        dir.File("raw.safetensors"),
        "--output",
        dir.File("graph.json"),
        "--max-feature-nodes",
        scalars_["max_feature_nodes"].is_null() ? "0" : scalars_["max_feature_nodes"].dump(),
        "--batch-size",
        scalars_["selection"]["batch_size"].dump(),
        "--update-interval",
        scalars_["selection"]["update_interval"].dump(),
        "--zero-positions",
        scalars_["zero_positions"].dump()};
    for (const std::string& flag : PromptFlags(CaseOf(GetParam()))) command.push_back(flag);
    const ProcessResult result = servers_->Of(SetOf(GetParam())).Cajal(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    if (result.exit_code != 0) return {};
    return {golden::OpenSafetensors(dir.File("raw.safetensors")), ReadJson(dir.File("graph.json")),
            json::parse(result.out)};
  }

  template <typename T>
  [[nodiscard]] [[nodiscard]] [[nodiscard]] [[nodiscard]] std::vector<T> Expected(
      const std::string& name) const {
    return golden::Values<T>(*expected_, name);
  }
  template <typename T>
  [[nodiscard]] [[nodiscard]] [[nodiscard]] std::vector<T> Actual(const std::string& name) const {
    return golden::Values<T>(*actual_->raw, name);
  }
  [[nodiscard]] size_t n_nodes() const { return scalars_["n_nodes"]; }
  [[nodiscard]] size_t n_selected() const { return scalars_["n_selected"]; }

  static std::unique_ptr<Servers> servers_;
  static std::unique_ptr<std::map<std::string, Made>> made_;
  json scalars_;
  std::shared_ptr<const SafetensorsFile> expected_;
  const Made* actual_ = nullptr;
};

std::unique_ptr<Servers> GoldenGraph::servers_;
std::unique_ptr<std::map<std::string, Made>> GoldenGraph::made_;

// The influence that each edge carries, as pruning scores it: over the rows and columns of the kept
// nodes, |edge| as a share of its row, times the influence of its target; the influence of a logit
// is its probability. Edges between features lead from lower layers to higher ones, so that a walk
// from the last node to the first meets each target after all that it acts on.
class EdgeScores {
 public:
  EdgeScores(const std::vector<float>& adjacency, const std::vector<uint8_t>& kept,
             const std::vector<float>& logit_probabilities)
      : n_(kept.size()), shares_(adjacency.size()), influence_(n_) {
    for (size_t t = 0; t < n_; ++t) {
      double sum = 0;
      for (size_t s = 0; s < n_; ++s) {
        if (kept[t] && kept[s]) sum += std::abs(double{adjacency[t * n_ + s]});
      }
      for (size_t s = 0; sum > 0 && s < n_; ++s) {
        if (kept[s]) shares_[t * n_ + s] = std::abs(double{adjacency[t * n_ + s]}) / sum;
      }
    }
    const size_t first_logit = n_ - logit_probabilities.size();
    for (size_t k = first_logit; k < n_; ++k) influence_[k] = logit_probabilities[k - first_logit];
    for (size_t t = n_; t-- > 0;) {
      for (size_t s = 0; influence_[t] > 0 && s < n_; ++s) {
        influence_[s] += shares_[t * n_ + s] * influence_[t];
      }
    }
  }
  [[nodiscard]] double Of(size_t target, size_t source) const {
    return shares_[target * n_ + source] * influence_[target];
  }

 private:
  const size_t n_;
  std::vector<double> shares_;
  std::vector<double> influence_;
};

TEST_P(GoldenGraph, HasTheSameTokensFeaturesAndLogits) {
  const auto forward = golden::OpenSafetensors(
      absl::StrCat("golden/forward/forward_", CaseOf(GetParam()), ".safetensors"));
  EXPECT_EQ(Actual<int64_t>("input_tokens"), golden::Values<int64_t>(*forward, "input_ids"));

  EXPECT_EQ(Actual<int64_t>("active_features"), Expected<int64_t>("active_features"));
  EXPECT_EQ(Actual<int64_t>("selected_features"), Expected<int64_t>("selected_features"));
  const auto activations = Expected<float>("activation_values");
  const auto actual_activations = Actual<float>("activation_values");
  ASSERT_EQ(actual_activations.size(), activations.size());
  const float largest = *std::max_element(activations.begin(), activations.end());
  for (size_t i = 0; i < activations.size(); ++i) {
    ASSERT_NEAR(actual_activations[i], activations[i], 1e-5 * largest) << "feature " << i;
  }

  EXPECT_EQ(json(Actual<int64_t>("logit_tokens")), scalars_["logit_ids"]);
  const auto probabilities = Actual<float>("logit_probabilities");
  for (size_t i = 0; i < probabilities.size(); ++i) {
    EXPECT_NEAR(probabilities[i], scalars_["logit_probabilities"][i].get<double>(), 1e-5);
  }
}

TEST_P(GoldenGraph, HasTheSameDirectEffectsAndBiases) {
  const size_t n = n_nodes();
  const auto rows = Actual<int64_t>("edge_rows");
  const auto columns = Actual<int64_t>("edge_cols");
  const auto weights = Actual<float>("edge_weights");
  std::vector<float> dense(n * n);
  for (size_t e = 0; e < rows.size(); ++e) {
    dense.at(static_cast<size_t>(rows[e]) * n + static_cast<size_t>(columns[e])) = weights[e];
  }
  const auto adjacency = Expected<float>("adjacency");
  ASSERT_EQ(adjacency.size(), n * n);
  for (size_t t = 0; t < n; ++t) {
    double largest = 0;
    double difference = 0;
    for (size_t s = 0; s < n; ++s) {
      largest = std::max(largest, std::abs(double{adjacency[t * n + s]}));
      difference = std::max(difference, std::abs(double{dense[t * n + s]} - adjacency[t * n + s]));
    }
    ASSERT_LE(difference, kEdgeTolerance * largest) << "row " << t;
  }

  const auto bias = Actual<float>("bias");
  ASSERT_EQ(bias.size(), n);
  const auto constants = Expected<float>("row_constant");  // of all active features, then logits
  const auto scale = Expected<float>("row_abs_sum_full");
  const auto selected = Expected<int64_t>("selected_features");
  for (size_t i = 0; i < selected.size(); ++i) {
    const auto full = static_cast<size_t>(selected[i]);
    ASSERT_NEAR(bias[i], constants[full], kEdgeTolerance * std::max(scale[full], 1e-3f))
        << "feature node " << i;
  }
}

TEST_P(GoldenGraph, HasTheSameInfluenceAndNodesAfterPruning) {
  const auto influence = Expected<float>("node_influence");
  const auto actual_influence = Actual<float>("node_influence");
  const auto mask = Expected<uint8_t>("node_mask");
  const auto actual_mask = Actual<uint8_t>("node_mask");
  ASSERT_EQ(actual_influence.size(), influence.size());
  ASSERT_EQ(actual_mask.size(), mask.size());
  const double threshold = scalars_["node_threshold_value"];
  for (size_t i = 0; i < influence.size(); ++i) {
    ASSERT_NEAR(actual_influence[i], influence[i], kScoreTolerance) << "node " << i;
    if (std::abs(influence[i] - threshold) <= kThresholdBand * threshold) continue;
    ASSERT_EQ(actual_mask[i], mask[i]) << "node " << i;
  }
}

TEST_P(GoldenGraph, HasTheSameEdgesAfterPruning) {
  const size_t n = n_nodes();
  std::vector<uint8_t> expected(n * n);
  const auto edge_index = Expected<int32_t>("edge_index");
  for (size_t i = 0; i < edge_index.size(); i += 2) {
    expected[static_cast<size_t>(edge_index[i]) * n + static_cast<size_t>(edge_index[i + 1])] = 1;
  }
  std::vector<uint8_t> actual(n * n);
  const auto rows = Actual<int64_t>("edge_rows");
  const auto columns = Actual<int64_t>("edge_cols");
  const auto mask = Actual<uint8_t>("edge_mask");
  ASSERT_EQ(mask.size(), rows.size());
  for (size_t e = 0; e < rows.size(); ++e) {
    actual[static_cast<size_t>(rows[e]) * n + static_cast<size_t>(columns[e])] = mask[e];
  }
  const EdgeScores scores(Expected<float>("adjacency"), Expected<uint8_t>("node_mask"),
                          Actual<float>("logit_probabilities"));
  const double threshold = scalars_["edge_threshold_value"];
  for (size_t t = 0; t < n; ++t) {
    for (size_t s = 0; s < n; ++s) {
      // The scores here are right: they tell the golden edges from the others.
      const double nearest =
          threshold * (expected[t * n + s] ? 1 - kThresholdBand : 1 + kThresholdBand);
      ASSERT_EQ(scores.Of(t, s) >= nearest, expected[t * n + s] == 1) << s << " to " << t;
      if (actual[t * n + s] == expected[t * n + s]) continue;
      EXPECT_NEAR(scores.Of(t, s), threshold, kThresholdBand * threshold) << s << " to " << t;
    }
  }
}

TEST_P(GoldenGraph, HasTheSameScoresAndPrintsThem) {
  const json& printed = actual_->printed;
  EXPECT_NEAR(printed["replacement_score"].get<double>(),
              scalars_["replacement_score"].get<double>(), kScoreTolerance);
  EXPECT_NEAR(printed["completeness_score"].get<double>(),
              scalars_["completeness_score"].get<double>(), kScoreTolerance);
  EXPECT_LE(printed["additivity"].get<double>(), 1e-4);
  EXPECT_EQ(printed["nodes"], scalars_["n_nodes"]);
  EXPECT_EQ(printed["edges"], Actual<float>("edge_weights").size());
  EXPECT_EQ(printed["active_features"], scalars_["n_active"]);
  EXPECT_GT(printed["seconds"].get<double>(), 0);
  EXPECT_TRUE(printed["phases"].contains("feature_rows")) << printed["phases"];
}

INSTANTIATE_TEST_SUITE_P(All, GoldenGraph,
                         ::testing::Values("text__plt_topk", "one_image__plt_topk",
                                           "two_images_chat__plt_topk", "text__gs2_affine",
                                           "one_image__gs2_affine", "two_images_chat__gs2_affine"),
                         [](const auto& test) { return std::string(test.param); });

// Release 0.4.1 names errors `0_{layer}_{position}`; Cajal, as newer code does,
// `{layer}_-1_{position}`. This is Cajal's name in the old form.
std::string OldErrorId(const std::string& id) {
  const size_t at = id.find("_-1_");
  return at == std::string::npos ? id
                                 : absl::StrCat("0_", id.substr(0, at), "_", id.substr(at + 4));
}

class GoldenJson : public GoldenGraph {};

TEST_P(GoldenJson, IsCircuitTracersOwnExport) {
  const json expected = ReadJson(absl::StrCat("golden/ct_json/", GetParam(), ".json"));
  const json& actual = actual_->exported;
  for (const char* key : {"prompt", "prompt_tokens", "node_threshold", "schema_version"}) {
    EXPECT_EQ(actual["metadata"][key], expected["metadata"][key]) << key;
  }

  ASSERT_EQ(actual["nodes"].size(), expected["nodes"].size());
  for (size_t i = 0; i < expected["nodes"].size(); ++i) {
    const json& want = expected["nodes"][i];
    const json& got = actual["nodes"][i];
    EXPECT_EQ(OldErrorId(got["node_id"]), want["node_id"]);
    for (const char* key : {"feature", "layer", "ctx_idx", "feature_type", "is_target_logit"}) {
      EXPECT_EQ(got[key], want[key]) << want["node_id"] << " " << key;
    }
    for (const char* key : {"activation", "influence", "token_prob"}) {
      if (!want.contains(key) || want[key].is_null()) {
        EXPECT_TRUE(!got.contains(key) || got[key].is_null()) << want["node_id"] << " " << key;
        continue;
      }
      const double value = want[key];
      EXPECT_NEAR(got[key].get<double>(), value, kScoreTolerance * std::max(1.0, std::abs(value)))
          << want["node_id"] << " " << key;
    }
  }

  ASSERT_EQ(actual["links"].size(), expected["links"].size());
  for (size_t i = 0; i < expected["links"].size(); ++i) {
    const json& want = expected["links"][i];
    const json& got = actual["links"][i];
    ASSERT_EQ(OldErrorId(got["source"]), want["source"]) << i;
    ASSERT_EQ(OldErrorId(got["target"]), want["target"]) << i;
    // The largest edges are some 5.
    ASSERT_NEAR(got["weight"].get<double>(), want["weight"].get<double>(), 1e-5) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(GoldenGraph, GoldenJson,
                         ::testing::Values("text__plt_topk", "one_image__gs2_affine"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace cajal::e2e
