// `cajal fold`: what it asks for, how it shows the answer, what it keeps.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/client/command_fixture.h"
#include "tests/client/fake_server.h"

namespace cajal::cli {
namespace {

using client_test::CommandFixture;
using client_test::CommandResult;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Nodes 0 to 2 and the supernodes 3 and 4, of which the second lies in the first.
constexpr const char* kPieces[] = {
    R"pb(header {
           header {
             graph {
               name: "graphs/7f3a"
               n_nodes: 3
               n_layers: 2
               n_positions: 1
               logits { token_id: 9 token: " Mars" }
             }
             view: GRAPH_VIEW_PRUNED
             n_nodes: 3
             n_edges: 7
           }
           n_supernodes: 2
           n_folded_edges: 2
         })pb",
    R"pb(supernodes {
           supernodes {
             supernode { name: "sky" members: "blue" }
             parent: -1
             shown: true
             n_nodes: 1
             node_indices: 0
             influence: 0.5
             n_inner_edges: 2
             inner_weight: -0.75
             inner_magnitude: 1
           }
           supernodes {
             supernode { name: "blue" members: "1_7_0" }
             parent: 0
             proposed: true
             node_indices: 0
           }
         })pb",
    R"pb(chunk { tokens { token_ids: 2 token_texts: "<bos>" } })pb",
    R"pb(chunk {
           nodes {
             node_indices: [ 0, 1, 2 ]
             kinds: [ NODE_KIND_FEATURE, NODE_KIND_TOKEN, NODE_KIND_LOGIT ]
             layers: [ 1, -1, 2 ]
             positions: [ 0, 0, 0 ]
             indices: [ 7, 2, 9 ]
             activations: [ 1, 0, 0.5 ]
             influences: [ 0.5, 0.5, 0 ]
             biases: [ 0, 0, 0 ]
             pre_activations: [ 0, 0, 0 ]
           }
         })pb",
    R"pb(edges {
           sources: [ 3, 1 ]
           targets: [ 2, 3 ]
           weights: [ -0.25, 1.5 ]
           magnitudes: [ 1, 2 ]
           counts: [ 3, 4 ]
         })pb"};

class FoldCommandTest : public CommandFixture {
 protected:
  FoldCommandTest() : CommandFixture({"fold"}) {
    server_.graphs.fold_graph = [this](const v1::FoldGraphRequest& request, auto* writer, auto*) {
      request_ = request;
      // A client that has seen enough ends the test while this goes on.
      const auto pieces = pieces_;
      for (const char* text : pieces) {
        v1::FoldGraphResponse piece;
        EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &piece));
        writer->Write(piece);
      }
      return grpc::Status::OK;
    };
    server_.graphs.get_annotations = [this](auto&, v1::GetAnnotationsResponse* response, auto*) {
      *response->mutable_annotations() = annotations_;
      response->set_etag("5");
      return grpc::Status::OK;
    };
    server_.graphs.update_graph = [this](const v1::UpdateGraphRequest& request, auto*, auto*) {
      EXPECT_EQ(request.etag(), "5");
      annotations_ = request.annotations();
      return grpc::Status::OK;
    };
  }

  std::vector<const char*> pieces_ = {std::begin(kPieces), std::end(kPieces)};
  v1::FoldGraphRequest request_;
  v1::Annotations annotations_;
};

