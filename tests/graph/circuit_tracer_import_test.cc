// circuit-tracer's JSON read back: its own files, Cajal's exports, and files that mean harm.
#include "model/graph/circuit_tracer_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <streambuf>

#include "model/graph/circuit_tracer_json.h"
#include "model/graph/graph_file.h"
#include "model/graph/json_stream.h"
#include "model/graph/keep_imported.h"
#include "model/graph/node.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

absl::StatusOr<CircuitTracerImport> Import(const std::string& text,
                                           const ImportLimits& limits = {}) {
  std::istringstream stream(text);
  return ReadCircuitTracerJson(stream, limits);
}

CircuitTracerImport MustImport(const std::string& text) {
  absl::StatusOr<CircuitTracerImport> import = Import(text);
  EXPECT_TRUE(import.ok()) << import.status();
  return import.ok() ? *std::move(import) : CircuitTracerImport();
}

std::string Export(const AttributionGraph& graph, const PruningResult& pruning,
                   const CircuitTracerJsonOptions& options) {
  std::string text;
  const auto scores = ComputeScores(graph);
  EXPECT_TRUE(scores.ok()) << scores.status();
  EXPECT_TRUE(
      WriteCircuitTracerJson(graph, pruning, *scores, options, [&text](std::string_view piece) {
        text += piece;
        return absl::OkStatus();
      }).ok());
  return text;
}

std::string ExportPruned(const AttributionGraph& graph) {
  const auto pruning = PruneGraph(graph, {0.8, 0.98});
  EXPECT_TRUE(pruning.ok()) << pruning.status();
  return Export(graph, *pruning,
                {.slug = "first", .generator_version = "1.2", .create_time_unix_ms = 99});
}

std::string ExportAsImported(const AttributionGraph& graph) {
  const auto kept = KeepImported(graph);
  EXPECT_TRUE(kept.ok()) << kept.status();
  return Export(graph, *kept, {.slug = SlugOf(*graph.imported).value_or(""), .as_imported = true});
}

// One feature, one error, two tokens, one logit, in two layers.
json SmallFile() {
  return json::parse(R"json({
    "metadata": {"slug": "small", "scan": "set", "prompt": "<bos>one",
                 "prompt_tokens": ["<bos>", "one"], "node_threshold": 0.8, "schema_version": 1,
                 "feature_details": {"base": "x"}, "replacement_score": 0.75},
    "qParams": {"pinnedIds": ["1_5_1"], "supernodes": [["both", "1_5_1", "0_-1_1"]]},
    "nodes": [
      {"node_id": "1_5_1", "feature": 26, "layer": "1", "ctx_idx": 1, "clerp": "a label",
       "feature_type": "cross layer transcoder", "influence": 0.4, "activation": 1.5},
      {"node_id": "0_-1_1", "feature": -1, "layer": "0", "ctx_idx": 1, "clerp": "",
       "feature_type": "mlp reconstruction error", "influence": 0.9, "activation": null},
      {"node_id": "E_2_0", "feature": 0, "layer": "E", "ctx_idx": 0, "clerp": "",
       "feature_type": "embedding", "influence": 0.6, "activation": null},
      {"node_id": "E_70_1", "feature": 1, "layer": "E", "ctx_idx": 1, "clerp": "",
       "feature_type": "embedding", "influence": 1.0, "activation": null},
      {"node_id": "3_40_1", "feature": 40, "layer": "3", "ctx_idx": 1, "token_prob": 0.625,
       "clerp": "Output \" two\" (p=0.625)", "feature_type": "logit", "influence": null,
       "is_target_logit": true}],
    "links": [
      {"source": "0_-1_1", "target": "1_5_1", "weight": 2.5},
      {"source": "E_70_1", "target": "1_5_1", "weight": -1},
      {"source": "1_5_1", "target": "3_40_1", "weight": 0.5}]})json");
}

