#include "server/graph_file_form.h"

#include <gmock/gmock.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cajal/v1/graph_file.pb.h"
#include "model/base/status.h"
#include "tests/graph/test_graphs.h"
#include "tests/temp_dir.h"

namespace cajal::server {
namespace {

using graph::AttributionGraph;
using ::testing::HasSubstr;

// Texts that are UTF-8 already, pictures, and features that were not selected.
AttributionGraph SampleGraph() {
  AttributionGraph graph = graph::RandomGraph(7, 80);
  graph.token_texts[3] = "é";
  graph.logits[2].token = "…";
  graph.settings.targets = {{.what = graph::NamedToken{" Austin"}, .weight = 0.5F}};
  graph.image_runs[0].thumbnail = "\x89PNG\r\n\x1a\n";
  graph.image_runs[0].heatmaps = "\x89PNG\r\n\x1a\nmaps";
  return graph;
}

// On the wire positions count from the beginning.
AttributionGraph WithPositionsFromTheBeginning(AttributionGraph graph) {
  for (graph::LogitNode& logit : graph.logits) {
    logit.position = logit.PositionIn(graph.n_positions());
  }
  return graph;
}

std::string Write(const AttributionGraph& graph, const graph::Annotations& annotations = {}) {
  graph::GraphRecord record;
  record.id = "abc";
  record.summary = graph::Summarize(graph, {}, {.seconds = 1.5, .phases = {{"forward", 0.5}}});
  const auto stored = std::make_shared<const StoredGraph>(
      std::move(record), std::make_shared<const AttributionGraph>(graph));
  auto messages = GraphMessages::Make(stored, {.view = v1::GRAPH_VIEW_FULL});
  EXPECT_TRUE(messages.ok()) << messages.status();
  std::string bytes;
  const absl::Status status =
      WriteGraphFile(graph, annotations, *std::move(messages), [&bytes](std::string_view piece) {
        bytes += piece;
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return bytes;
}

absl::StatusOr<ReadGraph> Read(const std::string& bytes, const graph::ImportLimits& limits = {}) {
  const TempDir dir;
  return ReadGraphFile(dir.Write("graph.cajal", bytes), limits);
}

// The records, by Protobuf's own reader of its delimited form.
std::vector<v1::GraphFileRecord> RecordsOf(const std::string& bytes) {
  google::protobuf::io::ArrayInputStream stream(bytes.data() + 8,
                                                static_cast<int>(bytes.size()) - 8);
  std::vector<v1::GraphFileRecord> records;
  bool at_end = false;
  while (google::protobuf::util::ParseDelimitedFromZeroCopyStream(&records.emplace_back(), &stream,
                                                                  &at_end)) {
  }
  EXPECT_TRUE(at_end);
  records.pop_back();
  return records;
}

std::string Join(const std::vector<v1::GraphFileRecord>& records) {
  std::string bytes = "CAJALGR1";
  google::protobuf::io::StringOutputStream stream(&bytes);
  for (const v1::GraphFileRecord& record : records) {
    google::protobuf::util::SerializeDelimitedToZeroCopyStream(record, &stream);
  }
  return bytes;
}

TEST(GraphFileFormTest, ReadsBackToTheSameGraph) {
  for (const AttributionGraph& graph : {SampleGraph(), graph::TwelveNodeGraph()}) {
    const auto read = Read(Write(graph));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(graph::Identical(read->graph, WithPositionsFromTheBeginning(graph)));
    EXPECT_EQ(read->cost.seconds, 1.5);
    EXPECT_EQ(read->cost.phases.at(0).phase, "forward");
  }
}

TEST(GraphFileFormTest, WhatAnImportedFileSaidStays) {
  AttributionGraph graph = graph::TwelveNodeGraph();
  graph.imported = {.metadata_json = R"({"slug":"s"})"};
  for (int32_t node = 0; node < 12; ++node) {
    graph.imported->nodes.push_back(node);
    graph.imported->influence.push_back(node == 11 ? -1 : 0.25F);
  }
  const auto read = Read(Write(graph));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(graph::Identical(read->graph, WithPositionsFromTheBeginning(graph)));
}

TEST(GraphFileFormTest, AnnotationsStay) {
  const graph::Annotations annotations = {
      .labels = {{"1_0_1", "a label"}, {"3_40_1", "an answer"}},
      .pins = {"E_2_0", "1_0_1"},
      .supernodes = {{"a group", {"0_3_0", "inner"}}, {"inner", {"0_1_1"}}}};
  const auto read = Read(Write(graph::TwelveNodeGraph(), annotations));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->annotations, annotations);
}

TEST(GraphFileFormTest, IsProtobufsDelimitedFormAfterEightBytes) {
  const std::string bytes = Write(SampleGraph());
  EXPECT_EQ(bytes.substr(0, 8), "CAJALGR1");
  const std::vector<v1::GraphFileRecord> records = RecordsOf(bytes);
  ASSERT_GE(records.size(), 6u);
  EXPECT_EQ(records.front().header().graph().model_name(), "random-7");
  EXPECT_EQ(records[1].chunk().tokens().token_ids_size(), 4);
  EXPECT_TRUE(records.back().has_end());
  EXPECT_EQ(Join(records), bytes);
}

TEST(GraphFileFormTest, AFileCutOffAnywhereIsATypedError) {
  const std::string bytes = Write(graph::TwelveNodeGraph());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const absl::Status status = Read(bytes.substr(0, size)).status();
    EXPECT_EQ(ReasonOf(status), "MALFORMED_GRAPH") << size << ": " << status;
  }
  EXPECT_TRUE(Read(bytes).ok());
}

// Whatever a byte becomes: an error with a reason, or another valid graph.
TEST(GraphFileFormTest, AChangedByteNeverDoesHarm) {
  const std::string bytes = Write(graph::TwelveNodeGraph());
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x80);
    const auto read = Read(changed);
    if (!read.ok()) {
      EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << at;
      EXPECT_NE(ReasonOf(read.status()), "") << at << ": " << read.status();
    }
  }
}

