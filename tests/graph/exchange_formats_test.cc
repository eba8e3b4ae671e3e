// GraphML, node-link JSON and DOT of the graph on paper (test_graphs.h), pruned as pruning_test.cc
// works it out by hand: nodes 2, 5, 8 to 11 and the edges 2<-5 and 10<-2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "model/graph/dot.h"
#include "model/graph/graphml.h"
#include "model/graph/node_link_json.h"
#include "tests/graph/test_graphs.h"

namespace cajal::graph {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

using Writer = absl::Status (*)(const ExportedPart&, const TextSink&);

std::string Write(Writer writer, const AttributionGraph& graph, const PruningOptions& options) {
  const auto pruning = PruneGraph(graph, options);
  EXPECT_TRUE(pruning.ok()) << pruning.status();
  std::string text;
  const absl::Status status =
      writer({.graph = graph, .pruning = *pruning, .scores = {0.5, 0.25}, .name = "twelve"},
             [&text](std::string_view piece) {
               text += piece;
               return absl::OkStatus();
             });
  EXPECT_TRUE(status.ok()) << status;
  return text;
}

AttributionGraph TwelveNodes() {
  AttributionGraph graph = TwelveNodeGraph();
  graph.pre_activations[2] = 1.75F;
  graph.pre_activations[10] = -3;
  graph.logits[0].token = "say \"<&>\"\n";
  graph.logits[1].token = "\x01\xff";  // a control character, and half a character
  return graph;
}

TEST(NodeLinkJsonTest, HasTheKeptNodesAndEdgesWithTheirValues) {
  const json document = json::parse(Write(WriteNodeLinkJson, TwelveNodes(), {0.7, 0.55}));
  EXPECT_EQ(document["directed"], true);
  EXPECT_EQ(document["multigraph"], false);
  EXPECT_EQ(document["graph"], json({{"name", "twelve"},
                                     {"model", "paper-and-pencil"},
                                     {"transcoders", "org/set//folder"},
                                     {"prompt", "<bos>one"},
                                     {"n_layers", 2},
                                     {"n_positions", 2},
                                     {"node_threshold", 0.7},
                                     {"edge_threshold", 0.55},
                                     {"replacement_score", 0.5},
                                     {"completeness_score", 0.25}}));
  ASSERT_EQ(document["nodes"].size(), 6);
  json feature = document["nodes"][0];
  EXPECT_NEAR(feature["influence"].get<double>(), 0.3, 1e-7);
  feature.erase("influence");
  EXPECT_EQ(feature, json({{"id", "1_0_1"},
                           {"kind", "feature"},
                           {"layer", 1},
                           {"position", 1},
                           {"index", 0},
                           {"token", "one"},
                           {"activation", 2.0},
                           {"pre_activation", 1.75}}));
  const json& error = document["nodes"][1];
  EXPECT_EQ(error["id"], "0_-1_1");
  EXPECT_EQ(error["kind"], "error");
  EXPECT_FALSE(error.contains("activation"));
  EXPECT_EQ(document["nodes"][3]["kind"], "token");
  const json& logit = document["nodes"][4];
  EXPECT_EQ(logit["id"], "3_40_1");
  EXPECT_EQ(logit["token"], "say \"<&>\"\n");
  EXPECT_EQ(logit["weight"].get<float>(), 0.6F);
  EXPECT_EQ(logit["pre_activation"], -3.0);
  EXPECT_EQ(document["nodes"][5]["token"], "\x01\xef\xbf\xbd");
  EXPECT_EQ(document["edges"],
            json::parse(R"([{"source": "0_-1_1", "target": "1_0_1", "weight": 2.0},
                            {"source": "1_0_1", "target": "3_40_1", "weight": 4.0}])"));
}

// A parsed GraphML document, asked by XPath; "g:" is GraphML's namespace.
class Graphml {
 public:
  explicit Graphml(const std::string& text)
      : document_(xmlReadMemory(text.data(), static_cast<int>(text.size()), nullptr, nullptr, 0),
                  xmlFreeDoc) {
    EXPECT_NE(document_, nullptr) << text;
  }

  // The texts of the nodes that the expression finds.
  std::vector<std::string> Texts(const std::string& expression) const {
    const std::unique_ptr<xmlXPathContext, decltype(&xmlXPathFreeContext)> context(
        xmlXPathNewContext(document_.get()), xmlXPathFreeContext);
    const auto* prefix = reinterpret_cast<const xmlChar*>("g");
    const auto* space = reinterpret_cast<const xmlChar*>("http://graphml.graphdrawing.org/xmlns");
    xmlXPathRegisterNs(context.get(), prefix, space);
    const std::unique_ptr<xmlXPathObject, decltype(&xmlXPathFreeObject)> found(
        xmlXPathEvalExpression(reinterpret_cast<const xmlChar*>(expression.c_str()), context.get()),
        xmlXPathFreeObject);
    std::vector<std::string> texts;
    for (int i = 0; found && found->nodesetval && i < found->nodesetval->nodeNr; ++i) {
      xmlChar* content = xmlNodeGetContent(found->nodesetval->nodeTab[i]);
      texts.emplace_back(reinterpret_cast<const char*>(content));
      xmlFree(content);
    }
    return texts;
  }

