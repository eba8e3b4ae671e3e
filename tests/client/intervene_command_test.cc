// `cajal intervene` against a server without a model: what its flags ask for, what it shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "client/cli/edit_flags.h"
#include "model/checkpoint/safetensors.h"
#include "tests/client/command_fixture.h"
#include "tests/temp_dir.h"

namespace cajal::cli {
namespace {

using client_test::CommandFixture;
using client_test::CommandResult;
using intervention::PositionKind;
using intervention::Positions;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ParsePositions, UnderstandsEveryForm) {
  EXPECT_EQ(ParsePositions("7"), intervention::At(7));
  EXPECT_EQ(ParsePositions("-1"), intervention::At(-1));
  EXPECT_EQ(ParsePositions("-4..-2"), (Positions{.first = -4, .last = -2}));
  EXPECT_EQ(ParsePositions("*"), (Positions{.kind = PositionKind::kAll}));
  EXPECT_EQ(ParsePositions("generated"), (Positions{.kind = PositionKind::kGenerated}));
  EXPECT_EQ(ParsePositions("image1"), (Positions{.kind = PositionKind::kImage, .image = 1}));
  EXPECT_EQ(ParsePositions("image0.2.*"), (Positions{.kind = PositionKind::kImage, .row = 2}));
  EXPECT_EQ(ParsePositions("image0.*.3"), (Positions{.kind = PositionKind::kImage, .column = 3}));
  for (const char* bad :
       {"", "x", "1..", "1..2..3", "image", "imagex", "image0.1", "image0.-1.0"}) {
    EXPECT_FALSE(ParsePositions(bad).has_value()) << bad;
  }
}

// Answers with one outcome for each set, whose edited run makes " Earth" the first token.
class InterveneCommandTest : public CommandFixture {
 protected:
  InterveneCommandTest() : CommandFixture({"intervene", "--prompt", "This planet is"}) {
    server_.interventions.intervene = [this](const v1::InterveneRequest& request,
                                             grpc::ServerWriter<v1::InterveneResponse>* writer,
                                             auto*) {
      request_ = request;
      v1::InterveneResponse message;
      message.mutable_header()->set_n_sets(request.edit_sets_size());
      const std::string data(8, '\0');  // [1, 2] logits
      if (request.report().return_logits()) {
        for (int i = -1; i < request.edit_sets_size(); ++i) {
          v1::TensorInfo* info = message.mutable_header()->add_tensors();
          info->set_name(i < 0 ? "clean.logits" : std::to_string(i) + ".logits");
          info->set_type(v1::TENSOR_TYPE_F32);
          info->add_shape(1);
          info->add_shape(2);
          info->set_size_bytes(8);
        }
      }
      const int n_tensors = message.header().tensors_size();
      writer->Write(message);
      for (const v1::EditSet& set : request.edit_sets()) {
        v1::EditSetOutcome* outcome = message.mutable_chunk()->mutable_outcome();
        outcome->set_label(set.label());
        outcome->set_kl_divergence(1.25);
        outcome->set_n_listed(1);
        v1::TokenChange* token = outcome->add_edited_top();
        token->set_token(" Earth");
        token->set_token_id(12);
        token->mutable_clean()->set_probability(0.125);
        token->mutable_clean()->set_logit(1);
        token->mutable_clean()->set_rank(4);
        token->mutable_edited()->set_probability(0.5);
        token->mutable_edited()->set_logit(3.5);
        token->mutable_edited()->set_rank(1);
        writer->Write(message);
        v1::ActivationChangeChunk* arrays = message.mutable_chunk()->mutable_activations();
        arrays->add_layers(4);
        arrays->add_positions(3);
        arrays->add_features(17);
        arrays->add_clean(-2);
        arrays->add_edited(6);
        arrays->add_clean_pre_activations(-2);
        arrays->add_edited_pre_activations(6);
        writer->Write(message);
        message.mutable_chunk()->Clear();
      }
      for (int i = 0; i < n_tensors; ++i) {
        message.mutable_chunk()->mutable_tensor()->set_tensor(i);
        message.mutable_chunk()->mutable_tensor()->set_data(data);
        writer->Write(message);
      }
      return grpc::Status::OK;
    };
  }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  TempDir dir_;
  v1::InterveneRequest request_;
};

TEST_F(InterveneCommandTest, FlagsBecomeOneSetOfEdits) {
  const CommandResult result = Run({"--set",
                                    "4:-1:17=2.5",
                                    "--set",
                                    "3:image0.1.*:5*=0",
                                    "--set",
                                    "2:1..3:9+=-1",
                                    "--set",
                                    "2:4:1<=0.5",
                                    "--set",
                                    "2:4:2>=-0.5",
                                    "--ablate",
                                    "1:*:7",
                                    "--supernode",
                                    "7f3a/the sky@-1*=0.5",
                                    "--freeze",
                                    "layers=2-5",
                                    "--baseline",
                                    "running",
                                    "--plain-relu",
                                    "--zero-positions",
                                    "4",
                                    "--token",
                                    " Mars",
                                    "--top-k",
                                    "3",
                                    "--position",
                                    "-2",
                                    "--activations",
                                    "4:3:17,5:*:1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(request_.edit_sets_size(), 1);
  const v1::EditSet& set = request_.edit_sets(0);
  ASSERT_EQ(set.feature_edits_size(), 6);
  EXPECT_EQ(set.feature_edits(0).layer(), 4);
  EXPECT_EQ(set.feature_edits(0).positions().position(), -1);
  EXPECT_EQ(set.feature_edits(0).feature(), 17);
  EXPECT_EQ(set.feature_edits(0).operation().set_to(), 2.5F);
  EXPECT_EQ(set.feature_edits(1).positions().image().row(), 1);
  EXPECT_FALSE(set.feature_edits(1).positions().image().has_column());
  EXPECT_TRUE(set.feature_edits(1).operation().has_scale_by());
  EXPECT_EQ(set.feature_edits(2).positions().range().last(), 3);
  EXPECT_EQ(set.feature_edits(2).operation().add(), -1);
  EXPECT_EQ(set.feature_edits(3).operation().at_most(), 0.5F);
  EXPECT_EQ(set.feature_edits(4).operation().at_least(), -0.5F);
  EXPECT_TRUE(set.feature_edits(5).positions().has_all());
  EXPECT_EQ(set.feature_edits(5).operation().set_to(), 0);
  ASSERT_EQ(set.supernode_edits_size(), 1);
  EXPECT_EQ(set.supernode_edits(0).graph(), "graphs/7f3a");
  EXPECT_EQ(set.supernode_edits(0).supernode(), "the sky");
  EXPECT_EQ(set.supernode_edits(0).positions().position(), -1);
  EXPECT_EQ(request_.settings().freeze().kind(), v1::FREEZE_KIND_LAYERS);
  EXPECT_EQ(request_.settings().freeze().first_layer(), 2);
  EXPECT_EQ(request_.settings().freeze().last_layer(), 5);
  EXPECT_EQ(request_.settings().baseline(), v1::BASELINE_RUNNING);
  EXPECT_TRUE(request_.settings().plain_relu_baseline());
  EXPECT_EQ(request_.settings().zero_positions(), 4);
  EXPECT_THAT(request_.report().tokens(), ElementsAre(" Mars"));
  EXPECT_EQ(request_.report().top_k(), 3);
  EXPECT_EQ(request_.report().position(), -2);
  ASSERT_EQ(request_.report().features_size(), 2);
  EXPECT_TRUE(request_.report().features(1).positions().has_all());
  EXPECT_FALSE(request_.report().return_logits());
}

TEST_F(InterveneCommandTest, TensorsComeFromAFileOrFromTheDonor) {
  const std::string vector = Write("v.json", "[1, -2.5]");
  const CommandResult result =
      Run({"--hook", "blocks.3.hook_resid_post:2+=0.5*" + vector, "--hook",
           "blocks.*.mlp.hook_in:image0=donor", "--hook", "ln_final.hook_out:-1=donor:5",
           "--donor-prompt", "That planet is"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const v1::EditSet& set = request_.edit_sets(0);
  ASSERT_EQ(set.hook_edits_size(), 3);
  EXPECT_EQ(set.hook_edits(0).hook(), "blocks.3.hook_resid_post");
  EXPECT_TRUE(set.hook_edits(0).add());
  EXPECT_EQ(set.hook_edits(0).strength(), 0.5F);
  EXPECT_THAT(set.hook_edits(0).vector().values(), ElementsAre(1, -2.5F));
  EXPECT_TRUE(set.hook_edits(1).donor_positions().has_image());
  EXPECT_EQ(set.hook_edits(2).donor_positions().position(), 5);
  EXPECT_EQ(request_.donor().parts(0).text(), "That planet is");
}

TEST_F(InterveneCommandTest, AFileHoldsMoreSets) {
  const std::string edits = Write(
      "edits.json", R"([{"label": "half", "set": ["4:-1:17*=0.5"]}, {"ablate": ["4:-1:17"]}])");
  const CommandResult result = Run({"--set", "4:-1:17=1", "--edits", edits});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(request_.edit_sets_size(), 3);
  EXPECT_EQ(request_.edit_sets(1).label(), "half");
  EXPECT_EQ(request_.edit_sets(1).feature_edits(0).operation().scale_by(), 0.5F);
  EXPECT_THAT(result.out, HasSubstr("edit set 2 of 3: half"));
}

TEST_F(InterveneCommandTest, TablesShowBothRuns) {
  const CommandResult result = Run({"--set", "4:-1:17=1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\" Earth\"    12  0.1250   0.5000    +2.5000       4 -> 1"));
  EXPECT_THAT(result.out, HasSubstr("KL(clean || edited) 1.25 nats"));
  EXPECT_THAT(result.out, HasSubstr("4:3:17   -2.0000  6.0000  +8.0000  -2.0000 -> 6.0000"));
}

TEST_F(InterveneCommandTest, JsonHoldsTheSame) {
  const CommandResult result = Run({"--set", "4:-1:17=1", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json set = json::parse(result.out)["sets"][0];
  EXPECT_EQ(set["kl_divergence"], 1.25);
  EXPECT_EQ(set["edited_top"][0]["edited"]["rank"], 1);
  EXPECT_EQ(set["activations"][0]["clean"], -2);
}

TEST_F(InterveneCommandTest, TheOutputFileHasTheLogitsByName) {
  const std::string path = dir_.path() + "/out.safetensors";
  ASSERT_EQ(Run({"--set", "4:-1:17=1", "--output", path}).exit_code, 0);
  EXPECT_TRUE(request_.report().return_logits());
  const auto one = checkpoint::SafetensorsFile::Open(path);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_NE((*one)->Find("logits"), nullptr);
  EXPECT_NE((*one)->Find("clean.logits"), nullptr);
  const std::string edits = Write("edits.json", R"([{"ablate": ["4:-1:17"]}])");
  ASSERT_EQ(Run({"--set", "4:-1:17=1", "--edits", edits, "--output", path}).exit_code, 0);
  const auto two = checkpoint::SafetensorsFile::Open(path);
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_NE((*two)->Find("1.logits"), nullptr);
}

TEST_F(InterveneCommandTest, WrongFlagsAreNamed) {
  const auto expect_usage_error = [this](const std::vector<std::string>& flags,
                                         const std::string& text) {
    const CommandResult result = Run(flags);
    EXPECT_EQ(result.exit_code, 2) << result.out;
    EXPECT_THAT(result.err, HasSubstr(text));
  };
  expect_usage_error({}, "give the edits with --set");
  for (const char* bad : {"4:-1:17", "4:-1=2", "x:-1:17=2", "4:-1:17=x", "4:-1:17="}) {
    expect_usage_error({"--set", bad}, "--set: must be LAYER:POSITION:FEATURE=VALUE");
  }
  expect_usage_error({"--ablate", "4:-1"}, "--ablate: must be LAYER:POSITION:FEATURE");
  expect_usage_error({"--supernode", "sky=0"}, "--supernode: must be GRAPH/NAME=VALUE");
  expect_usage_error({"--hook", "blocks.0.hook_resid_pre=donor"}, "--hook: must be NAME:POSITION");
  expect_usage_error({"--hook", "blocks.0.hook_resid_pre:1=/no/file"}, "--hook: /no/file");
  expect_usage_error({"--set", "4:-1:17=1", "--freeze", "some"},
                     "--freeze: must be none, attention, layers=A-B or all; got 'some'");
  expect_usage_error({"--set", "4:-1:17=1", "--freeze", "layers=5-2"}, "--freeze: must be");
  expect_usage_error({"--set", "4:-1:17=1", "--baseline", "old"}, "--baseline");
  expect_usage_error({"--set", "4:-1:17=1", "--activations", "4:1"}, "--activations: must be");
  expect_usage_error({"--set", "4:-1:17=1", "--donor-image", "x.png"}, "needs --donor-prompt");
  expect_usage_error({"--edits", Write("no.json", "{")}, "is no JSON");
  expect_usage_error({"--edits", Write("key.json", R"([{"sets": []}])")},
                     "its keys are label, set");
  EXPECT_EQ(Run({"--set", "4:-1:17=1"}).exit_code, 0);
}

}  // namespace
}  // namespace cajal::cli
