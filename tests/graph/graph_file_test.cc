#include "model/graph/graph_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <map>

#include "model/checkpoint/safetensors.h"
#include "model/graph/graph_check.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using checkpoint::ElementType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<AttributionGraph> Parse(std::string bytes) {
  return ParseGraph(std::make_shared<const std::string>(std::move(bytes)), "bytes");
}

// A file name of the running test's own: tests run side by side.
std::string TestFile() {
  return ::testing::TempDir() + "/" +
         ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".safetensors";
}

std::string RawBytes(const AttributionGraph& graph) {
  const std::string path = TestFile();
  EXPECT_TRUE(WriteRawGraph(path, graph, *PruneGraph(graph, {})).ok());
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Member by member, so that Identical itself is not taken on trust.
void ExpectSame(const AttributionGraph& a, const AttributionGraph& b) {
  EXPECT_EQ(a.model_name, b.model_name);
  EXPECT_EQ(a.transcoder_name, b.transcoder_name);
  EXPECT_EQ(a.prompt, b.prompt);
  EXPECT_EQ(a.input_tokens, b.input_tokens);
  EXPECT_EQ(a.token_texts, b.token_texts);
  ASSERT_EQ(a.image_runs.size(), b.image_runs.size());
  for (size_t i = 0; i < a.image_runs.size(); ++i) {
    EXPECT_EQ(a.image_runs[i].image, b.image_runs[i].image);
    EXPECT_EQ(a.image_runs[i].crop, b.image_runs[i].crop);
    EXPECT_EQ(a.image_runs[i].begin, b.image_runs[i].begin);
    EXPECT_EQ(a.image_runs[i].end, b.image_runs[i].end);
    EXPECT_EQ(a.image_runs[i].thumbnail, b.image_runs[i].thumbnail);
    EXPECT_EQ(a.image_runs[i].heatmaps, b.image_runs[i].heatmaps);
  }
  EXPECT_EQ(a.n_layers, b.n_layers);
  EXPECT_EQ(a.settings.max_n_logits, b.settings.max_n_logits);
  EXPECT_EQ(a.settings.desired_logit_prob, b.settings.desired_logit_prob);
  EXPECT_EQ(a.settings.targets, b.settings.targets);
  EXPECT_EQ(a.settings.max_feature_nodes, b.settings.max_feature_nodes);
  EXPECT_EQ(a.settings.batch_size, b.settings.batch_size);
  EXPECT_EQ(a.settings.update_interval, b.settings.update_interval);
  EXPECT_EQ(a.settings.rank_once, b.settings.rank_once);
  EXPECT_EQ(a.settings.zero_positions, b.settings.zero_positions);
  ASSERT_EQ(a.active_features.size(), b.active_features.size());
  for (size_t i = 0; i < a.active_features.size(); ++i) {
    EXPECT_EQ(a.active_features[i].layer, b.active_features[i].layer);
    EXPECT_EQ(a.active_features[i].position, b.active_features[i].position);
    EXPECT_EQ(a.active_features[i].feature, b.active_features[i].feature);
    EXPECT_EQ(a.active_features[i].activation, b.active_features[i].activation);
  }
  EXPECT_EQ(a.selected_features, b.selected_features);
  ASSERT_EQ(a.logits.size(), b.logits.size());
  for (size_t i = 0; i < a.logits.size(); ++i) {
    EXPECT_EQ(a.logits[i].token_id, b.logits[i].token_id);
    EXPECT_EQ(a.logits[i].token, b.logits[i].token);
    EXPECT_EQ(a.logits[i].probability, b.logits[i].probability);
    EXPECT_EQ(a.logits[i].PositionIn(a.n_positions()), b.logits[i].PositionIn(b.n_positions()));
    EXPECT_EQ(a.logits[i].given_weight, b.logits[i].given_weight);
  }
  EXPECT_EQ(a.edges.row_begin, b.edges.row_begin);
  EXPECT_EQ(a.edges.columns, b.edges.columns);
  EXPECT_EQ(a.edges.weights, b.edges.weights);
  EXPECT_EQ(a.bias, b.bias);
  EXPECT_EQ(a.pre_activations, b.pre_activations);
  EXPECT_EQ(a.additivity.max_relative_error, b.additivity.max_relative_error);
  EXPECT_EQ(a.additivity.worst_row, b.additivity.worst_row);
}

TEST(GraphFileTest, BothFormsReadBackToTheSameGraphToTheBit) {
  const AttributionGraph graph = RandomGraph(4, 30);
  const auto stored = Parse(SerializeStoredGraph(graph));
  ASSERT_TRUE(stored.ok()) << stored.status();
  ExpectSame(*stored, graph);
  const auto raw = Parse(RawBytes(graph));
  ASSERT_TRUE(raw.ok()) << raw.status();
  ExpectSame(*raw, graph);
}

TEST(GraphFileTest, AGraphWithoutFeaturesAndEdgesReadsBack) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.active_features.clear();
  graph.selected_features.clear();
  graph.edges = MakeEdges(8, {});
  graph.bias.resize(8);
  graph.pre_activations.resize(8);
  const auto stored = Parse(SerializeStoredGraph(graph));
  ASSERT_TRUE(stored.ok()) << stored.status();
  ExpectSame(*stored, graph);
}

