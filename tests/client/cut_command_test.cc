// `cajal cut` against a server without a model: what its flags ask for, what it shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/client/command_fixture.h"

namespace cajal::cli {
namespace {

using client_test::CommandFixture;
using client_test::CommandResult;
using nlohmann::json;
using ::testing::HasSubstr;

// Every edge has the weight 1/4, and takes a target from 2 to 1.
class CutCommandTest : public CommandFixture {
 protected:
  CutCommandTest() : CommandFixture({"cut", "--prompt", "This planet is"}) {
    server_.interventions.cut_edges = [this](const v1::CutEdgesRequest& request,
                                             grpc::ServerWriter<v1::CutEdgesResponse>* writer,
                                             auto*) {
      request_ = request;
      v1::CutEdgesResponse message;
      v1::CutHeader* header = message.mutable_header();
      header->mutable_effect()->set_n_sets(1);
      for (const v1::CutEdge& edge : request.edges()) {
        header->add_weights(0.25F);
        v1::CutTarget* target = header->add_targets();
        *target->mutable_target() = edge.target();
        target->set_clean(2);
        target->set_cut(1);
        target->set_clean_activation(2);
        target->set_cut_activation(1);
      }
      writer->Write(message);
      message.mutable_chunk()->mutable_outcome()->set_kl_divergence(0.5);
      writer->Write(message);
      return grpc::Status::OK;
    };
  }

  v1::CutEdgesRequest request_;
};

TEST_F(CutCommandTest, EdgesOfEveryKindAreUnderstood) {
  const CommandResult result = Run({"--edge", "2:-1:17->4:-1:118", "--edge", "error:3:5->4:-1:118",
                                    "--edge", "token:2->logit: Mars", "--freeze", "attention"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(request_.edges_size(), 3);
  EXPECT_EQ(request_.edges(0).source().feature().index(), 17);
  EXPECT_EQ(request_.edges(0).target().feature().layer(), 4);
  EXPECT_EQ(request_.edges(1).source().error().position(), 5);
  EXPECT_EQ(request_.edges(2).source().token_position(), 2);
  EXPECT_EQ(request_.edges(2).target().token(), " Mars");
  EXPECT_EQ(request_.settings().freeze().kind(), v1::FREEZE_KIND_ATTENTION);
  EXPECT_THAT(result.out, HasSubstr("2:-1:17->4:-1:118     +0.25000"));
  EXPECT_THAT(result.out, HasSubstr("4:-1:118       2.00000  1.00000  2.00000 -> 1.00000"));
  EXPECT_THAT(result.out, HasSubstr("logit \" Mars\"  2.00000  1.00000  -"));
}

TEST_F(CutCommandTest, JsonHoldsTheSame) {
  const CommandResult result = Run({"--edge", "2:-1:17->4:-1:118", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json answer = json::parse(result.out);
  EXPECT_EQ(answer["edges"][0]["weight"], 0.25);
  EXPECT_EQ(answer["targets"][0]["cut_activation"], 1);
  EXPECT_EQ(answer["effect"]["kl_divergence"], 0.5);
}

TEST_F(CutCommandTest, WrongEdgesAreNamed) {
  for (const char* bad : {"2:-1:17", "2:-1->4:-1:118", "2:-1:17->4:-1", "error:2->4:-1:118",
                          "token:x->4:-1:118", "2:-1:17->"}) {
    const CommandResult result = Run({"--edge", bad});
    EXPECT_EQ(result.exit_code, 2) << bad;
    EXPECT_THAT(result.err, HasSubstr("--edge: must be SOURCE->TARGET"));
  }
  EXPECT_EQ(Run({}).exit_code, 2);
  EXPECT_EQ(Run({"--edge", "2:-1:17->4:-1:118"}).exit_code, 0);
}

}  // namespace
}  // namespace cajal::cli
