// Sessions with the real programs: clamps against the same edits, a killed server, what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/e2e/cajald_process.h"
#include "tests/temp_dir.h"

namespace cajal::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json RunJson(const CajaldProcess& server, std::vector<std::string> command) {
  command.insert(command.begin() + 1, "--json");
  const ProcessResult result = server.Cajal(command);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return json::parse(result.out, nullptr, /*allow_exceptions=*/false);
}

TEST(Session, ItsClampsAreTheSameAsEditsOfAllTokensAndSurviveAKilledServer) {
  const TempDir data_dir;
  {
    CajaldProcess server({.data_dir = data_dir.path()});
    RunJson(server, {"clamp", "create", "loud"});
    const json session = RunJson(
        server, {"clamp", "set", "loud", "pair", "--feature", "2:17,3:5", "--at-least", "6"});
    EXPECT_EQ(session["clamps"][0]["name"], "pair");
    server.Kill();
  }
  CajaldProcess server({.data_dir = data_dir.path()});
  const json kept = RunJson(server, {"clamp", "show", "loud"});
  EXPECT_EQ(kept["clamps"][0]["at_least"], 6);
  ASSERT_EQ(kept["clamps"][0]["features"].size(), 2U);

  const std::vector<std::string> prompt = {"--prompt", "The capital of France is"};
  const auto with = [&](std::vector<std::string> command, const std::vector<std::string>& flags) {
    command.insert(command.end(), prompt.begin(), prompt.end());
    command.insert(command.end(), flags.begin(), flags.end());
    return RunJson(server, command);
  };
  const std::vector<std::string> edits = {"--set",    "2:*:17>=6",       "--set",
                                          "3:*:5>=6", "--set",           "2:generated:17>=6",
                                          "--set",    "3:generated:5>=6"};
  const json edited = with({"generate", "--max-new-tokens", "6"}, edits)["sequences"];
  const json clamped =
      with({"generate", "--max-new-tokens", "6"}, {"--session", "loud"})["sequences"];
  EXPECT_EQ(clamped[0]["token_ids"], edited[1]["token_ids"]);
  const json both = with({"generate", "--max-new-tokens", "6"},
                         {"--session", "loud", "--unclamped-clean-run"})["sequences"];
  EXPECT_EQ(both[0]["token_ids"], edited[0]["token_ids"]);
  EXPECT_EQ(both[1]["token_ids"], edited[1]["token_ids"]);
  EXPECT_EQ(both[1]["label"], "loud");

  const json of_edits = with({"intervene"}, {"--set", "2:*:17>=6", "--set", "3:*:5>=6"})["sets"][0];
  const json of_clamps =
      with({"intervene"}, {"--session", "loud", "--unclamped-clean-run"})["sets"][0];
  EXPECT_NEAR(of_clamps["kl_divergence"].get<double>(), of_edits["kl_divergence"].get<double>(),
              1e-6);
  EXPECT_GT(of_edits["kl_divergence"].get<double>(), 1e-3);
  const json pass = with({"forward"}, {"--session", "loud"});
  EXPECT_EQ(pass["top_tokens"][0]["token_id"], of_edits["edited_top"][0]["token_id"]);
  EXPECT_NEAR(pass["top_tokens"][0]["logit"].get<double>(),
              of_edits["edited_top"][0]["edited"]["logit"].get<double>(), 1e-4);
}

TEST(Session, WhatIsWrongIsSaidAndTheServerGoesOn) {
  CajaldProcess server({.flags = {"--quota-sessions", "1", "--max-session-seconds", "60"}});
  RunJson(server, {"clamp", "create", "one"});
  const ProcessResult second = server.Cajal({"clamp", "create", "two"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("cajal clamp delete"));
  const ProcessResult longer = server.Cajal({"clamp", "remove", "one", "x", "--ttl", "61"});
  EXPECT_EQ(longer.exit_code, 1);
  EXPECT_THAT(longer.err, HasSubstr("must be from 1 to 60, not 61"));
  EXPECT_THAT(longer.err, HasSubstr("--ttl"));
  const ProcessResult outside =
      server.Cajal({"clamp", "set", "one", "x", "--feature", "0:256", "--at", "0"});
  EXPECT_EQ(outside.exit_code, 1);
  EXPECT_THAT(outside.err, HasSubstr("must be from 0 to 255 in layer 0, not 256"));
  EXPECT_THAT(outside.err, HasSubstr("--feature"));
  const ProcessResult unknown = server.Cajal({"forward", "--prompt", "a", "--session", "two"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("sessions/two"));

  RunJson(server, {"clamp", "set", "one", "quiet", "--feature", "0:7", "--at", "0"});
  const ProcessResult conflict =
      server.Cajal({"intervene", "--prompt", "a b", "--session", "one", "--set", "0:-1:7=3"});
  EXPECT_EQ(conflict.exit_code, 1);
  EXPECT_THAT(conflict.err, HasSubstr("clamp 'quiet' of the session holds"));
  EXPECT_THAT(conflict.err, HasSubstr("--set or --ablate"));
  EXPECT_EQ(server.Cajal({"forward", "--prompt", "a b", "--session", "one"}).exit_code, 0);
}

}  // namespace
}  // namespace cajal::e2e
