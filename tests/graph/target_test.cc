#include "model/graph/target.h"

#include <gtest/gtest.h>

namespace cajal::graph {
namespace {

TEST(LabelOfTest, SaysWhatATargetIs) {
  EXPECT_EQ(LabelOf({.what = NamedToken{" Mars"}}), " Mars");
  EXPECT_EQ(LabelOf({.what = TokenSum{{{" Mars", 1}, {" Earth", -1}}}}),
            "logit( Mars) - logit( Earth)");
  EXPECT_EQ(LabelOf({.what = TokenSum{{{" Mars", -0.5F}, {" Venus", 2}, {" Earth", -0.25F}}}}),
            "-0.5*logit( Mars) + 2*logit( Venus) - 0.25*logit( Earth)");
  EXPECT_EQ(LabelOf({.what = Direction{{1, 2}}}), "direction");
  EXPECT_EQ(LabelOf({.what = TargetFeature{3, 17}}), "feature 17 of layer 3");
}

TEST(LabelOfTest, LeavesThatToTheCallerExceptForTokens) {
  EXPECT_EQ(LabelOf({.what = Direction{{1, 2}}, .label = "capitals"}), "capitals");
  EXPECT_EQ(LabelOf({.what = TargetFeature{3, 17}, .label = "red"}), "red");
  EXPECT_EQ(LabelOf({.what = NamedToken{" Mars"}, .label = "red"}), " Mars");
}

}  // namespace
}  // namespace cajal::graph