TEST(GraphFileTest, TheRawFormHasTheDocumentedArrays) {
  const AttributionGraph graph = TwelveNodeGraph();
  const std::string path = TestFile();
  ASSERT_TRUE(WriteRawGraph(path, graph, *PruneGraph(graph, {0.7, 0.55})).ok());
  const auto file = checkpoint::SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();

  std::map<std::string, std::string> layout;
  for (const auto& [name, tensor] : (*file)->tensors()) {
    layout[name] = checkpoint::ElementName(tensor.type) + checkpoint::ShapeString(tensor.shape);
  }
  const std::map<std::string, std::string> expected = {
      {"active_features", "I64[4, 3]"}, {"activation_values", "F32[4]"},
      {"selected_features", "I64[4]"},  {"input_tokens", "I64[2]"},
      {"logit_tokens", "I64[2]"},       {"logit_probabilities", "F32[2]"},
      {"logit_positions", "I64[2]"},    {"logit_weights", "F32[2]"},
      {"edge_rows", "I64[14]"},         {"edge_cols", "I64[14]"},
      {"edge_weights", "F32[14]"},      {"bias", "F32[12]"},
      {"pre_activations", "F32[12]"},   {"node_influence", "F32[12]"},
      {"node_mask", "U8[12]"},          {"edge_mask", "U8[14]"}};
  EXPECT_EQ(layout, expected);

  const auto rows = [&](const char* name) {
    const checkpoint::TensorView* tensor = (*file)->Find(name);
    std::vector<int64_t> values(14);
    std::memcpy(values.data(), tensor->data, 14 * 8);
    return values;
  };
  EXPECT_THAT(rows("edge_rows"), ElementsAre(0, 1, 1, 2, 2, 2, 3, 3, 10, 10, 10, 10, 11, 11));
  EXPECT_THAT(rows("edge_cols"), ElementsAre(8, 8, 9, 0, 1, 5, 1, 9, 2, 3, 7, 9, 3, 6));
  std::vector<uint8_t> mask(14);
  std::memcpy(mask.data(), (*file)->Find("edge_mask")->data, 14);
  EXPECT_THAT(mask, ElementsAre(0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0));

  const auto read = ReadGraph(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(Identical(*read, graph));
}

// What was stored before targets could be anything but tokens at the last position.
TEST(GraphFileTest, AFileWithoutPositionsAndWeightsIsOfTokensAtTheLastPosition) {
  const AttributionGraph graph = TwelveNodeGraph();
  const auto file = checkpoint::ParseSafetensors(
      std::make_shared<const std::string>(SerializeStoredGraph(graph)), "graph");
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<checkpoint::TensorToWrite> tensors;
  for (const auto& [name, tensor] : (*file)->tensors()) {
    if (name == "logit_positions" || name == "logit_weights") continue;
    tensors.push_back({name, tensor.type, tensor.shape, tensor.data});
  }
  const auto read = Parse(checkpoint::SerializeSafetensors(tensors, (*file)->metadata()));
  ASSERT_TRUE(read.ok()) << read.status();
  ExpectSame(*read, graph);
  EXPECT_EQ(read->logits[1].PositionIn(2), 1);
  EXPECT_EQ(read->logits[1].weight(), 0.2F);
}

TEST(GraphFileTest, AMissingFileIsNotFound) {
  EXPECT_EQ(ReadGraph("/nonexistent/graph.safetensors").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(GraphFileTest, AnotherSafetensorsFileIsRefusedWithASentence) {
  const auto read = ReadGraph("golden/graphs/graph_text__plt_topk.safetensors");
  EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("is not a graph"));
}

// Every truncation and a flip of every byte, of both forms: a graph or an error, never a crash (the
// sanitizers watch), and whatever is taken for a graph is a valid one.
TEST(GraphFileTest, DamagedBytesGiveAnErrorOrAValidGraph) {
  const AttributionGraph graph = TwelveNodeGraph();
  for (const std::string& whole : {SerializeStoredGraph(graph), RawBytes(graph)}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      ASSERT_FALSE(Parse(whole.substr(0, size)).ok()) << size;
    }
    for (size_t i = 0; i < whole.size(); ++i) {
      for (uint8_t flip : {0x01, 0x80, 0xff}) {
        std::string bytes = whole;
        bytes[i] = static_cast<char>(bytes[i] ^ flip);
        const auto parsed = Parse(std::move(bytes));
        if (parsed.ok()) {
          ASSERT_TRUE(CheckGraph(*parsed).ok()) << i;
        }
      }
    }
  }
}

struct Damage {
  const char* name;
  std::function<void(AttributionGraph*)> inflict;
  const char* message;
};

class DamagedGraphTest : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedGraphTest, IsRefusedWithTheMemberAtFault) {
  AttributionGraph graph = TwelveNodeGraph();
  GetParam().inflict(&graph);
  const auto parsed = Parse(SerializeStoredGraph(graph));
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(GetParam().message));
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

