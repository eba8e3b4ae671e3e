// Sessions over the wire: what they hold, for which calls, and until when. The clock is the test's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "tests/server/test_server.h"

namespace cajal::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

v1::Clamp Hands() {
  v1::Clamp clamp;
  clamp.set_name("hands");
  clamp.add_features()->set_layer(1);
  clamp.mutable_features(0)->set_feature(5);
  clamp.mutable_operation()->set_at_most(0.5F);
  return clamp;
}

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() : server_({.max_sessions = 3, .now_unix_ms = [this] { return now_ms_.load(); }}) {}

  grpc::Status Create(const v1::CreateSessionRequest& request, v1::Session* session = nullptr) {
    grpc::ClientContext context;
    v1::CreateSessionResponse response;
    grpc::Status status = server_.interventions().CreateSession(&context, request, &response);
    if (session != nullptr) *session = response.session();
    return status;
  }
  // "sessions/quiet" with the clamp "hands".
  v1::Session CreateQuiet() {
    v1::CreateSessionRequest request;
    request.set_session_id("quiet");
    *request.add_clamps() = Hands();
    v1::Session session;
    const grpc::Status status = Create(request, &session);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return session;
  }
  grpc::Status Update(const v1::UpdateSessionRequest& request, v1::Session* session = nullptr) {
    grpc::ClientContext context;
    v1::UpdateSessionResponse response;
    grpc::Status status = server_.interventions().UpdateSession(&context, request, &response);
    if (session != nullptr) *session = response.session();
    return status;
  }
  grpc::Status Get(const std::string& name, v1::Session* session = nullptr) {
    grpc::ClientContext context;
    v1::GetSessionRequest request;
    request.set_name(name);
    v1::GetSessionResponse response;
    grpc::Status status = server_.interventions().GetSession(&context, request, &response);
    if (session != nullptr) *session = response.session();
    return status;
  }
  grpc::Status Delete(const std::string& name) {
    grpc::ClientContext context;
    v1::DeleteSessionRequest request;
    request.set_name(name);
    v1::DeleteSessionResponse response;
    return server_.interventions().DeleteSession(&context, request, &response);
  }
  v1::ListSessionsResponse List() {
    grpc::ClientContext context;
    v1::ListSessionsResponse response;
    EXPECT_TRUE(server_.interventions().ListSessions(&context, {}, &response).ok());
    return response;
  }

  grpc::Status Intervene(const std::string& session, bool unclamped, double* kl = nullptr) {
    v1::InterveneRequest request;
    request.mutable_prompt()->add_parts()->set_text("one two");
    request.add_edit_sets()->set_label("nothing");
    request.set_session(session);
    request.set_unclamped_clean_run(unclamped);
    grpc::ClientContext context;
    const auto reader = server_.interventions().Intervene(&context, request);
    for (v1::InterveneResponse message; reader->Read(&message);) {
      if (kl != nullptr && message.chunk().has_outcome()) {
        *kl = message.chunk().outcome().kl_divergence();
      }
    }
    return reader->Finish();
  }

  std::atomic<int64_t> now_ms_{1'000'000};
  TestServer server_;
};