TEST_F(FoldCommandTest, SupernodesAndTheirStrongestEdgesAreTables) {
  const CommandResult result = Run({"7f3a"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out,
            "supernode  nodes  influence  inner edges  inner weight  note\n"
            "sky        1      0.5000     2            -0.75         \n"
            "blue       1      -          -            -             proposed, in sky\n"
            "\n"
            "weight  edges  from → to\n"
            "+1.5    4      \"<bos>\" (0) → [sky]\n"
            "-0.25   3      [sky] → \" Mars\"\n");
  EXPECT_EQ(request_.name(), "graphs/7f3a");
  EXPECT_EQ(request_.view(), v1::GRAPH_VIEW_PRUNED);
  EXPECT_EQ(annotations_.supernodes_size(), 0);
}

TEST_F(FoldCommandTest, FlagsReachTheServer) {
  const CommandResult result =
      Run({"7f3a", "--supernode", "red planet=1_7_0,E_2_0", "--supernode", "b=0_0_0", "--propose",
           "image-positions,similar", "--min-similarity", "0.5", "--open", "sky,b",
           "--ignore-stored", "--full", "--node-threshold", "0.5"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(request_.supernodes_size(), 2);
  EXPECT_EQ(request_.supernodes(0).name(), "red planet");
  EXPECT_THAT(request_.supernodes(0).members(), ElementsAre("1_7_0", "E_2_0"));
  EXPECT_THAT(request_.proposals(), ElementsAre(v1::SUPERNODE_PROPOSAL_IMAGE_POSITIONS,
                                                v1::SUPERNODE_PROPOSAL_SIMILAR_EDGES));
  EXPECT_EQ(request_.min_similarity(), 0.5);
  EXPECT_THAT(request_.opened(), ElementsAre("sky", "b"));
  EXPECT_TRUE(request_.ignore_stored());
  EXPECT_EQ(request_.view(), v1::GRAPH_VIEW_FULL);
  EXPECT_EQ(request_.prune().node_threshold(), 0.5);
}

TEST_F(FoldCommandTest, JsonHasEveryEdgeByName) {
  const auto json = nlohmann::json::parse(Run({"7f3a", "--json", "--max-edges", "1"}).out);
  EXPECT_EQ(json["id"], "7f3a");
  EXPECT_EQ(json["supernodes"][0]["inner_weight"], -0.75);
  EXPECT_EQ(json["supernodes"][1]["proposed"], true);
  ASSERT_EQ(json["edges"].size(), 2u);
  EXPECT_EQ(json["edges"][0]["source"], "sky");
  EXPECT_EQ(json["edges"][0]["target"], "3_9_0");
  EXPECT_EQ(json["edges"][1]["source"], "E_2_0");
  EXPECT_EQ(json["edges"][1]["edges"], 4);
}

TEST_F(FoldCommandTest, SaveAddsWhatIsNotKeptYet) {
  v1::Supernode* kept = annotations_.add_supernodes();
  kept->set_name("sky");
  kept->add_members("blue");
  annotations_.add_pins("1_7_0");
  EXPECT_EQ(Run({"7f3a", "--save"}).exit_code, 0);
  ASSERT_EQ(annotations_.supernodes_size(), 2);
  EXPECT_EQ(annotations_.supernodes(1).name(), "blue");
  EXPECT_EQ(annotations_.pins_size(), 1);
}

TEST_F(FoldCommandTest, SaveWithoutThoseStoredReplacesThem) {
  annotations_.add_supernodes()->set_name("old");
  EXPECT_EQ(Run({"7f3a", "--save", "--ignore-stored"}).exit_code, 0);
  ASSERT_EQ(annotations_.supernodes_size(), 2);
  EXPECT_EQ(annotations_.supernodes(0).name(), "sky");
}

TEST_F(FoldCommandTest, AnAnswerThatEndsEarlyIsBroken) {
  pieces_.pop_back();
  const CommandResult result = Run({"7f3a"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("0 of 2 edges"));
}

TEST_F(FoldCommandTest, WrongFlagsAreWrongUsageAndTheNextCallIsAnswered) {
  for (const char* supernode : {"sky", "=1_7_0", "sky="}) {
    EXPECT_EQ(Run({"7f3a", "--supernode", supernode}).exit_code, 2) << supernode;
  }
  EXPECT_EQ(Run({"7f3a", "--propose", "everything"}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a", "--min-similarity", "2"}).exit_code, 2);
  EXPECT_EQ(Run({}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a"}).exit_code, 0);
}

}  // namespace
}  // namespace cajal::cli