 private:
  std::unique_ptr<xmlDoc, decltype(&xmlFreeDoc)> document_;
};

TEST(GraphmlTest, HasTheKeptNodesAndEdgesWithTheirValues) {
  using ::testing::ElementsAre;
  const Graphml document(Write(WriteGraphml, TwelveNodes(), {0.7, 0.55}));
  EXPECT_THAT(document.Texts("/g:graphml/g:graph/@edgedefault"), ElementsAre("directed"));
  EXPECT_THAT(document.Texts("//g:graph/g:data[@key='g_prompt']"), ElementsAre("<bos>one"));
  EXPECT_THAT(document.Texts("//g:graph/g:data[@key='g_edge_threshold']"), ElementsAre("0.55"));
  EXPECT_THAT(document.Texts("//g:node/@id"),
              ElementsAre("1_0_1", "0_-1_1", "E_2_0", "E_70_1", "3_40_1", "3_41_1"));
  EXPECT_THAT(document.Texts("//g:node/g:data[@key='n_kind']"),
              ElementsAre("feature", "error", "token", "token", "logit", "logit"));
  EXPECT_THAT(document.Texts("//g:node/g:data[@key='n_activation']"), ElementsAre("2"));
  EXPECT_THAT(document.Texts("//g:node[@id='3_40_1']/g:data[@key='n_pre_activation']"),
              ElementsAre("-3"));
  EXPECT_THAT(
      document.Texts("//g:node/g:data[@key='n_token']"),
      ElementsAre("one", "one", "<bos>", "one", "say \"<&>\"\n", "\xef\xbf\xbd\xef\xbf\xbd"));
  EXPECT_THAT(document.Texts("//g:edge/@source"), ElementsAre("0_-1_1", "1_0_1"));
  EXPECT_THAT(document.Texts("//g:edge/@target"), ElementsAre("1_0_1", "3_40_1"));
  EXPECT_THAT(document.Texts("//g:edge/g:data[@key='e_weight']"), ElementsAre("2", "4"));
}

// networkx reads the type of an attribute from its key, and fails without one.
TEST(GraphmlTest, EveryAttributeHasAKey) {
  const Graphml document(Write(WriteGraphml, TwelveNodes(), {0.7, 0.55}));
  const std::vector<std::string> keys = document.Texts("/g:graphml/g:key/@id");
  for (const std::string& used : document.Texts("//g:data/@key")) {
    EXPECT_THAT(keys, testing::Contains(used));
  }
  EXPECT_THAT(document.Texts("//g:key[@id='n_influence']/@attr.type"),
              testing::ElementsAre("double"));
}

TEST(DotTest, DrawsLayersNodesAndEdges) {
  const std::string text = Write(WriteDot, TwelveNodes(), {0.7, 0.55});
  const std::string expected = R"dot(digraph "twelve" {
  rankdir=BT;
  {
    rank=same;
    "E_2_0" [label="'<bos>' (0)", shape=box];
    "E_70_1" [label="'one' (1)", shape=box];
  }
  {
    rank=same;
    "0_-1_1" [label="L0 error at 'one' (1)", shape=diamond];
  }
  {
    rank=same;
    "1_0_1" [label="L1 feature 0 at 'one' (1)", shape=ellipse];
  }
  {
    rank=same;
    "3_40_1" [label="'say \"<&>\"\\n' 0.600", shape=box];
    "3_41_1" [label="'��' 0.200", shape=box];
  }
  "0_-1_1" -> "1_0_1" [tooltip="2", penwidth=2.000, color="#2166ac"];
  "1_0_1" -> "3_40_1" [tooltip="4", penwidth=4.000, color="#2166ac"];
}
)dot";
  EXPECT_EQ(text, expected);
}

TEST(DotTest, AnEdgeThatSpeaksAgainstItsTargetIsRed) {
  AttributionGraph graph = TwelveNodeGraph();
  graph.edges = MakeEdges(12, {{10, 9, -1}});
  EXPECT_THAT(Write(WriteDot, graph, {1, 1}),
              HasSubstr(R"("E_70_1" -> "3_40_1" [tooltip="-1", penwidth=4.000, color="#b2182b"])"));
}

class EveryTextFormat : public ::testing::TestWithParam<Writer> {};

TEST_P(EveryTextFormat, ComesInPiecesAndEndsWithTheSinksError) {
  const AttributionGraph graph = RandomGraph(2, 200);
  const auto pruning = PruneGraph(graph, {1, 1});
  ASSERT_TRUE(pruning.ok());
  const ExportedPart part{.graph = graph, .pruning = *pruning, .scores = {}, .name = "g"};
  size_t largest = 0;
  int pieces = 0;
  ASSERT_TRUE(GetParam()(part, [&](std::string_view piece) {
                largest = std::max(largest, piece.size());
                ++pieces;
                return absl::OkStatus();
              }).ok());
  EXPECT_GT(pieces, 3);
  EXPECT_LT(largest, 80000u);

  pieces = 0;
  const absl::Status stopped = GetParam()(part, [&](std::string_view) {
    return ++pieces == 2 ? absl::ResourceExhaustedError("full") : absl::OkStatus();
  });
  EXPECT_EQ(stopped.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(pieces, 2);
}

INSTANTIATE_TEST_SUITE_P(Exchange, EveryTextFormat,
                         ::testing::Values(&WriteNodeLinkJson, &WriteGraphml, &WriteDot));

}  // namespace
}  // namespace cajal::graph