INSTANTIATE_TEST_SUITE_P(
    Members, DamagedGraphTest,
    ::testing::Values(
        Damage{"LayerTooHigh", [](auto* g) { g->active_features[3].layer = 2; },
               "active_features[3].layer: must be in [0, 2)"},
        Damage{"NegativePosition", [](auto* g) { g->active_features[1].position = -1; },
               "active_features[1].position"},
        Damage{"FeaturesOutOfOrder",
               [](auto* g) { std::swap(g->active_features[2], g->active_features[3]); },
               "active_features[3]: must follow its predecessor"},
        Damage{"ActivationNaN", [](auto* g) { g->active_features[0].activation = kNaN; },
               "active_features[0].activation"},
        Damage{"SelectedOutOfRange", [](auto* g) { g->selected_features[3] = 4; },
               "selected_features[3]: must be in [0, 4)"},
        Damage{"SelectedTwice", [](auto* g) { g->selected_features[1] = 0; },
               "selected_features[1]: must be larger"},
        Damage{"ProbabilityAboveOne", [](auto* g) { g->logits[1].probability = 1.5f; },
               "logits[1].probability"},
        Damage{"WeightNegative", [](auto* g) { g->logits[1].given_weight = -1.0f; },
               "logits[1].weight"},
        Damage{"WeightOfTargetNaN", [](auto* g) { g->logits[0].given_weight = kNaN; },
               "logits[0].weight"},
        Damage{"TargetBeyondThePrompt", [](auto* g) { g->logits[0].position = 2; },
               "logits[0].position"},
        Damage{"NoLogits", [](auto* g) { g->logits.clear(); }, "logits: must not be empty"},
        Damage{"TokenTextMissing", [](auto* g) { g->token_texts.pop_back(); },
               "token_texts: has 1 entries, expected 2"},
        Damage{"RunOutsideThePrompt",
               [](auto* g) {
                 g->image_runs = {{0, -1, 1, 3}};
               },
               "image_runs[0]"},
        Damage{"ThumbnailOfAnotherKind",
               [](auto* g) {
                 g->image_runs = {{0, -1, 0, 1, "<svg onload=alert(1)>"}};
               },
               "image_runs[0].thumbnail: is neither a PNG nor a JPEG"},
        Damage{"HeatmapsOfAnotherKind",
               [](auto* g) {
                 g->image_runs = {{0, -1, 0, 1, "", "\xff\xd8\xff"}};
               },
               "image_runs[0].heatmaps: is not a PNG"},
        Damage{"TooManyLayers", [](auto* g) { g->n_layers = 1 << 30; }, "more than 2^31"},
        Damage{"BiasTooShort", [](auto* g) { g->bias.pop_back(); }, "bias: has 11 entries"},
        Damage{"PreActivationInfinite", [](auto* g) { g->pre_activations[2] = kInfinity; },
               "pre_activations[2]"},
        Damage{"RowsDescend", [](auto* g) { g->edges.row_begin[3] = 14; },
               "edges.row_begin: must not descend"},
        Damage{"RowsEndEarly", [](auto* g) { g->edges.row_begin[12] = 13; },
               "edges.row_begin: must run from 0"},
        Damage{"ColumnTooLarge", [](auto* g) { g->edges.columns[13] = 12; }, "edges.columns[13]"},
        Damage{"ColumnNegative", [](auto* g) { g->edges.columns[0] = -1; }, "edges.columns[0]"},
        Damage{"ColumnTwice", [](auto* g) { g->edges.columns[2] = 8; }, "edges.columns[2]"},
        Damage{"WeightNaN", [](auto* g) { g->edges.weights[5] = kNaN; }, "edges.weights[5]"},
        Damage{"Cycle",
               [](auto* g) {
                 g->edges.columns[3] = 2;
                 g->edges.columns[4] = 3;
               },
               "does not run from an earlier layer"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace cajal::graph
