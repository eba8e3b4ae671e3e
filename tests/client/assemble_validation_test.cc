#include "client/cpp/assemble_validation.h"

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

v1::ValidationHeader HeaderOf(int n_nodes, int n_edge_effects, int n_node_effects) {
  v1::ValidationHeader header;
  header.set_n_nodes(n_nodes);
  header.set_n_edge_effects(n_edge_effects);
  header.set_n_node_effects(n_node_effects);
  return header;
}

v1::ValidationChunk NodesOf(int n) {
  v1::ValidationChunk chunk;
  for (int i = 0; i < n; ++i) {
    chunk.mutable_nodes()->add_nodes()->set_kind(v1::NODE_KIND_FEATURE);
  }
  return chunk;
}

// Effects 0, 1, … of the first node on the second.
v1::ValidationChunk EffectsOf(int n) {
  v1::ValidationChunk chunk;
  v1::EffectChunk* effects = chunk.mutable_effects();
  for (int i = 0; i < n; ++i) {
    effects->add_sources(0);
    effects->add_targets(1);
    effects->add_direct(static_cast<float>(i));
    effects->add_frozen(1);
    effects->add_total(2);
    effects->add_unfrozen(3);
  }
  return chunk;
}

TEST(ValidationAssembler, EffectsOfEdgesComeBeforeThoseOfNodes) {
  ValidationAssembler assembler;
  ASSERT_TRUE(assembler.Add(HeaderOf(3, 2, 1)).ok());
  ASSERT_TRUE(assembler.Add(NodesOf(2)).ok());
  ASSERT_TRUE(assembler.Add(NodesOf(1)).ok());
  ASSERT_TRUE(assembler.Add(v1::ValidationChunk()).ok());  // newer than this client
  ASSERT_TRUE(assembler.Add(EffectsOf(3)).ok());
  const auto result = assembler.Finish();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->nodes.size(), 3U);
  ASSERT_EQ(result->edges.size(), 2U);
  ASSERT_EQ(result->node_effects.size(), 1U);
  EXPECT_EQ(result->edges[1].direct, 1);
  EXPECT_EQ(result->edges[1].nodes, (intervention::NodePair{0, 1}));
  EXPECT_EQ(result->node_effects[0].unfrozen, 3);
}

TEST(ValidationAssembler, RefusesWhatDoesNotFitTogether) {
  ValidationAssembler early;
  ExpectBroken(early.Add(NodesOf(1)), "before the header");
  ExpectBroken(early.Finish().status(), "no header");

  ValidationAssembler assembler;
  ASSERT_TRUE(assembler.Add(HeaderOf(2, 1, 1)).ok());
  ExpectBroken(assembler.Add(HeaderOf(2, 1, 1)), "second header");
  ExpectBroken(assembler.Add(EffectsOf(1)), "not sent");
  ASSERT_TRUE(assembler.Add(NodesOf(2)).ok());
  v1::ValidationChunk uneven = EffectsOf(1);
  uneven.mutable_effects()->clear_total();
  ExpectBroken(assembler.Add(uneven), "differ in length");
  ASSERT_TRUE(assembler.Add(EffectsOf(1)).ok());
  ExpectBroken(assembler.Finish().status(), "fewer nodes or effects");
  ExpectBroken(assembler.Add(EffectsOf(2)), "more effects");
  ExpectBroken(assembler.Add(NodesOf(1)), "more nodes");
}

}  // namespace
}  // namespace cajal::client