// (source id, target id) -> weight, of a graph and of a file.
using Links = std::map<std::pair<std::string, std::string>, float>;

Links LinksOf(const AttributionGraph& graph) {
  Links links;
  for (int32_t row = 0; row < graph.n_nodes(); ++row) {
    for (int64_t e = graph.edges.row_begin[row]; e < graph.edges.row_begin[row + 1]; ++e) {
      links[{NodeId(graph, graph.edges.columns[e]), NodeId(graph, row)}] = graph.edges.weights[e];
    }
  }
  return links;
}

// Release 0.4.1's name of an error as circuit-tracer's newest code has it.
std::string NewestId(const json& node) {
  if (node["feature_type"] != "mlp reconstruction error") return node["node_id"];
  return node["layer"].get<std::string>() + "_-1_" + std::to_string(node["ctx_idx"].get<int>());
}

json Golden(const std::string& name) {
  return json::parse(std::ifstream("golden/ct_json/" + name + ".json"));
}

TEST(CircuitTracerImportTest, AFileOfRelease041HasItsNodesLinksAndValues) {
  const json file = Golden("text__plt_topk");
  const AttributionGraph graph = MustImport(file.dump()).graph;
  EXPECT_EQ(graph.n_layers, 6);
  EXPECT_EQ(graph.prompt, "<bos>The capital of France is");
  EXPECT_EQ(graph.token_texts, file["metadata"]["prompt_tokens"].get<std::vector<std::string>>());
  EXPECT_EQ(graph.transcoder_name, "tiny-gemma3");
  EXPECT_THAT(graph.image_runs, testing::IsEmpty());

  std::map<std::string, std::string> newest_ids;
  for (const json& node : file["nodes"]) newest_ids[node["node_id"]] = NewestId(node);
  Links expected;
  for (const json& link : file["links"]) {
    expected[{newest_ids[link["source"]], newest_ids[link["target"]]}] = link["weight"];
  }
  EXPECT_EQ(LinksOf(graph), expected);

  ASSERT_EQ(graph.imported->nodes.size(), file["nodes"].size());
  std::map<std::string, float> influence;
  for (size_t i = 0; i < graph.imported->nodes.size(); ++i) {
    influence[NodeId(graph, graph.imported->nodes[i])] = graph.imported->influence[i];
  }
  for (const json& node : file["nodes"]) {
    const std::string id = NewestId(node);
    ASSERT_TRUE(influence.contains(id)) << id;
    const float said = node["influence"].is_null() ? -1 : node["influence"].get<float>();
    EXPECT_EQ(influence[id], said) << id;
    const int32_t place = *NodeWithId(graph, id);
    if (place < graph.n_selected()) {
      EXPECT_EQ(graph.active_features[place].activation, node["activation"].get<float>());
    }
    if (place >= graph.first_logit()) {
      EXPECT_EQ(graph.logits[place - graph.first_logit()].probability,
                node["token_prob"].get<float>());
    }
  }
}

