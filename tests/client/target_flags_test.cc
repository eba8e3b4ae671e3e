#include "client/cli/target_flags.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "client/cli/command.h"
#include "tests/temp_dir.h"

namespace cajal::cli {
namespace {

using Terms = std::vector<std::pair<std::string, float>>;

Terms Read(const std::string& text) {
  const auto sum = ParseSum(text);
  EXPECT_TRUE(sum.ok()) << sum.status();
  Terms terms;
  for (const client::WeightedToken& term : sum->terms) terms.emplace_back(term.token, term.weight);
  return terms;
}

TEST(ParseSumTest, ReadsTokensWithSignsAndFactors) {
  EXPECT_EQ(Read("' Mars' - ' Earth'"), (Terms{{" Mars", 1}, {" Earth", -1}}));
  EXPECT_EQ(Read("-' Mars'+2' Earth'"), (Terms{{" Mars", -1}, {" Earth", 2}}));
  EXPECT_EQ(Read(" 0.5 * ' a' - 1e1*\"'s\" + '-'"), (Terms{{" a", 0.5F}, {"'s", -10}, {"-", 1}}));
}

TEST(ParseSumTest, RefusesWhatIsNoSum) {
  for (const char* text : {"", " ", "Mars", "' Mars", "' Mars' ' Earth'", "' Mars' -", "1.2.3*'a'",
                           "--'a'", "2", "'a' * 2"}) {
    EXPECT_TRUE(IsUsageError(ParseSum(text).status())) << text;
  }
}

TEST(MakeTargetsTest, NamesADirectionByItsFile) {
  const TempDir dir;
  const std::string path = dir.Write("capitals.json", "[0.5, -2, 1e-3]");
  TargetFlags flags;
  flags.directions = {path};
  const auto targets = MakeTargets(flags);
  ASSERT_TRUE(targets.ok()) << targets.status();
  ASSERT_EQ(targets->size(), 1u);
  EXPECT_EQ((*targets)[0].label, "capitals");
  EXPECT_EQ(std::get<client::Direction>((*targets)[0].what).vector,
            (std::vector<float>{0.5F, -2, 1e-3F}));
  dir.Write("capitals.json", "[1, \"two\"]");
  EXPECT_TRUE(IsUsageError(MakeTargets(flags).status()));
}

}  // namespace
}  // namespace cajal::cli
