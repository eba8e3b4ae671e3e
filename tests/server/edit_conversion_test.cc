#include "server/edit_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/base/status.h"

namespace cajal::server {
namespace {

using google::protobuf::RepeatedPtrField;
using intervention::OperationKind;
using intervention::PositionKind;

TEST(EditConversionTest, EveryWayToSayWhereIsUnderstood) {
  v1::Positions proto;
  proto.set_position(-3);
  EXPECT_EQ(*FromProto(proto, "p"), intervention::At(-3));
  proto.mutable_range()->set_first(2);
  proto.mutable_range()->set_last(-1);
  EXPECT_EQ(*FromProto(proto, "p"), (intervention::Positions{.first = 2, .last = -1}));
  proto.mutable_image()->set_image(1);
  EXPECT_EQ(*FromProto(proto, "p"),
            (intervention::Positions{.kind = PositionKind::kImage, .image = 1}));
  proto.mutable_image()->set_row(0);
  proto.mutable_image()->set_column(2);
  EXPECT_EQ(
      *FromProto(proto, "p"),
      (intervention::Positions{.kind = PositionKind::kImage, .image = 1, .row = 0, .column = 2}));
  proto.mutable_all();
  EXPECT_EQ(FromProto(proto, "p")->kind, PositionKind::kAll);
  proto.mutable_generated();
  EXPECT_EQ(FromProto(proto, "p")->kind, PositionKind::kGenerated);
  proto.Clear();
  EXPECT_EQ(FieldOf(FromProto(proto, "p").status()), "p");
}

TEST(EditConversionTest, EveryOperationIsUnderstood) {
  v1::Operation proto;
  EXPECT_EQ(FieldOf(FromProto(proto, "o").status()), "o");
  proto.set_set_to(2);
  EXPECT_EQ(FromProto(proto, "o")->kind, OperationKind::kSet);
  proto.set_scale_by(3);
  EXPECT_EQ(FromProto(proto, "o")->kind, OperationKind::kScale);
  proto.set_add(-4);
  EXPECT_EQ(*FromProto(proto, "o"), (intervention::Operation{OperationKind::kAdd, -4}));
  proto.set_at_most(5);
  EXPECT_EQ(*FromProto(proto, "o"), (intervention::Operation{OperationKind::kAtMost, 5}));
  proto.set_at_least(-6);
  EXPECT_EQ(*FromProto(proto, "o"), (intervention::Operation{OperationKind::kAtLeast, -6}));
}

class EditSetsTest : public ::testing::Test {
 protected:
  [[nodiscard]] absl::Status Convert() {
    edit_sets_.clear();
    supernodes_.clear();
    return FromProto(sets_, &edit_sets_, &supernodes_);
  }

  RepeatedPtrField<v1::EditSet> sets_;
  std::vector<intervention::EditSet> edit_sets_;
  std::vector<SupernodeEdit> supernodes_;
};

TEST_F(EditSetsTest, SupernodesAreKeptUntilTheirGraphsAreRead) {
  sets_.Add()->set_label("first");
  v1::SupernodeEdit* edit = sets_.Add()->add_supernode_edits();
  edit->set_graph("graphs/a1");
  edit->set_supernode("sky");
  edit->mutable_operation()->set_set_to(0);
  ASSERT_TRUE(Convert().ok());
  EXPECT_EQ(edit_sets_[0].label, "first");
  ASSERT_EQ(supernodes_.size(), 1U);
  EXPECT_EQ(supernodes_[0].edit_set, 1U);
  EXPECT_EQ(supernodes_[0].graph_id, "a1");
  EXPECT_FALSE(supernodes_[0].positions.has_value());
  edit->set_graph("a1");
  EXPECT_EQ(FieldOf(Convert()), "edit_sets[1].supernode_edits[0].graph");
  edit->set_graph("graphs/a1");
  edit->clear_supernode();
  EXPECT_EQ(FieldOf(Convert()), "edit_sets[1].supernode_edits[0].supernode");
}

TEST_F(EditSetsTest, AHookEditNeedsSomethingToWrite) {
  v1::HookEdit* edit = sets_.Add()->add_hook_edits();
  edit->set_hook("blocks.0.hook_resid_pre");
  edit->mutable_positions()->set_position(1);
  EXPECT_EQ(FieldOf(Convert()), "edit_sets[0].hook_edits[0]");
  edit->mutable_vector()->add_values(1.5F);
  ASSERT_TRUE(Convert().ok());
  EXPECT_EQ(edit_sets_[0].hooks[0].strength, 1);
  EXPECT_EQ(edit_sets_[0].hooks[0].vector, std::vector<float>{1.5F});
  edit->set_strength(0);
  edit->mutable_donor_positions()->set_position(-1);
  ASSERT_TRUE(Convert().ok());
  EXPECT_EQ(edit_sets_[0].hooks[0].strength, 0);
  EXPECT_TRUE(edit_sets_[0].hooks[0].from_donor);
  edit->set_hook(std::string(300, 'x'));
  EXPECT_EQ(FieldOf(Convert()), "edit_sets[0].hook_edits[0].hook");
}

TEST_F(EditSetsTest, NoMoreThan1024SetsAreTaken) {
  for (int i = 0; i < 1024; ++i) sets_.Add();
  EXPECT_TRUE(Convert().ok());
  sets_.Add();
  EXPECT_EQ(FieldOf(Convert()), "edit_sets");
}

TEST(EditConversionTest, SettingsHaveTheirDefaults) {
  const auto settings = FromProto(v1::InterventionSettings());
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->freeze.kind, intervention::FreezeKind::kNone);
  EXPECT_EQ(settings->baseline, intervention::Baseline::kAutomatic);
  EXPECT_FALSE(settings->zero_positions.has_value());
  const auto report = FromProto(v1::InterventionReport());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->position, -1);
  EXPECT_EQ(report->top_k, 10);
  EXPECT_EQ(report->limit, 100);
}

TEST(EditConversionTest, WordsOfNewerClientsAreRefused) {
  v1::InterventionSettings proto;
  proto.mutable_freeze()->set_kind(static_cast<v1::FreezeKind>(99));
  EXPECT_EQ(FieldOf(FromProto(proto).status()), "settings.freeze.kind");
  proto.clear_freeze();
  proto.set_baseline(static_cast<v1::Baseline>(99));
  EXPECT_EQ(FieldOf(FromProto(proto).status()), "settings.baseline");
}

}  // namespace
}  // namespace cajal::server
