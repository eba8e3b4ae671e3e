// `cajal label`, `cajal pin`, `cajal annotations`: reading, changing and writing back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

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

// A server that keeps annotations as cajald does.
class AnnotationsCommandTest : public CommandFixture {
 protected:
  AnnotationsCommandTest() {
    (*annotations_.mutable_labels())["3_77_21"] = "planet";
    annotations_.add_pins("3_77_21");
    v1::Supernode* sky = annotations_.add_supernodes();
    sky->set_name("sky");
    sky->add_members("0_5_2");
    v1::Supernode* all = annotations_.add_supernodes();
    all->set_name("all");
    all->add_members("sky");
    server_.graphs.get_annotations = [this](const v1::GetAnnotationsRequest& request,
                                            v1::GetAnnotationsResponse* response, auto*) {
      name_ = request.name();
      *response->mutable_annotations() = annotations_;
      response->set_etag(std::to_string(revision_));
      for (; others_ > 0 && !is_update_next_; --others_) {
        annotations_.add_pins("1_1_" + std::to_string(others_));
        ++revision_;
        is_update_next_ = true;
      }
      return grpc::Status::OK;
    };
    server_.graphs.update_graph = [this](const v1::UpdateGraphRequest& request,
                                         v1::UpdateGraphResponse* response, auto*) {
      is_update_next_ = false;
      if (request.etag() != "*" && request.etag() != std::to_string(revision_)) {
        return TypedError({.code = grpc::StatusCode::ABORTED,
                           .message = "somebody has changed them",
                           .reason = "STALE_REVISION"});
      }
      annotations_ = request.annotations();
      response->set_etag(std::to_string(++revision_));
      return grpc::Status::OK;
    };
  }

  v1::Annotations annotations_;
  int revision_ = 4;
  std::string name_;
  int others_ = 0;  // readings after which somebody else is faster
  bool is_update_next_ = false;
};

TEST_F(AnnotationsCommandTest, ALabelIsSetAndRemoved) {
  EXPECT_EQ(Run({"label", "7f3a", "E_9_4", "red \"dwarf\""}).exit_code, 0);
  EXPECT_EQ(name_, "graphs/7f3a");
  EXPECT_EQ(annotations_.labels().at("E_9_4"), "red \"dwarf\"");
  EXPECT_EQ(annotations_.labels().at("3_77_21"), "planet");
  EXPECT_EQ(Run({"label", "7f3a", "E_9_4", "--remove"}).exit_code, 0);
  EXPECT_EQ(annotations_.labels().count("E_9_4"), 0u);
  EXPECT_EQ(annotations_.supernodes_size(), 2);
}

TEST_F(AnnotationsCommandTest, LabelsAreListed) {
  EXPECT_EQ(Run({"label", "7f3a"}).out, "node     label\n3_77_21  \"planet\"\n");
  const auto json = nlohmann::json::parse(Run({"label", "7f3a", "--json"}).out);
  EXPECT_EQ(json["labels"]["3_77_21"], "planet");
  EXPECT_EQ(revision_, 4);
}

TEST_F(AnnotationsCommandTest, PinsAreSetOnceAndRemoved) {
  EXPECT_EQ(Run({"pin", "7f3a", "0_5_2,3_77_21", "E_9_4"}).exit_code, 0);
  EXPECT_THAT(annotations_.pins(), ElementsAre("3_77_21", "0_5_2", "E_9_4"));
  EXPECT_EQ(Run({"pin", "7f3a", "3_77_21", "--remove"}).exit_code, 0);
  EXPECT_EQ(Run({"pin", "7f3a"}).out, "0_5_2\nE_9_4\n");
}

TEST_F(AnnotationsCommandTest, WhatSomebodyElseChangesAtTheSameTimeIsKept) {
  others_ = 1;
  EXPECT_EQ(Run({"pin", "7f3a", "0_5_2"}).exit_code, 0);
  EXPECT_THAT(annotations_.pins(), ElementsAre("3_77_21", "1_1_1", "0_5_2"));
}

TEST_F(AnnotationsCommandTest, WhoNeverGetsATurnIsTold) {
  others_ = 1000;
  const CommandResult result = Run({"pin", "7f3a", "0_5_2"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("somebody has changed them"));
  EXPECT_THAT(annotations_.pins(), testing::Not(testing::Contains("0_5_2")));
}

TEST_F(AnnotationsCommandTest, WhatIsNotThereCannotBeRemoved) {
  EXPECT_THAT(Run({"label", "7f3a", "9_9_9", "--remove"}).err, HasSubstr("has no label"));
  EXPECT_THAT(Run({"pin", "7f3a", "9_9_9", "--remove"}).err, HasSubstr("has no pin"));
  EXPECT_THAT(Run({"annotations", "7f3a", "--remove-supernode", "sea"}).err,
              HasSubstr("no supernode 'sea'"));
  EXPECT_EQ(revision_, 4);
}

TEST_F(AnnotationsCommandTest, ASupernodeGoesWithThoseThatHeldNothingElse) {
  EXPECT_EQ(Run({"annotations", "7f3a", "--remove-supernode", "sky"}).exit_code, 0);
  EXPECT_EQ(annotations_.supernodes_size(), 0);
}

TEST_F(AnnotationsCommandTest, WhatIsWrittenToAFileCanBeReadBack) {
  TempDir dir;
  const std::string path = dir.path() + "/annotations.json";
  EXPECT_EQ(Run({"annotations", "7f3a", "--output", path}).exit_code, 0);
  const v1::Annotations before = annotations_;
  annotations_.Clear();
  EXPECT_EQ(Run({"annotations", "7f3a", "--replace", path}).exit_code, 0);
  EXPECT_EQ(annotations_.SerializeAsString(), before.SerializeAsString());
  const auto json = nlohmann::json::parse(Run({"annotations", "7f3a"}).out);
  EXPECT_EQ(json["supernodes"][0]["name"], "sky");
}

TEST_F(AnnotationsCommandTest, AFileThatIsNoAnnotationsIsWrongUsage) {
  TempDir dir;
  dir.Write("bad.json", "{\"pin\": []}");
  const CommandResult bad = Run({"annotations", "7f3a", "--replace", dir.path() + "/bad.json"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("\"pin\" has no meaning here"));
  EXPECT_EQ(Run({"annotations", "7f3a", "--replace", dir.path() + "/none.json"}).exit_code, 2);
  EXPECT_EQ(revision_, 4);
}

TEST_F(AnnotationsCommandTest, WrongFlagsAreWrongUsageAndTheNextCallIsAnswered) {
  EXPECT_EQ(Run({"label", "7f3a", "E_9_4"}).exit_code, 2);
  EXPECT_EQ(Run({"label", "7f3a", "E_9_4", "x", "--remove"}).exit_code, 2);
  EXPECT_EQ(Run({"pin", "7f3a", "--remove"}).exit_code, 2);
  EXPECT_EQ(Run({"annotations", "7f3a", "--replace", "a", "--remove-supernode", "b"}).exit_code, 2);
  EXPECT_EQ(revision_, 4);
  EXPECT_EQ(Run({"label", "7f3a", "E_9_4", "x"}).exit_code, 0);
}

}  // namespace
}  // namespace cajal::cli
