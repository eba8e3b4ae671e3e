// `cajal generate`: what it asks for, and how it shows tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/client/command_fixture.h"
#include "tests/temp_dir.h"

namespace cajal::cli {
namespace {

using client_test::CommandFixture;
using client_test::CommandResult;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class GenerateCommandTest : public CommandFixture {
 protected:
  // Two tokens for each sample of the clean run, " Mars" and a stop token; edited ones get "
  // Earth".
  GenerateCommandTest() : CommandFixture({"generate"}) {
    server_.model.generate = [this](const v1::GenerateRequest& request, auto* writer,
                                    grpc::ServerContext*) {
      request_ = request;
      for (int index = 0; index < 2; ++index) {
        v1::GenerateResponse step;
        for (int i = 0; i < NumSequences(); ++i) AddToken(i, index, step.mutable_tokens());
        writer->Write(step);
      }
      v1::GenerateResponse summary;
      for (int i = 0; i < NumSequences(); ++i) {
        v1::GeneratedSequence* sequence = summary.mutable_summary()->add_sequences();
        sequence->set_sample(i % request.samples());
        const int set = SetOf(i);
        if (set >= 0) sequence->set_edit_set(set);
        if (set >= 0) sequence->set_label(request.edit_sets(set).label());
        sequence->add_token_ids(set < 0 ? 7 : 9);
        sequence->add_token_ids(8);
        sequence->set_text(set < 0 ? " Mars" : " Earth");
        sequence->set_finish_reason(v1::FINISH_REASON_STOP_TOKEN);
      }
      summary.mutable_summary()->set_n_prompt_positions(5);
      if (!forget_summary_) writer->Write(summary);
      return grpc::Status::OK;
    };
  }

  int NumSequences() const { return request_.samples() * (request_.edit_sets_size() + 1); }
  int SetOf(int sequence) const { return sequence / request_.samples() - 1; }
  void AddToken(int sequence, int index, v1::GeneratedTokens* tokens) const {
    const std::string word = SetOf(sequence) < 0 ? " Mars" : " Earth";
    v1::GeneratedToken* token = tokens->add_tokens();
    token->set_sequence(sequence);
    token->set_index(index);
    if (SetOf(sequence) >= 0) token->set_edit_set(SetOf(sequence));
    token->mutable_chosen()->set_token_id(7 + index);
    token->mutable_chosen()->set_token(index == 0 ? word : "<eos>");
    token->mutable_chosen()->set_probability(0.5F);
    if (index == 0) token->set_text(word);
    for (int i = 0; i < request_.top_tokens(); ++i) *token->add_top_tokens() = token->chosen();
  }

  v1::GenerateRequest request_;
  bool forget_summary_ = false;
};

TEST_F(GenerateCommandTest, AsksForWhatTheFlagsSay) {
  const CommandResult result =
      Run({"--prompt",      "This is", "--max-new-tokens", "9",
           "--temperature", "0.5",     "--top-k",          "40",
           "--top-p",       "0.9",     "--seed",           "18446744073709551615",
           "--samples",     "2",       "--stop",           " Mars",
           "--stop",        ".",       "--top-tokens",     "3"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(request_.max_new_tokens(), 9);
  EXPECT_EQ(request_.sampling().temperature(), 0.5);
  EXPECT_EQ(request_.sampling().top_k(), 40);
  EXPECT_EQ(request_.sampling().top_p(), 0.9);
  EXPECT_EQ(request_.sampling().seed(), 18446744073709551615U);
  EXPECT_EQ(request_.samples(), 2);
  EXPECT_THAT(request_.stop_tokens(), ElementsAre(" Mars", "."));
  EXPECT_EQ(request_.top_tokens(), 3);
}

TEST_F(GenerateCommandTest, IsGreedyUnlessToldOtherwise) {
  ASSERT_EQ(Run({"--prompt", "This is"}).exit_code, 0);
  EXPECT_EQ(request_.max_new_tokens(), 64);
  EXPECT_EQ(request_.sampling().temperature(), 0);
  EXPECT_EQ(request_.sampling().top_p(), 1);
  EXPECT_EQ(request_.samples(), 1);
}

TEST_F(GenerateCommandTest, PrintsTheTextAndWhyItEnded) {
  const CommandResult result = Run({"--prompt", "This is"});
  EXPECT_THAT(result.out, StartsWith(" Mars\n"));
  EXPECT_THAT(result.out, HasSubstr("2 tokens, ended by \"<eos>\""));
}

TEST_F(GenerateCommandTest, NumbersTheSamples) {
  const CommandResult result = Run({"--prompt", "x", "--samples", "2", "--temperature", "1"});
  EXPECT_THAT(result.out, StartsWith("[0] Mars\n"));
  EXPECT_THAT(result.out, HasSubstr("[1] Mars\n"));
}

TEST_F(GenerateCommandTest, JsonHoldsEachTokenWithItsCandidates) {
  const CommandResult result = Run({"--prompt", "This is", "--json", "--top-tokens", "1"});
  const auto json = nlohmann::json::parse(result.out);
  ASSERT_EQ(json["sequences"].size(), 1U);
  const auto& sequence = json["sequences"][0];
  EXPECT_EQ(sequence["text"], " Mars");
  EXPECT_EQ(sequence["finish_reason"], "stop_token");
  EXPECT_EQ(sequence["token_ids"], nlohmann::json({7, 8}));
  EXPECT_EQ(sequence["tokens"][0]["token"], " Mars");
  EXPECT_EQ(sequence["tokens"][0]["top_tokens"][0]["probability"], 0.5);
  EXPECT_EQ(json["n_prompt_positions"], 5);
}

TEST_F(GenerateCommandTest, EditFlagsBecomeSetsOfEdits) {
  const TempDir dir;
  const std::string more =
      dir.Write("more.json", R"([{"label": "half", "set": ["4:generated:17*=0.5"]}])");
  const CommandResult result =
      Run({"--prompt", "This is", "--set", "4:-1:17=2.5", "--ablate", "5:generated:3",
           "--supernode", "g1/hands@*=0", "--hook", "blocks.1.hook_resid_post:generated=donor:-1",
           "--edits", more, "--donor-prompt", "Earth is", "--plain-relu", "--zero-positions", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(request_.edit_sets_size(), 2);
  const v1::EditSet& set = request_.edit_sets(0);
  EXPECT_EQ(set.feature_edits(0).positions().position(), -1);
  EXPECT_EQ(set.feature_edits(0).operation().set_to(), 2.5F);
  EXPECT_TRUE(set.feature_edits(1).positions().has_generated());
  EXPECT_EQ(set.supernode_edits(0).graph(), "graphs/g1");
  EXPECT_EQ(set.hook_edits(0).donor_positions().position(), -1);
  EXPECT_EQ(request_.edit_sets(1).label(), "half");
  EXPECT_EQ(request_.edit_sets(1).feature_edits(0).operation().scale_by(), 0.5F);
  EXPECT_EQ(request_.donor().parts(0).text(), "Earth is");
  EXPECT_TRUE(request_.settings().plain_relu_baseline());
  EXPECT_EQ(request_.settings().zero_positions(), 2);
}

TEST_F(GenerateCommandTest, ShowsEachSetBesideTheCleanRun) {
  const CommandResult result = Run({"--prompt", "This is", "--set", "4:-1:17=2.5"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("clean run\n Mars\n"));
  EXPECT_THAT(result.out, HasSubstr("\nedit set 1\n Earth\n"));
  EXPECT_THAT(result.out, HasSubstr("differs from the clean run from token 1 on"));

  const CommandResult samples =
      Run({"--prompt", "This is", "--set", "4:-1:17=2.5", "--samples", "2", "--temperature", "1"});
  EXPECT_THAT(samples.out, StartsWith("clean run\n[0] Mars\n"));
  EXPECT_THAT(samples.out, HasSubstr("\nedit set 1\n[0] Earth\n"));
  EXPECT_THAT(samples.out, HasSubstr("\n[1] Earth\n"));
}

TEST_F(GenerateCommandTest, JsonTellsTheEditSetOfEachSequence) {
  const CommandResult result = Run({"--prompt", "This is", "--json", "--set", "4:-1:17=2.5"});
  const auto json = nlohmann::json::parse(result.out);
  ASSERT_EQ(json["sequences"].size(), 2U);
  EXPECT_TRUE(json["sequences"][0]["edit_set"].is_null());
  EXPECT_EQ(json["sequences"][1]["edit_set"], 0);
  EXPECT_EQ(json["sequences"][1]["text"], " Earth");
}

TEST_F(GenerateCommandTest, WrongEditsAreUsageErrors) {
  const CommandResult form = Run({"--prompt", "x", "--set", "4:17=2"});
  EXPECT_EQ(form.exit_code, 2);
  EXPECT_THAT(form.err, HasSubstr("--set: must be LAYER:POSITION:FEATURE=VALUE"));
  EXPECT_EQ(Run({"--prompt", "x", "--set", "4:1:7=2", "--freeze", "all"}).exit_code, 2);
  EXPECT_EQ(Run({"--prompt", "x", "--edits", "/no/such/file"}).exit_code, 2);
}

TEST_F(GenerateCommandTest, WrongFlagsAreUsageErrorsThatNameTheFlag) {
  const std::vector<std::vector<std::string>> wrong = {
      {"--max-new-tokens", "0"}, {"--temperature", "-1"}, {"--top-k", "-1"}, {"--top-p", "0"},
      {"--samples", "0"},        {"--top-tokens", "-1"},  {"--seed", "-1"},  {"--seed", "x"}};
  for (const std::vector<std::string>& flag : wrong) {
    const CommandResult result = Run({"--prompt", "x", flag[0], flag[1]});
    EXPECT_EQ(result.exit_code, 2) << flag[0];
    EXPECT_THAT(result.err, HasSubstr(flag[0]));
  }
  EXPECT_EQ(Run({}).exit_code, 2);
}

TEST_F(GenerateCommandTest, AnAnswerWithoutItsSummaryIsAnError) {
  forget_summary_ = true;
  const CommandResult result = Run({"--prompt", "x"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("without a summary"));
}

}  // namespace
}  // namespace cajal::cli