TEST_F(SessionTest, IsCreatedListedChangedAndDeleted) {
  const v1::Session created = CreateQuiet();
  EXPECT_EQ(created.name(), "sessions/quiet");
  EXPECT_EQ(created.model(), "fake");
  EXPECT_EQ(created.transcoders(), "fake-plt");
  EXPECT_EQ(created.create_time().seconds(), 1000);
  EXPECT_EQ(created.expire_time().seconds(), 1000 + 86'400);
  ASSERT_EQ(created.clamps_size(), 1);
  EXPECT_EQ(created.clamps(0).operation().at_most(), 0.5F);
  EXPECT_THAT(created.clamps(0).places(),
              ElementsAre(v1::CLAMP_PLACE_TEXT, v1::CLAMP_PLACE_IMAGE, v1::CLAMP_PLACE_GENERATED));

  v1::UpdateSessionRequest update;
  update.set_name("sessions/quiet");
  update.add_remove_clamps("hands");
  v1::Clamp* words = update.add_set_clamps();
  *words = Hands();
  words->set_name("words");
  words->add_places(v1::CLAMP_PLACE_GENERATED);
  update.set_ttl_seconds(60);
  v1::Session updated;
  ASSERT_TRUE(Update(update, &updated).ok());
  EXPECT_EQ(updated.expire_time().seconds(), 1060);
  ASSERT_EQ(updated.clamps_size(), 1);
  EXPECT_EQ(updated.clamps(0).name(), "words");
  EXPECT_THAT(updated.clamps(0).places(), ElementsAre(v1::CLAMP_PLACE_GENERATED));
  ASSERT_EQ(List().sessions_size(), 1);
  EXPECT_EQ(List().sessions(0).name(), "sessions/quiet");

  EXPECT_TRUE(Delete("sessions/quiet").ok());
  const grpc::Status gone = Get("sessions/quiet");
  EXPECT_EQ(gone.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ResourceOf(gone), "sessions/quiet");
  EXPECT_EQ(List().sessions_size(), 0);
}

TEST_F(SessionTest, IsKeptOverARestart) {
  CreateQuiet();
  server_.Restart();
  v1::Session session;
  ASSERT_TRUE(Get("sessions/quiet", &session).ok());
  EXPECT_EQ(session.clamps(0).name(), "hands");
}

TEST_F(SessionTest, ExpiresForAllCalls) {
  CreateQuiet();
  now_ms_ += 86'400'000;
  EXPECT_EQ(Get("sessions/quiet").error_code(), grpc::NOT_FOUND);
  const grpc::Status intervened = Intervene("sessions/quiet", true);
  EXPECT_EQ(intervened.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(ResourceOf(intervened), "sessions/quiet");
  EXPECT_EQ(List().sessions_size(), 0);
  CreateQuiet();  // under the same name
}

TEST_F(SessionTest, HoldsItsClampsInCallsThatNameIt) {
  CreateQuiet();
  double kl = 0;
  ASSERT_TRUE(Intervene("sessions/quiet", false, &kl).ok());
  EXPECT_EQ(kl, 1.5);
  ASSERT_TRUE(Intervene("sessions/quiet", true, &kl).ok());
  EXPECT_EQ(kl, -1.5);
  ASSERT_TRUE(Intervene("", false, &kl).ok());
  EXPECT_EQ(kl, 0.5);

  v1::ForwardRequest forward;
  forward.mutable_prompt()->add_parts()->set_text("one two");
  forward.set_session("sessions/quiet");
  grpc::ClientContext of_forward;
  const auto passes = server_.models().Forward(&of_forward, forward);
  float logit = 0;
  for (v1::ForwardResponse message; passes->Read(&message);) {
    if (message.has_header()) logit = message.header().top_tokens(0).logit();
  }
  EXPECT_TRUE(passes->Finish().ok());
  EXPECT_EQ(logit, 3.5F);

  v1::GenerateRequest generate;
  *generate.mutable_prompt() = forward.prompt();
  generate.set_max_new_tokens(1);
  generate.set_session("sessions/quiet");
  grpc::ClientContext of_generate;
  const auto tokens = server_.models().Generate(&of_generate, generate);
  for (v1::GenerateResponse message; tokens->Read(&message);) {
    if (message.has_tokens()) logit = message.tokens().tokens(0).chosen().logit();
  }
  EXPECT_TRUE(tokens->Finish().ok());
  EXPECT_EQ(logit, 10);

  v1::PatchActivationsRequest patch;
  *patch.mutable_donor() = forward.prompt();
  *patch.mutable_recipient() = forward.prompt();
  v1::FeaturePlace* place = patch.add_features();
  place->mutable_positions()->set_position(1);
  patch.set_session("sessions/quiet");
  grpc::ClientContext of_patch;
  const auto runs = server_.interventions().PatchActivations(&of_patch, patch);
  for (v1::PatchActivationsResponse message; runs->Read(&message);) {
    if (message.chunk().recipient().has_outcome()) {
      kl = message.chunk().recipient().outcome().kl_divergence();
    }
  }
  EXPECT_TRUE(runs->Finish().ok());
  EXPECT_EQ(kl, 1);
}

TEST_F(SessionTest, TakesTheFeaturesOfASupernode) {
  const v1::Graph graph = CreateGraph(&server_);
  AddSupernode(&server_, graph.name(), "pair", {"0_1_2", "1_0_2"});

  v1::CreateSessionRequest request;
  *request.add_clamps() = Hands();
  v1::ClampedSupernode* clamped = request.mutable_clamps(0)->add_supernodes();
  clamped->set_graph(graph.name());
  clamped->set_supernode("pair");
  v1::Session session;
  ASSERT_TRUE(Create(request, &session).ok());
  ASSERT_EQ(session.clamps(0).features_size(), 3);
  EXPECT_EQ(session.clamps(0).features(1).layer(), 0);
  EXPECT_EQ(session.clamps(0).features(1).feature(), 1);
  EXPECT_EQ(session.clamps(0).features(2).layer(), 1);
  EXPECT_EQ(session.clamps(0).supernodes_size(), 0);

  clamped->set_supernode("triple");
  EXPECT_EQ(FieldOf(Create(request)), "clamps[0].supernodes[0].supernode");
  clamped->set_graph("graphs/none");
  EXPECT_EQ(Create(request).error_code(), grpc::NOT_FOUND);
}

TEST_F(SessionTest, WhatIsWrongWithARequestIsSaidWithTheField) {
  struct Wrong {
    const char* field;
    std::function<void(v1::CreateSessionRequest*)> spoil;
  };
  const Wrong all[] = {
      {"session_id", [](auto* r) { r->set_session_id("Not So"); }},
      {"ttl_seconds", [](auto* r) { r->set_ttl_seconds(0); }},
      {"ttl_seconds", [](auto* r) { r->set_ttl_seconds(2'592'001); }},
      {"clamps[0].operation", [](auto* r) { r->mutable_clamps(0)->clear_operation(); }},
      {"clamps", [](auto* r) { r->mutable_clamps(0)->mutable_operation()->set_scale_by(2); }},
      {"clamps", [](auto* r) { r->mutable_clamps(0)->clear_name(); }},
      {"clamps", [](auto* r) { r->mutable_clamps(0)->clear_features(); }},
      {"clamps[0].features[0].layer",
       [](auto* r) { r->mutable_clamps(0)->mutable_features(0)->set_layer(2); }},
      {"clamps[0].features[0].feature",
       [](auto* r) { r->mutable_clamps(0)->mutable_features(0)->set_feature(1000); }},
      {"clamps[0].places[0]",
       [](auto* r) { r->mutable_clamps(0)->add_places(v1::CLAMP_PLACE_UNSPECIFIED); }},
      {"clamps", [](auto* r) { *r->add_clamps() = Hands(); }},
  };
  for (const Wrong& wrong : all) {
    v1::CreateSessionRequest request;
    *request.add_clamps() = Hands();
    wrong.spoil(&request);
    const grpc::Status status = Create(request);
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << wrong.field;
    EXPECT_EQ(FieldOf(status), wrong.field) << status.error_message();
  }
  CreateQuiet();
  v1::UpdateSessionRequest conflict;
  conflict.set_name("sessions/quiet");
  *conflict.add_set_clamps() = Hands();
  conflict.mutable_set_clamps(0)->set_name("fingers");
  const grpc::Status status = Update(conflict);
  EXPECT_EQ(ReasonOf(status), "CONFLICTING_CLAMPS");
  EXPECT_THAT(status.error_message(), HasSubstr("clamp 'hands'"));
  v1::UpdateSessionRequest unknown;
  unknown.set_name("sessions/quiet");
  unknown.add_remove_clamps("feet");
  EXPECT_EQ(FieldOf(Update(unknown)), "remove_clamps[0]");
  EXPECT_EQ(FieldOf(Get("graphs/quiet")), "name");
  EXPECT_EQ(FieldOf(Intervene("quiet", false)), "session");
  EXPECT_EQ(FieldOf(Intervene("", true)), "unclamped_clean_run");
  EXPECT_TRUE(Get("sessions/quiet").ok());
}

TEST_F(SessionTest, NamesAreTakenAndNumbersAreLimited) {
  CreateQuiet();
  v1::CreateSessionRequest same;
  same.set_session_id("quiet");
  EXPECT_EQ(Create(same).error_code(), grpc::ALREADY_EXISTS);
  EXPECT_TRUE(Create({}).ok());
  EXPECT_TRUE(Create({}).ok());
  const grpc::Status fourth = Create({});
  EXPECT_EQ(fourth.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(fourth), "SESSION_QUOTA");
  EXPECT_TRUE(Delete("sessions/quiet").ok());
  EXPECT_TRUE(Create({}).ok());
}

}  // namespace
}  // namespace cajal::server
