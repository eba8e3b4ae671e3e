#include "client/cpp/assemble_intervention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cpp/error_details.h"

namespace cajal::client {
namespace {

using ::testing::HasSubstr;

void ExpectBroken(const absl::Status& status, const std::string& text) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(ErrorReason(status), "BROKEN_ANSWER");
  EXPECT_THAT(std::string(status.message()), HasSubstr(text));
}

v1::InterventionHeader HeaderOf(int n_sets) {
  v1::InterventionHeader header;
  header.set_job("jobs/1");
  header.set_n_sets(n_sets);
  return header;
}

v1::InterventionChunk OutcomeOf(const std::string& label, int n_listed, int n_changed) {
  v1::InterventionChunk chunk;
  chunk.mutable_outcome()->set_label(label);
  chunk.mutable_outcome()->set_n_listed(n_listed);
  chunk.mutable_outcome()->set_n_changed(n_changed);
  return chunk;
}

// Activations of features 0, 1, …
v1::InterventionChunk ActivationsOf(int n) {
  v1::InterventionChunk chunk;
  v1::ActivationChangeChunk* arrays = chunk.mutable_activations();
  for (int i = 0; i < n; ++i) {
    arrays->add_layers(2);
    arrays->add_positions(3);
    arrays->add_features(i);
    arrays->add_clean(-1);
    arrays->add_edited(1);
    arrays->add_clean_pre_activations(-2);
    arrays->add_edited_pre_activations(2);
  }
  return chunk;
}

TEST(InterventionAssembler, GivesEachSetItsActivationsListedOnesFirst) {
  InterventionAssembler assembler;
  ASSERT_TRUE(assembler.Add(HeaderOf(2)).ok());
  ASSERT_TRUE(assembler.Add(OutcomeOf("a", 1, 2)).ok());
  ASSERT_TRUE(assembler.Add(ActivationsOf(2)).ok());
  ASSERT_TRUE(assembler.Add(ActivationsOf(1)).ok());
  ASSERT_TRUE(assembler.Add(OutcomeOf("b", 0, 0)).ok());
  const auto result = assembler.Finish();
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->sets.size(), 2U);
  EXPECT_EQ(result->sets[0].listed.size(), 1U);
  ASSERT_EQ(result->sets[0].changed.size(), 2U);
  EXPECT_EQ(result->sets[0].changed[0].feature, 1);
  EXPECT_EQ(result->sets[0].changed[0].clean, -1);
  EXPECT_EQ(result->sets[0].changed[0].edited_pre_activation, 2);
  EXPECT_EQ(result->sets[1].label, "b");
}

TEST(InterventionAssembler, RefusesWhatDoesNotFit) {
  ExpectBroken(InterventionAssembler().Add(OutcomeOf("a", 0, 0)), "before the header");
  ExpectBroken(InterventionAssembler().Finish().status(), "before the header");
  {
    InterventionAssembler assembler;
    ASSERT_TRUE(assembler.Add(HeaderOf(1)).ok());
    ExpectBroken(assembler.Add(HeaderOf(1)), "a second header");
    ExpectBroken(assembler.Add(ActivationsOf(1)), "before the first outcome");
    ASSERT_TRUE(assembler.Add(OutcomeOf("a", 0, 1)).ok());
    ExpectBroken(assembler.Finish().status(), "ended after 0 of 1 activations");
    ExpectBroken(assembler.Add(ActivationsOf(2)), "more activations than announced");
  }
  {
    InterventionAssembler assembler;
    ASSERT_TRUE(assembler.Add(HeaderOf(2)).ok());
    ASSERT_TRUE(assembler.Add(OutcomeOf("a", 0, 0)).ok());
    ExpectBroken(assembler.Finish().status(), "after 1 of 2 outcomes");
    v1::InterventionChunk uneven = ActivationsOf(1);
    uneven.mutable_activations()->add_layers(1);
    ExpectBroken(assembler.Add(uneven), "differ in length");
  }
}

}  // namespace
}  // namespace cajal::client
