// `cajal clamp` and --session: what they ask for, and how sessions are shown.
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
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::Session Quiet() {
  v1::Session session;
  session.set_name("sessions/quiet");
  session.set_model("demo");
  session.set_transcoders("plt");
  session.mutable_expire_time()->set_seconds(1'800'000'000);
  v1::Clamp* clamp = session.add_clamps();
  clamp->set_name("hands");
  for (int i = 0; i < 8; ++i) {
    clamp->add_features()->set_layer(4);
    clamp->mutable_features(i)->set_feature(i);
  }
  clamp->mutable_operation()->set_at_most(0.5F);
  clamp->add_places(v1::CLAMP_PLACE_TEXT);
  clamp->add_places(v1::CLAMP_PLACE_GENERATED);
  return session;
}

class ClampCommandTest : public CommandFixture {
 protected:
  ClampCommandTest() {
    server_.interventions.create_session = [this](const auto& request, auto* response, auto*) {
      created_ = request;
      *response->mutable_session() = Quiet();
      return grpc::Status::OK;
    };
    server_.interventions.get_session = [this](const auto& request, auto* response, auto*) {
      asked_ = request.name();
      *response->mutable_session() = Quiet();
      return grpc::Status::OK;
    };
    server_.interventions.list_sessions = [](const auto& request, auto* response, auto*) {
      *response->add_sessions() = Quiet();
      if (!request.page_token().empty()) return grpc::Status::OK;
      response->mutable_sessions(0)->set_name("sessions/newer");
      response->set_next_page_token("2");
      return grpc::Status::OK;
    };
    server_.interventions.update_session = [this](const auto& request, auto* response, auto*) {
      updated_ = request;
      *response->mutable_session() = Quiet();
      return grpc::Status::OK;
    };
    server_.interventions.delete_session = [this](const auto& request, auto*, auto*) {
      asked_ = request.name();
      return grpc::Status::OK;
    };
  }

  v1::CreateSessionRequest created_;
  v1::UpdateSessionRequest updated_;
  std::string asked_;
};

TEST_F(ClampCommandTest, CreatesASession) {
  const CommandResult result = Run({"clamp", "create", "quiet", "--ttl", "3600"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(created_.session_id(), "quiet");
  EXPECT_EQ(created_.ttl_seconds(), 3600);
  EXPECT_THAT(result.out, HasSubstr("quiet: demo with plt, until 2027-01-"));
  ASSERT_EQ(Run({"clamp", "create"}).exit_code, 0);
  EXPECT_EQ(created_.session_id(), "");
  EXPECT_FALSE(created_.has_ttl_seconds());
}

TEST_F(ClampCommandTest, ShowsWhatIsHeldWhere) {
  const CommandResult result = Run({"clamp", "show", "quiet"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(asked_, "sessions/quiet");
  EXPECT_THAT(result.out, HasSubstr("hands"));
  EXPECT_THAT(result.out, HasSubstr("at most 0.5"));
  EXPECT_THAT(result.out, HasSubstr("text, generated"));
  EXPECT_THAT(result.out, HasSubstr("4:0, 4:1, 4:2, 4:3, 4:4, 4:5, … (8)"));
  const json shown = json::parse(Run({"clamp", "show", "sessions/quiet", "--json"}).out);
  EXPECT_EQ(shown["name"], "quiet");
  EXPECT_EQ(shown["clamps"][0]["at_most"], 0.5);
  EXPECT_EQ(shown["clamps"][0]["places"], json({"text", "generated"}));
  EXPECT_EQ(shown["clamps"][0]["features"][7], (json{{"layer", 4}, {"feature", 7}}));
}

TEST_F(ClampCommandTest, ListsAllPages) {
  const CommandResult result = Run({"clamp", "list"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("newer"));
  EXPECT_THAT(result.out, HasSubstr("quiet"));
  EXPECT_EQ(json::parse(Run({"clamp", "list", "--json"}).out)["sessions"].size(), 2U);
}

TEST_F(ClampCommandTest, SetsAClamp) {
  const CommandResult result = Run({"clamp", "set", "quiet", "hands", "--feature", "4:118,5:7",
                                    "--feature", "6:1", "--supernode", "g1/the hands", "--at-least",
                                    "-1.5", "--where", "image,generated", "--ttl", "60"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(updated_.name(), "sessions/quiet");
  EXPECT_EQ(updated_.ttl_seconds(), 60);
  ASSERT_EQ(updated_.set_clamps_size(), 1);
  const v1::Clamp& clamp = updated_.set_clamps(0);
  EXPECT_EQ(clamp.name(), "hands");
  ASSERT_EQ(clamp.features_size(), 3);
  EXPECT_EQ(clamp.features(0).layer(), 4);
  EXPECT_EQ(clamp.features(0).feature(), 118);
  EXPECT_EQ(clamp.features(2).layer(), 6);
  EXPECT_EQ(clamp.supernodes(0).graph(), "graphs/g1");
  EXPECT_EQ(clamp.supernodes(0).supernode(), "the hands");
  EXPECT_EQ(clamp.operation().at_least(), -1.5F);
  EXPECT_THAT(clamp.places(), ElementsAre(v1::CLAMP_PLACE_IMAGE, v1::CLAMP_PLACE_GENERATED));
}

TEST_F(ClampCommandTest, RemovesClampsAndDeletesSessions) {
  ASSERT_EQ(Run({"clamp", "remove", "quiet", "hands", "feet"}).exit_code, 0);
  EXPECT_THAT(updated_.remove_clamps(), ElementsAre("hands", "feet"));
  EXPECT_FALSE(updated_.has_ttl_seconds());
  const CommandResult result = Run({"clamp", "delete", "quiet"});
  EXPECT_EQ(result.out, "deleted quiet\n");
  EXPECT_EQ(asked_, "sessions/quiet");
}

TEST_F(ClampCommandTest, WrongFlagsAreUsageErrors) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"create", "quiet", "--ttl", "0"},
      {"show"},
      {"set", "quiet", "hands", "--feature", "4:1"},  // held at nothing
      {"set", "quiet", "hands", "--at", "0"},         // no feature
      {"set", "quiet", "hands", "--feature", "4:1", "--at", "0", "--at-most", "1"},
      {"set", "quiet", "hands", "--feature", "4", "--at", "0"},
      {"set", "quiet", "hands", "--supernode", "g1", "--at", "0"},
      {"set", "quiet", "hands", "--feature", "4:1", "--at", "x"},
      {"set", "quiet", "hands", "--feature", "4:1", "--at", "0", "--where", "sky"},
      {"remove", "quiet"}};
  for (std::vector<std::string> words : wrong) {
    words.insert(words.begin(), "clamp");
    EXPECT_EQ(Run(words).exit_code, 2) << ::testing::PrintToString(words);
  }
}

TEST_F(ClampCommandTest, CallsNameTheSession) {
  v1::InterveneRequest intervene;
  server_.interventions.intervene = [&](const auto& request, auto*, auto*) {
    intervene = request;
    return client_test::TypedError({grpc::NOT_FOUND, "there is no sessions/quiet", ""});
  };
  EXPECT_EQ(Run({"intervene", "--prompt", "x", "--set", "1:2:3=0", "--session", "quiet"}).exit_code,
            1);
  EXPECT_EQ(intervene.session(), "sessions/quiet");
  EXPECT_FALSE(intervene.unclamped_clean_run());
  // The clamps alone, against the clean run without them.
  EXPECT_EQ(
      Run({"intervene", "--prompt", "x", "--session", "quiet", "--unclamped-clean-run"}).exit_code,
      1);
  EXPECT_TRUE(intervene.unclamped_clean_run());
  ASSERT_EQ(intervene.edit_sets_size(), 1);
  EXPECT_EQ(intervene.edit_sets(0).label(), "quiet");
  EXPECT_EQ(Run({"intervene", "--prompt", "x", "--unclamped-clean-run"}).exit_code, 2);
  EXPECT_EQ(Run({"intervene", "--prompt", "x", "--session", "quiet"}).exit_code, 2);

  v1::GenerateRequest generate;
  server_.model.generate = [&](const auto& request, auto*, auto*) {
    generate = request;
    return grpc::Status(grpc::NOT_FOUND, "");
  };
  EXPECT_EQ(Run({"generate", "--prompt", "x", "--session", "quiet"}).exit_code, 1);
  EXPECT_EQ(generate.session(), "sessions/quiet");
  EXPECT_EQ(generate.edit_sets_size(), 0);
  EXPECT_EQ(
      Run({"generate", "--prompt", "x", "--session", "quiet", "--unclamped-clean-run"}).exit_code,
      1);
  EXPECT_EQ(generate.edit_sets_size(), 1);

  v1::ForwardRequest forward;
  server_.model.forward = [&](const auto& request, auto*, auto*) {
    forward = request;
    return grpc::Status(grpc::NOT_FOUND, "");
  };
  EXPECT_EQ(Run({"forward", "--prompt", "x", "--session", "quiet"}).exit_code, 1);
  EXPECT_EQ(forward.session(), "sessions/quiet");

  v1::PatchActivationsRequest patch;
  server_.interventions.patch_activations = [&](const auto& request, auto*, auto*) {
    patch = request;
    return grpc::Status(grpc::NOT_FOUND, "");
  };
  EXPECT_EQ(Run({"patch", "--prompt", "x", "--donor-prompt", "y", "--features", "1:2:3",
                 "--session", "quiet", "--unclamped-clean-run"})
                .exit_code,
            1);
  EXPECT_EQ(patch.session(), "sessions/quiet");
  EXPECT_TRUE(patch.unclamped_clean_run());
}

}  // namespace
}  // namespace cajal::cli
