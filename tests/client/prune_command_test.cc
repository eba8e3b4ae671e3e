// `cajal prune`: what it asks for, and how it shows what is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "client/cli/prune_flags.h"
#include "tests/client/command_fixture.h"
#include "tests/client/fake_server.h"
#include "tests/temp_dir.h"

namespace cajal::cli {
namespace {

using client_test::CommandFixture;
using client_test::CommandResult;
using client_test::TypedError;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PruneCommandTest : public CommandFixture {
 protected:
  PruneCommandTest() : CommandFixture({"prune"}) {
    server_.graphs.prune_graph = [this](const v1::PruneGraphRequest& request,
                                        grpc::ServerWriter<v1::PruneGraphResponse>* writer, auto*) {
      request_ = request;
      v1::PruneGraphResponse piece;
      *piece.mutable_header() = client_test::SmallGraphHeader(v1::GRAPH_VIEW_PRUNED);
      *piece.mutable_header()->mutable_prune() = request.prune();
      piece.mutable_header()->mutable_kept_scores()->set_replacement_score(0.5);
      piece.mutable_header()->mutable_kept_scores()->set_completeness_score(0.875);
      writer->Write(piece);
      for (const v1::GraphChunk& chunk : client_test::SmallGraphChunks(v1::GRAPH_VIEW_PRUNED)) {
        *piece.mutable_chunk() = chunk;
        writer->Write(piece);
      }
      return grpc::Status::OK;
    };
    server_.graphs.export_graph = [this](const v1::ExportGraphRequest& request,
                                         grpc::ServerWriter<v1::ExportGraphResponse>* writer,
                                         auto*) {
      exported_ = request;
      v1::ExportGraphResponse piece;
      piece.set_data("{}");
      piece.set_total_size_bytes(2);
      writer->Write(piece);
      return grpc::Status::OK;
    };
  }

  v1::PruneGraphRequest request_;
  v1::ExportGraphRequest exported_;
};

TEST_F(PruneCommandTest, SizesScoresAndTheStrongestNodesAreShown) {
  const CommandResult result = Run({"7f3a", "--node-threshold", "0.5"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("before  replacement 0.6250, completeness 0.7500\n"));
  EXPECT_THAT(result.out, HasSubstr("after   replacement 0.5000, completeness 0.8750\n"));
  EXPECT_THAT(result.out, HasSubstr("4 kept at 0.5: 2 features, 1 error, 1 token, 1 logit"));
  EXPECT_THAT(result.out,
              HasSubstr("influence  activation  node                                id\n"
                        "0.2500     -           L0 error at \"The capital\" (1)       0_-1_1\n"
                        "0.1250     0.5         L0 feature 40 at \"The capital\" (1)  0_40_1\n"));
  EXPECT_EQ(request_.name(), "graphs/7f3a");
  EXPECT_EQ(request_.prune().node_threshold(), 0.5);
}

TEST_F(PruneCommandTest, StepsAndIdsReachTheServerInOrder) {
  const CommandResult result =
      Run({"7f3a", "--step", "image", "--step", "layers=2-5", "--step", "positions=3", "--step",
           "weight=0.25", "--step", "top=7", "--step", "influence=0.5", "--keep", "E_2_0,0_40_1",
           "--logits", "2_481_1", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const v1::PruneOptions& prune = request_.prune();
  EXPECT_FALSE(prune.has_node_threshold());
  ASSERT_EQ(prune.steps_size(), 6);
  EXPECT_EQ(prune.steps(0).place().modality(), v1::MODALITY_IMAGE);
  EXPECT_EQ(prune.steps(1).place().first_layer(), 2);
  EXPECT_EQ(prune.steps(1).place().last_layer(), 5);
  EXPECT_FALSE(prune.steps(1).place().has_first_position());
  EXPECT_EQ(prune.steps(2).place().first_position(), 3);
  EXPECT_EQ(prune.steps(2).place().last_position(), 3);
  EXPECT_EQ(prune.steps(3).weight().min_weight(), 0.25);
  EXPECT_EQ(prune.steps(4).top_sources().max_sources(), 7);
  EXPECT_EQ(prune.steps(5).influence().node_threshold(), 0.5);
  EXPECT_FALSE(prune.steps(5).influence().has_edge_threshold());
  EXPECT_THAT(prune.keep_ids(), ElementsAre("E_2_0", "0_40_1"));
  EXPECT_THAT(prune.logit_ids(), ElementsAre("2_481_1"));

  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["steps"][3], "weight=0.25");
  EXPECT_EQ(json["kept_replacement_score"], 0.5);
  EXPECT_EQ(json["kept"][0]["id"], "0_17_1");
  EXPECT_EQ(json["kept"][4]["id"], "2_481_1");
}

TEST_F(PruneCommandTest, TheFileIsOfTheSamePruning) {
  TempDir dir;
  const std::string path = dir.path() + "/pruned.json";
  const CommandResult result = Run({"7f3a", "--step", "top=7", "--output", path});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(exported_.prune().SerializeAsString(), request_.prune().SerializeAsString());
  EXPECT_EQ(exported_.format(), v1::EXPORT_FORMAT_CIRCUIT_TRACER_JSON);
}

TEST_F(PruneCommandTest, WrongStepsAreWrongUsage) {
  for (const char* step : {"", "best", "influence=a", "influence=0.8,0.9,1", "weight", "weight=x",
                           "top=1.5", "layers", "layers=5-2", "image=1"}) {
    const CommandResult result = Run({"7f3a", "--step", step});
    EXPECT_EQ(result.exit_code, 2) << step;
    EXPECT_THAT(result.err, HasSubstr("--step")) << step;
  }
  EXPECT_EQ(Run({"7f3a", "--step", "top=7", "--node-threshold", "0.5"}).exit_code, 2);
  EXPECT_EQ(Run({"7f3a", "--step", "top=7"}).exit_code, 0);
}

TEST_F(PruneCommandTest, ARefusedStepNamesItsFlag) {
  server_.graphs.prune_graph = [](const auto&, auto*, auto*) {
    return TypedError({.code = grpc::INVALID_ARGUMENT,
                       .message = "prune.steps[0].top_sources.max_sources: must be at least 1",
                       .reason = "INVALID_ARGUMENT",
                       .field = "prune.steps[0].top_sources.max_sources"});
  };
  const CommandResult result = Run({"7f3a", "--step", "top=0"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("The flag for it is --step."));
}

TEST(PruneStepTest, AStepIsPrintedAsItIsRead) {
  for (const char* text : {"influence=0.5,0.9", "weight=0.25", "top=7", "layers=2-5",
                           "positions=3-3", "text", "image"}) {
    Json json;
    AddPruneJson({.steps = {ParsePruneStep(text).value()}}, &json);
    EXPECT_EQ(json["steps"][0], text);
  }
}

}  // namespace
}  // namespace cajal::cli
