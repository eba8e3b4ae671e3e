// Which graphs a list shows.
#include <gmock/gmock.h>

#include <map>

#include "tests/graph/graph_store_fixture.h"

namespace cajal::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class GraphListTest : public GraphStoreTest {
 protected:
  GraphListTest() : store_(Open()) {
    AttributionGraph mars = TwelveNodeGraph();
    mars.model_name = "google/gemma-3-4b-it";
    mars.prompt = "This is planet Mars, 100%";
    AttributionGraph hand = TwelveNodeGraph();
    hand.model_name = "google/gemma-3-12b-it";
    hand.prompt = "A hand with_six fingers";
    ids_["mars"] = Put(*store_, mars, {.owner = "ana", .request_id = "r-1"});
    now_ms_ += 1000;
    ids_["hand"] = Put(*store_, hand, {.owner = "ana", .request_id = "r-10"});
    now_ms_ += 1000;
    ids_["anonymous"] = Put(*store_, mars, {.request_id = "r-1"});
  }

  // The names of the graphs that are listed.
  std::vector<std::string> Names(const GraphFilter& filter) {
    const auto page = store_->List(0, "", filter);
    EXPECT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->total_size, static_cast<int64_t>(page->records.size()));
    std::vector<std::string> names;
    for (const GraphRecord& record : page->records) {
      for (const auto& [name, id] : ids_) {
        if (id == record.id) names.push_back(name);
      }
    }
    return names;
  }

  std::unique_ptr<GraphStore> store_;
  std::map<std::string, std::string> ids_;
};

TEST_F(GraphListTest, WithoutConditionsShowsAll) {
  EXPECT_THAT(Names({}), ElementsAre("anonymous", "hand", "mars"));
}

TEST_F(GraphListTest, OwnersAndRequestsAreTakenWhole) {
  EXPECT_THAT(Names({.owner = "ana"}), ElementsAre("hand", "mars"));
  EXPECT_THAT(Names({.owner = "an"}), IsEmpty());
  EXPECT_THAT(Names({.owner = ""}), ElementsAre("anonymous"));
  EXPECT_THAT(Names({.request_id = "r-1"}), ElementsAre("anonymous", "mars"));
}

TEST_F(GraphListTest, TextsAreFoundAnywhereInEitherCaseAndMeanWhatTheySay) {
  EXPECT_THAT(Names({.model = "GEMMA-3-4b"}), ElementsAre("anonymous", "mars"));
  EXPECT_THAT(Names({.prompt = "planet mars"}), ElementsAre("anonymous", "mars"));
  EXPECT_THAT(Names({.prompt = "hand"}), ElementsAre("hand"));
  // Nothing is a pattern.
  EXPECT_THAT(Names({.prompt = "%"}), ElementsAre("anonymous", "mars"));
  EXPECT_THAT(Names({.prompt = "_"}), ElementsAre("hand"));
  EXPECT_THAT(Names({.prompt = "' OR 1 --"}), IsEmpty());
}

TEST_F(GraphListTest, LabelsAreThoseOfTheNewestAnnotations) {
  ASSERT_TRUE(store_->SetAnnotations(ids_["mars"], "{}", 0, {"red things", "planets"}).ok());
  EXPECT_THAT(Names({.label = "Planet"}), ElementsAre("mars"));
  EXPECT_THAT(Names({.label = "things"}), ElementsAre("mars"));
  EXPECT_THAT(Names({.label = "comets"}), IsEmpty());
  ASSERT_TRUE(store_->SetAnnotations(ids_["mars"], "{}", 1, {"comets"}).ok());
  EXPECT_THAT(Names({.label = "planet"}), IsEmpty());
}

TEST_F(GraphListTest, TimesIncludeTheFirstAndLeaveOutTheLast) {
  EXPECT_THAT(Names({.created_from_unix_ms = 1700000001000}), ElementsAre("anonymous", "hand"));
  EXPECT_THAT(Names({.created_before_unix_ms = 1700000001000}), ElementsAre("mars"));
}

TEST_F(GraphListTest, EveryConditionMustBeMet) {
  EXPECT_THAT(Names({.owner = "ana", .prompt = "mars"}), ElementsAre("mars"));
  EXPECT_THAT(Names({.owner = "ana", .model = "12b", .prompt = "mars"}), IsEmpty());
}

TEST_F(GraphListTest, PagesOfAFilteredListSkipWhatItLeavesOut) {
  const auto first = store_->List(1, "", {.prompt = "mars"});
  ASSERT_EQ(first->records.size(), 1u);
  EXPECT_EQ(first->records[0].id, ids_["anonymous"]);
  EXPECT_EQ(first->total_size, 2);
  const auto second = store_->List(1, first->next_page_token, {.prompt = "mars"});
  ASSERT_EQ(second->records.size(), 1u);
  EXPECT_EQ(second->records[0].id, ids_["mars"]);
  EXPECT_EQ(second->next_page_token, "");
}

}  // namespace
}  // namespace cajal::graph