struct Harmful {
  const char* name;
  void (*change)(std::vector<v1::GraphFileRecord>*);
  const char* reason;
  const char* message;  // part of it
};

class HarmfulFile : public testing::TestWithParam<Harmful> {};

TEST_P(HarmfulFile, IsATypedErrorAndAGoodOneIsRead) {
  const std::string good = Write(graph::TwelveNodeGraph());
  std::vector<v1::GraphFileRecord> records = RecordsOf(good);
  GetParam().change(&records);
  const absl::Status status = Read(Join(records)).status();
  EXPECT_EQ(ReasonOf(status), GetParam().reason) << status;
  EXPECT_THAT(status.ToString(), HasSubstr(GetParam().message));
  EXPECT_TRUE(Read(good).ok());
}

// Of the twelve nodes' file: header, tokens, nodes, edges, end.
using Records = std::vector<v1::GraphFileRecord>;
v1::Graph* HeaderOf(Records* records) { return records->at(0).mutable_header()->mutable_graph(); }
v1::NodeChunk* NodesOf(Records* records) { return records->at(2).mutable_chunk()->mutable_nodes(); }
v1::EdgeChunk* EdgesOf(Records* records) { return records->at(3).mutable_chunk()->mutable_edges(); }

INSTANTIATE_TEST_SUITE_P(
    Records, HarmfulFile,
    testing::Values(
        Harmful{"NoHeader", [](Records* r) { r->erase(r->begin()); }, "MALFORMED_GRAPH", "header"},
        Harmful{"TwoHeaders", [](Records* r) { r->insert(r->begin(), r->front()); },
                "MALFORMED_GRAPH", "once"},
        Harmful{"APrunedView",
                [](Records* r) { r->at(0).mutable_header()->set_view(v1::GRAPH_VIEW_PRUNED); },
                "MALFORMED_GRAPH", "GRAPH_VIEW_FULL"},
        Harmful{"TwoBillionLayers", [](Records* r) { HeaderOf(r)->set_n_layers(2'000'000'000); },
                "GRAPH_TOO_LARGE", "nodes"},
        Harmful{"NoLayers", [](Records* r) { HeaderOf(r)->set_n_layers(-1); }, "MALFORMED_GRAPH",
                "n_layers"},
        Harmful{"FewerTokensThanAnnounced", [](Records* r) { HeaderOf(r)->set_n_positions(3); },
                "MALFORMED_GRAPH", "n_positions"},
        Harmful{"AnotherNumberOfNodes", [](Records* r) { HeaderOf(r)->set_n_layers(3); },
                "MALFORMED_GRAPH", "nodes"},
        Harmful{"AGapInTheNodes", [](Records* r) { NodesOf(r)->set_node_indices(4, 5); },
                "MALFORMED_GRAPH", "without gaps"},
        Harmful{"ArraysOfTwoLengths", [](Records* r) { NodesOf(r)->add_layers(1); },
                "MALFORMED_GRAPH", "length"},
        Harmful{"FeaturesOutOfOrder", [](Records* r) { NodesOf(r)->set_layers(0, 1); },
                "MALFORMED_GRAPH", "ascend"},
        Harmful{"AFeatureAmongTheErrors",
                [](Records* r) { NodesOf(r)->set_kinds(6, v1::NODE_KIND_FEATURE); },
                "MALFORMED_GRAPH", "first"},
        Harmful{"ABiasThatIsNotANumber",
                [](Records* r) { NodesOf(r)->set_biases(0, std::nanf("")); }, "MALFORMED_GRAPH",
                "finite"},
        Harmful{"AnInfiniteWeight", [](Records* r) { EdgesOf(r)->set_weights(0, INFINITY); },
                "MALFORMED_GRAPH", "finite"},
        Harmful{"TargetsOutOfOrder", [](Records* r) { EdgesOf(r)->set_targets(1, 11); },
                "MALFORMED_GRAPH", "edges.targets"},
        Harmful{"ATargetThatIsNoNode", [](Records* r) { EdgesOf(r)->set_targets(13, 12); },
                "MALFORMED_GRAPH", "edges.targets"},
        Harmful{"ANegativeTarget", [](Records* r) { EdgesOf(r)->set_targets(0, -1); },
                "MALFORMED_GRAPH", "edges.targets"},
        Harmful{"ASourceThatIsNoNode", [](Records* r) { EdgesOf(r)->set_sources(0, 12); },
                "MALFORMED_GRAPH", "edges.columns"},
        Harmful{"ACycle", [](Records* r) { EdgesOf(r)->set_sources(0, 3); }, "NOT_LAYER_ORDERED",
                "earlier layer"},
        Harmful{"NoEnd", [](Records* r) { r->pop_back(); }, "MALFORMED_GRAPH", "cut off"},
        Harmful{"MoreAfterTheEnd", [](Records* r) { r->push_back(r->at(1)); }, "MALFORMED_GRAPH",
                "follows the end"},
        Harmful{"AThumbnailOfNoImage",
                [](Records* r) {
                  r->back().mutable_thumbnail()->set_image_span(0);
                  r->emplace_back().mutable_end();
                },
                "MALFORMED_GRAPH", "thumbnail.image_span"},
        Harmful{"HeatmapsOfNoImage",
                [](Records* r) {
                  r->back().mutable_heatmaps()->set_image_span(-1);
                  r->emplace_back().mutable_end();
                },
                "MALFORMED_GRAPH", "heatmaps.image_span"},
        Harmful{"APinOnNoNode",
                [](Records* r) {
                  r->back().mutable_annotations()->add_pins("9_9_9");
                  r->emplace_back().mutable_end();
                },
                "MALFORMED_GRAPH", "annotations.pins[0]"},
        Harmful{"ImportedMetadataThatAreNoJson",
                [](Records* r) {
                  r->back().mutable_imported()->set_metadata_json("{");
                  r->emplace_back().mutable_end();
                },
                "MALFORMED_GRAPH", "metadata_json"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(GraphFileFormTest, RecordsWithoutEndAreRefusedAtTheLimit) {
  const std::string bytes = Write(SampleGraph());
  const absl::Status status = Read(bytes, {.max_nodes = 50}).status();
  EXPECT_EQ(ReasonOf(status), "GRAPH_TOO_LARGE");
  EXPECT_EQ(ReasonOf(Read("CAJALGR1\xff\xff\xff\xff\x0f").status()), "MALFORMED_GRAPH");
}

TEST(GraphFileFormTest, ARecordOfANewerKindIsPassedOver) {
  std::vector<v1::GraphFileRecord> records = RecordsOf(Write(graph::TwelveNodeGraph()));
  v1::GraphFileRecord newer;
  newer.GetReflection()->MutableUnknownFields(&newer)->AddVarint(999, 1);
  records.insert(records.begin() + 1, newer);
  EXPECT_TRUE(Read(Join(records)).ok());
}

}  // namespace
}  // namespace cajal::server
