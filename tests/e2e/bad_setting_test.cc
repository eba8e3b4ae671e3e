// Settings, hook points, targets and names that are refused. Each refusal names its field, and the
// server goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>

#include "tests/e2e/cajald_process.h"

namespace cajal::e2e {
namespace {

using ::testing::HasSubstr;

class ServerSuite : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<CajaldProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }
  static std::unique_ptr<CajaldProcess> server_;
};
std::unique_ptr<CajaldProcess> ServerSuite::server_;

// A way to get a request wrong, and the field that the refusal names.
struct WrongGraph {
  const char* name;
  std::function<void(client::CreateGraphRequest*)> spoil;
  const char* field;
};

void PrintTo(const WrongGraph& wrong, std::ostream* out) { *out << wrong.name; }

class BadSetting : public ServerSuite {};

class WrongGraphs : public BadSetting, public ::testing::WithParamInterface<WrongGraph> {};

TEST_P(WrongGraphs, AreRefusedByField) {
  client::CreateGraphRequest request = SmallGraph();
  GetParam().spoil(&request);
  const absl::Status status = server_->client().CreateGraph(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  const auto violations = client::FieldViolations(status);
  ASSERT_EQ(violations.size(), 1u) << status;
  EXPECT_EQ(violations[0].field, GetParam().field);
  EXPECT_FALSE(violations[0].description.empty());
  ExpectServes(server_.get());
}

const WrongGraph kWrongGraphs[] = {
    {"NodeThresholdAboveOne", [](auto* r) { r->prune.node_threshold = 1.01; },
     "prune.node_threshold"},
    {"NodeThresholdBelowZero", [](auto* r) { r->prune.node_threshold = -0.01; },
     "prune.node_threshold"},
    {"NodeThresholdNan", [](auto* r) { r->prune.node_threshold = NAN; }, "prune.node_threshold"},
    {"EdgeThresholdAboveOne", [](auto* r) { r->prune.edge_threshold = 2; }, "prune.edge_threshold"},
    {"EdgeThresholdNan", [](auto* r) { r->prune.edge_threshold = NAN; }, "prune.edge_threshold"},
    {"EdgeThresholdInfinite", [](auto* r) { r->prune.edge_threshold = INFINITY; },
     "prune.edge_threshold"},
    {"NoLogits", [](auto* r) { r->settings.max_n_logits = 0; }, "settings.max_n_logits"},
    {"MoreLogitsThanTokens", [](auto* r) { r->settings.max_n_logits = 521; },
     "settings.max_n_logits"},
    {"LogitProbabilityZero", [](auto* r) { r->settings.desired_logit_prob = 0; },
     "settings.desired_logit_prob"},
    {"LogitProbabilityNan", [](auto* r) { r->settings.desired_logit_prob = NAN; },
     "settings.desired_logit_prob"},
    {"NegativeFeatureNodes", [](auto* r) { r->settings.max_feature_nodes = -1; },
     "settings.max_feature_nodes"},
    {"EmptyBatch", [](auto* r) { r->settings.batch_size = 0; }, "settings.batch_size"},
    {"HugeBatch", [](auto* r) { r->settings.batch_size = 1 << 30; }, "settings.batch_size"},
    {"NoUpdateInterval", [](auto* r) { r->settings.update_interval = 0; },
     "settings.update_interval"},
    {"NegativeZeroPositions", [](auto* r) { r->settings.zero_positions = -1; },
     "settings.zero_positions"},
    {"MoreZeroPositionsThanAPromptCanHave", [](auto* r) { r->settings.zero_positions = 1'000'000; },
     "settings.zero_positions"},
    {"TargetOfTwoTokens",
     [](auto* r) {
       r->targets = {" capital", " France Paris"};
     },
     "targets[1].token"},
    {"EmptyTarget", [](auto* r) { r->targets = {""}; }, "targets[0].token"},
    {"SumOfNothing", [](auto* r) { r->targets = {client::SumTarget({})}; },
     "targets[0].token_sum.terms"},
    {"DirectionOfAnotherWidth",
     [](auto* r) {
       r->targets = {client::Target(client::Direction{{1, 2}})};
     },
     "targets[0].direction.vector"},
    {"FeatureOfNoLayer", [](auto* r) { r->targets = {client::FeatureTarget(6, -1, 0)}; },
     "targets[0].feature.layer"},
    {"FeatureBeyondThePrompt", [](auto* r) { r->targets = {client::FeatureTarget(0, 100, 0)}; },
     "targets[0].feature.position"},
    {"FeatureThatIsNotActive", [](auto* r) { r->targets = {client::FeatureTarget(0, 0, 0)}; },
     "targets[0].feature"},
    {"PositionBeyondThePrompt", [](auto* r) { r->targets = {client::TopTokensAt(-100)}; },
     "targets[0].position"},
    {"LongRequestId", [](auto* r) { r->request_id = std::string(129, 'x'); }, "request_id"},
};

INSTANTIATE_TEST_SUITE_P(BadSetting, WrongGraphs, ::testing::ValuesIn(kWrongGraphs),
                         [](const auto& test) { return test.param.name; });

TEST_F(BadSetting, AnUnknownHookPointIsRefusedByField) {
  const auto result = server_->client().Forward(
      {.prompt = client::TextPrompt("The"), .hooks = {"ln_final.hook_out", "blocks.6.*"}});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  const auto violations = client::FieldViolations(result.status());
  ASSERT_EQ(violations.size(), 1u) << result.status();
  EXPECT_EQ(violations[0].field, "hooks[1]");
  EXPECT_THAT(violations[0].description, HasSubstr("blocks.6.*"));

  const ProcessResult command = server_->Cajal(
      {"forward", "--prompt", "The", "--hooks", "blocks.6.*", "--output", "/dev/null"});
  EXPECT_EQ(command.exit_code, 1);
  EXPECT_THAT(command.err, HasSubstr("blocks.6.*"));
  EXPECT_THAT(command.err, HasSubstr("--hooks"));
  ExpectServes(server_.get());
}

TEST_F(BadSetting, TheCommandNamesTheFlagThatTheServerRefuses) {
  const ProcessResult result =
      server_->Cajal({"graph", "--prompt", "The capital", "--max-n-logits", "521"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("--max-n-logits"));
  EXPECT_THAT(result.err, HasSubstr("520"));
  ExpectServes(server_.get());
}

TEST_F(BadSetting, AnUnknownTargetIsRefusedWithItsText) {
  const ProcessResult result =
      server_->Cajal({"graph", "--prompt", "The capital", "--target", " Austin and Dallas"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(" Austin and Dallas"));
  EXPECT_THAT(result.err, HasSubstr("--target"));
  ExpectServes(server_.get());
}

TEST_F(BadSetting, AnUnknownGraphIsNotFound) {
  client::Client& client = server_->client();
  const std::string name = "graphs/aaaaaaaaaaaa";
  for (const absl::Status& status :
       {client.GetGraph({.name = name}).status(), client.DeleteGraph(name),
        client.ExportGraph({.name = name}).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
  }
  EXPECT_EQ(client.GetGraph({.name = "../graphs.db"}).status().code(),
            absl::StatusCode::kInvalidArgument);

  const ProcessResult result = server_->Cajal({"export", "aaaaaaaaaaaa", "--output", "/dev/null"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(name));
  ExpectServes(server_.get());
}

TEST_F(BadSetting, AnUnknownJobIsNotFound) {
  EXPECT_EQ(server_->client().GetJob("jobs/999").status().code(), absl::StatusCode::kNotFound);
  const ProcessResult result = server_->Cajal({"jobs", "cancel", "999"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("jobs/999"));
}

TEST_F(BadSetting, WhatCanNeverFitIsRefusedAtOnceWithBothNumbers) {
  CajaldProcess small({.flags = {"--budget-bytes", "20000000"}});
  // Attention patterns and graphs grow with the square of the prompt.
  const client::Prompt prompt{.token_ids = std::vector<int64_t>(1000, 300)};
  const auto forward = small.client().Forward({.prompt = prompt, .hooks = {"*"}});
  const auto graph =
      small.client().CreateGraph({.prompt = prompt, .settings = {.max_feature_nodes = 0}});
  for (const absl::Status& status : {forward.status(), graph.status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_EQ(client::ErrorReason(status), "NEVER_FITS");
    EXPECT_THAT(std::string(status.message()), ::testing::ContainsRegex("[0-9]+ bytes.* 20000000"));
  }
  ExpectServes(&small);
}

}  // namespace
}  // namespace cajal::e2e
