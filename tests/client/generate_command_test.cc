// `cajal generate`: what it asks for, and how it shows tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/client/command_fixture.h"

namespace cajal::cli {
namespace {

using client_test::CommandFixture;
using client_test::CommandResult;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class GenerateCommandTest : public CommandFixture {
 protected:
  // Two tokens for each sample, the second a stop token.
  GenerateCommandTest() : CommandFixture({"generate"}) {
    server_.model.generate = [this](const v1::GenerateRequest& request, auto* writer,
                                    grpc::ServerContext*) {
      request_ = request;
      v1::GenerateResponse summary;
      for (int index = 0; index < 2; ++index) {
        v1::GenerateResponse step;
        for (int sample = 0; sample < request.samples(); ++sample) {
          v1::GeneratedToken* token = step.mutable_tokens()->add_tokens();
          token->set_sequence(sample);
          token->set_index(index);
          token->mutable_chosen()->set_token_id(7 + index);
          token->mutable_chosen()->set_token(index == 0 ? " Mars" : "<eos>");
          token->mutable_chosen()->set_probability(0.5F);
          if (index == 0) token->set_text(" Mars");
          for (int i = 0; i < request.top_tokens(); ++i) {
            *token->add_top_tokens() = token->chosen();
          }
        }
        writer->Write(step);
      }
      for (int sample = 0; sample < request.samples(); ++sample) {
        v1::GeneratedSequence* sequence = summary.mutable_summary()->add_sequences();
        sequence->set_sample(sample);
        sequence->add_token_ids(7);
        sequence->add_token_ids(8);
        sequence->set_text(" Mars");
        sequence->set_finish_reason(v1::FINISH_REASON_STOP_TOKEN);
      }
      summary.mutable_summary()->set_n_prompt_positions(5);
      if (!forget_summary_) writer->Write(summary);
      return grpc::Status::OK;
    };
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
