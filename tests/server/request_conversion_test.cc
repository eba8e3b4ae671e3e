#include "server/request_conversion.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "model/base/status.h"

namespace cajal::server {
namespace {

v1::CreateGraphRequest GoodRequest() {
  v1::CreateGraphRequest request;
  request.mutable_prompt()->add_parts()->set_text("a");
  return request;
}

TEST(RequestConversionTest, DefaultsAreThoseOfTheDocuments) {
  const auto call = FromProto(GoodRequest(), /*default_zero_positions=*/4);
  ASSERT_TRUE(call.ok());
  const graph::GraphSettings& settings = call->request.settings;
  EXPECT_EQ(settings.max_n_logits, 10);
  EXPECT_EQ(settings.desired_logit_prob, 0.95);
  EXPECT_EQ(settings.max_feature_nodes, 7500);
  EXPECT_EQ(settings.batch_size, 256);
  EXPECT_EQ(settings.update_interval, 4);
  EXPECT_FALSE(settings.rank_once);
  EXPECT_EQ(settings.zero_positions, 4);

  const auto presentation = PresentationFromProto(v1::GRAPH_VIEW_UNSPECIFIED, {});
  ASSERT_TRUE(presentation.ok());
  EXPECT_EQ(presentation->view, v1::GRAPH_VIEW_PRUNED);
  EXPECT_EQ(presentation->prune.node_threshold, 0.8);
  EXPECT_EQ(presentation->prune.edge_threshold, 0.98);
}

TEST(RequestConversionTest, ZeroIsAValueAndNotADefault) {
  v1::CreateGraphRequest request = GoodRequest();
  request.mutable_settings()->set_max_feature_nodes(0);
  request.mutable_settings()->set_zero_positions(0);
  const auto call = FromProto(std::move(request), 4);
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(call->request.settings.max_feature_nodes, 0);
  EXPECT_EQ(call->request.settings.zero_positions, 0);
}

TEST(RequestConversionTest, HooksAreFewAndShort) {
  const auto status_of = [](int n, const std::string& hook) {
    v1::ForwardRequest request;
    request.mutable_prompt()->add_parts()->set_text("a");
    for (int i = 0; i < n; ++i) request.add_hooks(hook);
    return FromProto(std::move(request), "ana").status();
  };
  EXPECT_TRUE(status_of(1000, "*").ok());
  EXPECT_EQ(FieldOf(status_of(1001, "*")), "hooks");
  EXPECT_TRUE(status_of(1, std::string(256, '?')).ok());
  EXPECT_EQ(FieldOf(status_of(1, std::string(257, '?'))), "hooks[0]");
}

struct BadSetting {
  std::string field;
  std::function<void(v1::CreateGraphRequest*)> spoil;
};

class BadSettingTest : public testing::TestWithParam<BadSetting> {};

TEST_P(BadSettingTest, IsNamed) {
  v1::CreateGraphRequest request = GoodRequest();
  GetParam().spoil(&request);
  EXPECT_EQ(FieldOf(FromProto(std::move(request), 1).status()), GetParam().field);
}

INSTANTIATE_TEST_SUITE_P(
    RequestConversionTest, BadSettingTest,
    testing::Values(
        BadSetting{"settings.max_n_logits",
                   [](auto* r) { r->mutable_settings()->set_max_n_logits(0); }},
        BadSetting{"settings.desired_logit_prob",
                   [](auto* r) { r->mutable_settings()->set_desired_logit_prob(0); }},
        BadSetting{"settings.desired_logit_prob",
                   [](auto* r) { r->mutable_settings()->set_desired_logit_prob(std::nan("")); }},
        BadSetting{"settings.max_feature_nodes",
                   [](auto* r) { r->mutable_settings()->set_max_feature_nodes(-1); }},
        BadSetting{"settings.batch_size",
                   [](auto* r) { r->mutable_settings()->set_batch_size(0); }},
        BadSetting{"settings.batch_size",
                   [](auto* r) { r->mutable_settings()->set_batch_size(65537); }},
        BadSetting{"settings.update_interval",
                   [](auto* r) { r->mutable_settings()->set_update_interval(0); }},
        BadSetting{"settings.zero_positions",
                   [](auto* r) { r->mutable_settings()->set_zero_positions(-1); }},
        BadSetting{"targets[0]", [](auto* r) { r->add_targets(); }},
        BadSetting{"targets[0].token", [](auto* r) { r->add_targets()->set_token(""); }},
        BadSetting{"targets[0].position",
                   [](auto* r) {
                     r->add_targets()->mutable_feature();
                     r->mutable_targets(0)->set_position(3);
                   }},
        BadSetting{"targets[1].label",
                   [](auto* r) {
                     r->add_targets()->set_token("a");
                     r->add_targets()->mutable_direction();
                     r->mutable_targets(1)->set_label(std::string(257, 'x'));
                   }},
        BadSetting{"targets[0].token_sum.terms",
                   [](auto* r) {
                     v1::TokenSum* sum = r->add_targets()->mutable_token_sum();
                     for (int i = 0; i < 1001; ++i) sum->add_terms()->set_token("a");
                   }},
        BadSetting{"targets", [](auto* r) {
                     for (int i = 0; i < 1001; ++i) r->add_targets()->set_token("a");
                   }}));

TEST(RequestConversionTest, ThresholdsLieInTheUnitInterval) {
  for (const double bad : {-0.1, 1.1, std::nan("")}) {
    v1::PruneOptions prune;
    prune.set_node_threshold(bad);
    EXPECT_EQ(FieldOf(FromProto(prune).status()), "prune.node_threshold") << bad;
    prune.set_node_threshold(0);
    prune.set_edge_threshold(bad);
    EXPECT_EQ(FieldOf(FromProto(prune).status()), "prune.edge_threshold") << bad;
    prune.set_edge_threshold(1);
    EXPECT_TRUE(FromProto(prune).ok());
  }
}

TEST(RequestConversionTest, AViewFromAnotherVersionIsRefused) {
  EXPECT_EQ(FieldOf(PresentationFromProto(static_cast<v1::GraphView>(99), {}).status()), "view");
}

TEST(RequestConversionTest, NamesAreACollectionAndAnId) {
  EXPECT_EQ(*IdFromName("graphs/1a", "graphs"), "1a");
  for (const char* bad : {"", "graphs", "graphs/", "jobs/1a", "graphs/1/a"}) {
    EXPECT_EQ(FieldOf(IdFromName(bad, "graphs").status()), "name") << bad;
  }
}

TEST(RequestConversionTest, PagesCoverTheListOnce) {
  const auto first = PageOf(5, 3, "");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->begin, 0);
  EXPECT_EQ(first->end, 3);
  const auto second = PageOf(5, 3, first->next_page_token);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->begin, 3);
  EXPECT_EQ(second->end, 5);
  EXPECT_EQ(second->next_page_token, "");
  EXPECT_EQ(PageOf(1000, 0, "")->end, 50);
  EXPECT_EQ(PageOf(1000, 900, "")->end, 500);
  EXPECT_EQ(FieldOf(PageOf(5, -1, "").status()), "page_size");
  EXPECT_EQ(FieldOf(PageOf(5, 3, "x").status()), "page_token");
}

TEST(RequestConversionTest, RequestIdsAndSlugsArePlain) {
  EXPECT_TRUE(CheckRequestId("0b61 / run #3").ok());
  EXPECT_FALSE(CheckRequestId("zwölf").ok());
  EXPECT_FALSE(CheckRequestId(std::string(129, 'a')).ok());
  EXPECT_TRUE(CheckSlug("Dallas-Austin_1").ok());
  EXPECT_FALSE(CheckSlug("../etc").ok());
}

}  // namespace
}  // namespace cajal::server
