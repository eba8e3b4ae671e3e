#include "server/target_conversion.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace cajal::server {
namespace {

v1::Target Proto(const std::string& text) {
  v1::Target proto;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &proto)) << text;
  return proto;
}

graph::Target Plain(const std::string& text) {
  const auto target = TargetFromProto(Proto(text), "targets[0]");
  EXPECT_TRUE(target.ok()) << target.status();
  return *target;
}

TEST(TargetConversionTest, EachKindBecomesItsPlainStruct) {
  EXPECT_EQ(Plain("token: 'a'"), graph::Target{.what = graph::NamedToken{"a"}});
  EXPECT_EQ(Plain("top_tokens {} position: 3"),
            (graph::Target{.what = graph::TopTokens{}, .position = 3}));
  EXPECT_EQ(Plain("token_sum { terms { token: 'a' } terms { token: 'b' weight: -0.5 } }"),
            (graph::Target{.what = graph::TokenSum{{{"a", 1}, {"b", -0.5F}}}}));
  EXPECT_EQ(Plain("direction { vector: 1 vector: -2 } weight: 3 label: 'up'"),
            (graph::Target{.what = graph::Direction{{1, -2}}, .weight = 3.0F, .label = "up"}));
  EXPECT_EQ(Plain("feature { layer: 4 position: -2 index: 17 }"),
            (graph::Target{.what = graph::TargetFeature{4, 17}, .position = -2}));
}

class RoundTripTest : public ::testing::TestWithParam<const char*> {};

TEST_P(RoundTripTest, GivesTheSameMessage) {
  EXPECT_EQ(ToProto(Plain(GetParam())).SerializeAsString(), Proto(GetParam()).SerializeAsString());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, RoundTripTest,
    ::testing::Values("token: 'a'", "token: 'a' position: 0 weight: 0.25", "top_tokens {}",
                      "token_sum { terms { token: 'a' weight: 2 } } label: 'twice'", "direction {}",
                      "feature { layer: 4 position: -2 index: 17 }"));

TEST(TargetConversionTest, ATokenThatIsNotUtf8IsSentAllTheSame) {
  EXPECT_EQ(ToProto({.what = graph::NamedToken{"\xff"}}).token(), "\uFFFD");
}

}  // namespace
}  // namespace cajal::server