// The golden file with a picture has an error and a feature of one name.
TEST(CircuitTracerImportTest, AFileWhoseErrorsAndFeaturesShareAnIdIsRefusedWithTheReason) {
  const absl::Status status = Import(Golden("one_image__gs2_affine").dump()).status();
  EXPECT_EQ(ReasonOf(status), "MALFORMED_GRAPH");
  EXPECT_THAT(FieldOf(status), HasSubstr("node_id"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("0.4.1"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("0_4_7"));
  EXPECT_TRUE(Import(SmallFile().dump()).ok());
}

TEST(CircuitTracerImportTest, ImageTokensBecomeAnImageRun) {
  AttributionGraph golden = GoldenGraph("one_image__gs2_affine");
  golden.token_texts =
      Golden("one_image__gs2_affine")["metadata"]["prompt_tokens"].get<std::vector<std::string>>();
  const AttributionGraph graph = MustImport(ExportPruned(golden)).graph;
  ASSERT_EQ(graph.image_runs.size(), 1);
  EXPECT_EQ(graph.image_runs[0].begin, 3);
  EXPECT_EQ(graph.image_runs[0].end, 7);
}

class RoundTrip : public testing::TestWithParam<std::function<AttributionGraph()>> {};

TEST_P(RoundTrip, GivesTheSameBytes) {
  AttributionGraph graph = GetParam()();
  for (size_t i = 0; i < graph.logits.size(); ++i) graph.logits[i].token += "\"(p= quoted\"";
  const std::string first = ExportPruned(graph);
  const AttributionGraph imported = MustImport(first).graph;
  EXPECT_EQ(ExportAsImported(imported), first);
  EXPECT_EQ(ExportAsImported(MustImport(ExportAsImported(imported)).graph), first);
}

INSTANTIATE_TEST_SUITE_P(
    Exports, RoundTrip,
    testing::Values([] { return TwelveNodeGraph(); }, [] { return RandomGraph(5, 60); },
                    [] { return GoldenGraph("text__plt_topk"); },
                    [] { return GoldenGraph("two_images_chat__gs2_affine"); }));

TEST(CircuitTracerImportTest, WhatTheFileSaysOfTheWholeGraphStays) {
  const AttributionGraph graph = MustImport(SmallFile().dump()).graph;
  EXPECT_EQ(SlugOf(*graph.imported), "small");
  const json exported = json::parse(ExportAsImported(graph));
  EXPECT_EQ(exported["metadata"], SmallFile()["metadata"]);
  EXPECT_EQ(exported["nodes"][0]["influence"].get<float>(), 0.4F);
  EXPECT_EQ(exported["nodes"].size(), 5);
  EXPECT_EQ(exported["links"].size(), 3);
}

TEST(CircuitTracerImportTest, PrunedAgainItHasCajalsFiguresBesideTheFilesOtherMetadata) {
  const AttributionGraph graph = MustImport(SmallFile().dump()).graph;
  const json exported = json::parse(ExportPruned(graph));
  EXPECT_EQ(exported["metadata"]["feature_details"], json({{"base", "x"}}));
  EXPECT_EQ(exported["metadata"]["slug"], "first");
  // Of the feature's inflow of 3.5, 2.5 come from the error.
  EXPECT_NEAR(exported["metadata"]["replacement_score"].get<double>(), 1 / 3.5, 1e-7);
}

TEST(CircuitTracerImportTest, WhatIsNotInTheFileIsZeroOrMissing) {
  json file = SmallFile();
  file["nodes"][0].erase("activation");
  file["nodes"][0].erase("influence");
  file["nodes"].erase(2);  // the token at position 0
  const AttributionGraph graph = MustImport(file.dump()).graph;
  EXPECT_EQ(graph.active_features[0].activation, 0);
  EXPECT_THAT(graph.input_tokens, ElementsAre(-1, 70));
  EXPECT_EQ(graph.settings.max_feature_nodes, 0);
  const json exported = json::parse(ExportAsImported(graph));
  EXPECT_TRUE(exported["nodes"][0]["activation"].is_null());
  EXPECT_TRUE(exported["nodes"][0]["influence"].is_null());
  EXPECT_EQ(exported["nodes"].size(), 4);
}

TEST(CircuitTracerImportTest, PinsGroupsAndLabelsBecomeAnnotations) {
  const Annotations annotations = MustImport(SmallFile().dump()).annotations;
  EXPECT_THAT(annotations.labels, ElementsAre(Pair("1_5_1", "a label")));
  EXPECT_THAT(annotations.pins, ElementsAre("1_5_1"));
  EXPECT_THAT(annotations.supernodes, ElementsAre(Supernode{"both", {"1_5_1", "0_-1_1"}}));
}

TEST(CircuitTracerImportTest, PinsUnderTheOldNamesOfErrorsBecomeAnnotations) {
  std::string text = SmallFile().dump();
  for (size_t at; (at = text.find("\"0_-1_1\"")) != std::string::npos;) {
    text.replace(at, 8, "\"0_0_1\"");
  }
  const Annotations annotations = MustImport(text).annotations;
  EXPECT_THAT(annotations.supernodes, ElementsAre(Supernode{"both", {"1_5_1", "0_-1_1"}}));
}

TEST(CircuitTracerImportTest, AnnotationsComeBackInTheExport) {
  AttributionGraph graph = TwelveNodeGraph();
  const auto pruning = PruneGraph(graph, {1, 1});
  ASSERT_TRUE(pruning.ok()) << pruning.status();
  const Annotations annotations = {
      .labels = {{"1_0_1", "say \"<&>\""}, {"0_-1_1", "an error"}, {"E_2_0", "a token"}},
      .pins = {"3_40_1", "1_0_1"},
      .supernodes = {{"first", {"0_1_1"}}, {"second", {"1_0_1", "1_5_1"}}}};
  const std::string first = Export(graph, *pruning, {.slug = "first", .annotations = annotations});
  const CircuitTracerImport import = MustImport(first);
  EXPECT_EQ(import.annotations, annotations);
  const auto kept = KeepImported(import.graph);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(Export(import.graph, *kept,
                   {.slug = "first", .as_imported = true, .annotations = import.annotations}),
            first);
}

TEST(CircuitTracerImportTest, LabelsThatAreTooLongAreLeftOut) {
  json file = SmallFile();
  file["nodes"][0]["clerp"] = std::string(kMaxLabelBytes + 1, 'x');
  file["nodes"][1]["clerp"] = std::string(kMaxLabelBytes, 'x');
  const Annotations annotations = MustImport(file.dump()).annotations;
  EXPECT_THAT(annotations.labels, ElementsAre(Pair("0_-1_1", std::string(kMaxLabelBytes, 'x'))));
}

TEST(CircuitTracerImportTest, LabelsThatAreTooMuchTogetherAreLeftOut) {
  const AttributionGraph graph = RandomGraph(1, 600);
  json file = json::parse(ExportPruned(graph));
  for (json& node : file["nodes"]) {
    if (node["feature_type"] != "logit") node["clerp"] = std::string(1000, 'x');
  }
  ASSERT_GT((file["nodes"].size() - graph.logits.size()) * 1000, kMaxAnnotationsBytes);
  file["qParams"]["pinnedIds"] = {file["nodes"][0]["node_id"]};
  const Annotations annotations = MustImport(file.dump()).annotations;
  EXPECT_THAT(annotations.labels, testing::IsEmpty());
  EXPECT_THAT(annotations.pins, ElementsAre(file["nodes"][0]["node_id"].get<std::string>()));
}

// As a program writes it that sorts keys.
TEST(CircuitTracerImportTest, LinksMayComeBeforeNodes) {
  const json file = SmallFile();
  const std::string text = R"({"links":)" + file["links"].dump() + R"(,"metadata":)" +
                           file["metadata"].dump() + R"(,"nodes":)" + file["nodes"].dump() +
                           R"(,"other":[{"deep":[1,{"a":null}]}]})";
  EXPECT_EQ(LinksOf(MustImport(text).graph), LinksOf(MustImport(file.dump()).graph));
}

TEST(CircuitTracerImportTest, OrderOfNodesAndLinksDoesNotMatter) {
  json file = SmallFile();
  std::reverse(file["nodes"].begin(), file["nodes"].end());
  std::reverse(file["links"].begin(), file["links"].end());
  EXPECT_TRUE(Identical(MustImport(file.dump()).graph, MustImport(SmallFile().dump()).graph));
}

TEST(CircuitTracerImportTest, AWeightAboveOneIsACustomTargets) {
  json file = SmallFile();
  file["nodes"][4]["token_prob"] = 2.5;
  const AttributionGraph graph = MustImport(file.dump()).graph;
  EXPECT_EQ(graph.logits[0].weight(), 2.5F);
  EXPECT_EQ(graph.logits[0].token, " two");
}

TEST(CircuitTracerImportTest, AnImportedGraphIsStoredWithWhatItsFileSaid) {
  const AttributionGraph graph = MustImport(SmallFile().dump()).graph;
  const auto bytes = std::make_shared<const std::string>(SerializeStoredGraph(graph));
  const auto stored = ParseGraph(bytes, "stored");
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(ExportAsImported(*stored), ExportAsImported(graph));
}

struct Hostile {
  const char* name;
  std::function<void(json&)> change;
  const char* reason;
  const char* field;  // part of it
};

class HostileFile : public testing::TestWithParam<Hostile> {};

TEST_P(HostileFile, IsATypedErrorAndTheNextImportSucceeds) {
  json file = SmallFile();
  GetParam().change(file);
  const absl::Status status = Import(file.dump()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(ReasonOf(status), GetParam().reason) << status;
  EXPECT_THAT(FieldOf(status), HasSubstr(GetParam().field)) << status;
  EXPECT_LT(status.message().size(), 2000u);
  EXPECT_TRUE(Import(SmallFile().dump()).ok());
}

constexpr char kMalformed[] = "MALFORMED_GRAPH";
INSTANTIATE_TEST_SUITE_P(
    Files, HostileFile,
    testing::Values(
        Hostile{"NoMetadata", [](json& f) { f.erase("metadata"); }, kMalformed, "metadata"},
        Hostile{"NoTokens", [](json& f) { f["metadata"].erase("prompt_tokens"); }, kMalformed,
                "metadata.prompt_tokens"},
        Hostile{"TokensThatAreNumbers",
                [](json& f) {
                  f["metadata"]["prompt_tokens"] = {1, 2};
                },
                kMalformed, "metadata.prompt_tokens"},
        Hostile{"MetadataThatAreAList", [](json& f) { f["metadata"] = json::array(); }, kMalformed,
                "metadata"},
        Hostile{"NoNodes",
                [](json& f) {
                  f.erase("nodes");
                  f["links"].clear();
                },
                kMalformed, "nodes"},
        Hostile{"NodesThatAreAnObject", [](json& f) { f["nodes"] = json::object(); }, kMalformed,
                "nodes"},
        Hostile{"ANodeThatIsANumber", [](json& f) { f["nodes"][1] = 7; }, kMalformed, "nodes[1]"},
        Hostile{"ANodeWithoutId", [](json& f) { f["nodes"][1].erase("node_id"); }, kMalformed,
                "nodes[1].node_id"},
        Hostile{"AnIdThatIsAnObject",
                [](json& f) {
                  f["nodes"][1]["node_id"] = {{"a", 1}};
                },
                kMalformed, "nodes[1].node_id"},
        Hostile{"AnIdTwice", [](json& f) { f["nodes"].push_back(f["nodes"][0]); }, kMalformed,
                "nodes[5].node_id"},
        Hostile{"AnErrorUnderBothNames",
                [](json& f) {
                  f["nodes"].push_back(f["nodes"][1]);
                  f["nodes"][5]["node_id"] = "0_0_1";
                },
                kMalformed, "nodes"},
        Hostile{"AnIdOfAnotherLayer", [](json& f) { f["nodes"][0]["layer"] = "0"; }, kMalformed,
                "nodes[0].node_id"},
        Hostile{"ALayerBeyondTheLogits",
                [](json& f) {
                  f["nodes"][0]["layer"] = 2;
                  f["nodes"][0]["node_id"] = "2_5_1";
                  f["links"].clear();
                },
                kMalformed, "nodes[0].layer"},
        Hostile{"APositionBeyondThePrompt",
                [](json& f) {
                  f["nodes"][0]["ctx_idx"] = 2;
                  f["nodes"][0]["node_id"] = "1_5_2";
                  f["links"].clear();
                },
                kMalformed, "nodes[0].ctx_idx"},
        Hostile{"ANegativePosition", [](json& f) { f["nodes"][0]["ctx_idx"] = -1; }, kMalformed,
                "nodes[0].ctx_idx"},
        Hostile{"NoLogit",
                [](json& f) {
                  f["nodes"].erase(4);
                  f["links"].erase(2);
                },
                kMalformed, "nodes"},
        Hostile{"AnotherKindOfNode", [](json& f) { f["nodes"][0]["feature_type"] = "lorsa"; },
                "UNSUPPORTED_GRAPH", "nodes[0].feature_type"},
        Hostile{"AnInfluenceThatIsText", [](json& f) { f["nodes"][0]["influence"] = "much"; },
                kMalformed, "nodes[0].influence"},
        Hostile{"ANegativeProbability", [](json& f) { f["nodes"][4]["token_prob"] = -0.5; },
                kMalformed, "nodes[4].token_prob"},
        Hostile{"AWeightBeyondFloat32", [](json& f) { f["links"][1]["weight"] = 1e300; },
                kMalformed, "links[1].weight"},
        Hostile{"NoWeight", [](json& f) { f["links"][1].erase("weight"); }, kMalformed,
                "links[1].weight"},
        Hostile{"ALinkFromNowhere", [](json& f) { f["links"][1]["source"] = "1_6_1"; }, kMalformed,
                "links[1].source"},
        Hostile{"ALinkToNowhere", [](json& f) { f["links"][1]["target"] = "1_6_1"; }, kMalformed,
                "links[1].target"},
        Hostile{"ALinkTwice", [](json& f) { f["links"].push_back(f["links"][0]); }, kMalformed,
                "links[3]"},
        Hostile{"ACycle",
                [](json& f) {
                  f["links"].push_back({{"source", "3_40_1"}, {"target", "1_5_1"}, {"weight", 1}});
                },
                "NOT_LAYER_ORDERED", "edges.columns"},
        Hostile{"ALinkToItself",
                [](json& f) {
                  f["links"].push_back({{"source", "1_5_1"}, {"target", "1_5_1"}, {"weight", 1}});
                },
                "NOT_LAYER_ORDERED", "edges.columns"},
        Hostile{"ALinkIntoAToken",
                [](json& f) {
                  f["links"].push_back({{"source", "E_2_0"}, {"target", "E_70_1"}, {"weight", 1}});
                },
                "NOT_LAYER_ORDERED", "edges.columns"},
        Hostile{"TwoBillionLayers",
                [](json& f) {
                  f["nodes"][4]["layer"] = "2000000000";
                  f["nodes"][4]["node_id"] = "2000000000_40_1";
                  f["links"].erase(2);
                },
                "GRAPH_TOO_LARGE", "nodes"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(HostileTextTest, AFileCutOffAnywhereIsATypedError) {
  const std::string text = SmallFile().dump();
  for (size_t size = 0; size < text.size(); ++size) {
    const absl::Status status = Import(text.substr(0, size)).status();
    EXPECT_EQ(ReasonOf(status), kMalformed) << size << ": " << status;
  }
  EXPECT_TRUE(Import(text).ok());
}

TEST(HostileTextTest, NotANumberIsNoJson) {
  for (const char* number : {"NaN", "Infinity", "-Infinity", "1e999"}) {
    std::string text = SmallFile().dump();
    text.replace(text.find("2.5"), 3, number);
    const absl::Status status = Import(text).status();
    EXPECT_EQ(ReasonOf(status), kMalformed) << number << ": " << status;
  }
}

TEST(HostileTextTest, SectionsTwiceAndKeysTwiceAreRefused) {
  const std::string text = SmallFile().dump();
  const std::string again = text.substr(0, text.size() - 1) + R"(,"nodes":[]})";
  EXPECT_EQ(FieldOf(Import(again).status()), "nodes");
  std::string id_twice = text;
  id_twice.replace(id_twice.find(R"("node_id")"), 0, R"("node_id":"1_1_1",)");
  EXPECT_EQ(ReasonOf(Import(id_twice).status()), kMalformed);
}

TEST(HostileTextTest, DeepNestingIsRefused) {
  const std::string text = R"({"other":)" + std::string(1'000'000, '[');
  EXPECT_THAT(std::string(Import(text).status().message()), HasSubstr("nests deeper"));
}

// A text without end, made as it is read: `begin`, then `repeat` again and again, its "#" the
// count.
class EndlessText final : public std::streambuf {
 public:
  EndlessText(std::string begin, std::string repeat)
      : text_(std::move(begin)), repeat_(std::move(repeat)) {
    setg(text_.data(), text_.data(), text_.data() + text_.size());
  }
  [[nodiscard]] int64_t n_bytes() const { return n_bytes_; }

 private:
  int_type underflow() override {
    text_.clear();
    while (text_.size() < 65536) {
      std::string part = repeat_;
      while (part.find('#') != std::string::npos) {
        part.replace(part.find('#'), 1, std::to_string(count_));
      }
      text_ += part;
      ++count_;
    }
    n_bytes_ += static_cast<int64_t>(text_.size());
    setg(text_.data(), text_.data(), text_.data() + text_.size());
    return traits_type::to_int_type(*gptr());
  }

  std::string text_;
  const std::string repeat_;
  int64_t count_ = 0;
  int64_t n_bytes_ = 0;
};

absl::Status ImportEndless(EndlessText* text) {
  std::istream stream(text);
  return ReadCircuitTracerJson(stream, {.max_nodes = 10'000, .max_edges = 1000}).status();
}

// What is held follows from what was read: ids, and 100 bytes or so for each node.
TEST(EndlessFileTest, NodesWithoutEndAreRefusedAtTheLimit) {
  EndlessText text(R"({"nodes":[)", R"({"node_id":"0_#_0","layer":"0","ctx_idx":0,)"
                                    R"("feature_type":"cross layer transcoder"},)");
  const absl::Status status = ImportEndless(&text);
  EXPECT_EQ(ReasonOf(status), "GRAPH_TOO_LARGE");
  EXPECT_EQ(FieldOf(status), "nodes");
  EXPECT_LT(text.n_bytes(), 10'000 * 120);
}

TEST(EndlessFileTest, LinksWithoutEndAreRefusedAtTheLimit) {
  const json file = SmallFile();
  EndlessText text(R"({"metadata":)" + file["metadata"].dump() + R"(,"nodes":)" +
                       file["nodes"].dump() + R"(,"links":[)",
                   R"({"source":"0_-1_1","target":"1_5_1","weight":#},)");
  const absl::Status status = ImportEndless(&text);
  EXPECT_EQ(ReasonOf(status), "GRAPH_TOO_LARGE");
  EXPECT_EQ(FieldOf(status), "links");
  EXPECT_LT(text.n_bytes(), 200'000);
}

TEST(EndlessFileTest, AStringWithoutEndIsRefused) {
  for (const char* begin : {R"({"metadata":{"prompt":")", R"({"nodes":[{"node_id":")", R"({")"}) {
    EndlessText text(begin, "abc");
    EXPECT_EQ(ReasonOf(ImportEndless(&text)), kMalformed);
    EXPECT_LT(text.n_bytes(), 2 * kMaxJsonTokenBytes);
  }
}

TEST(EndlessFileTest, MetadataWithoutEndAreRefused) {
  EndlessText text(R"({"metadata":{"prompt_tokens":[)", R"("a token",)");
  EXPECT_EQ(ReasonOf(ImportEndless(&text)), "GRAPH_TOO_LARGE");
  EXPECT_LT(text.n_bytes(), 64 << 20);
}

}  // namespace
}  // namespace cajal::graph
