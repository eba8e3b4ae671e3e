#include "server/evaluation_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "model/base/status.h"

namespace cajal::server {
namespace {

using testing::ElementsAre;

v1::EvaluateTranscodersRequest RequestOf(int n_prompts) {
  v1::EvaluateTranscodersRequest request;
  for (int i = 0; i < n_prompts; ++i) request.add_prompts()->add_parts()->set_text("a");
  return request;
}

TEST(EvaluationConversionTest, AllLayersAndATenthAreTheDefaults) {
  const auto call = FromProto(RequestOf(2), /*n_layers=*/34);
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(call->prompts.size(), 2u);
  EXPECT_EQ(call->request.first_layer, 0);
  EXPECT_EQ(call->request.last_layer, 33);
  EXPECT_EQ(call->dense_threshold, 0.1);
}

TEST(EvaluationConversionTest, ACallHoldsOneToSixtyFourPrompts) {
  EXPECT_EQ(FieldOf(FromProto(RequestOf(0), 1).status()), "prompts");
  EXPECT_TRUE(FromProto(RequestOf(64), 1).ok());
  EXPECT_EQ(FieldOf(FromProto(RequestOf(65), 1).status()), "prompts");
}

TEST(EvaluationConversionTest, TheThresholdIsAShareAboveZero) {
  for (const double bad : {0.0, -0.1, 1.001, std::nan("")}) {
    v1::EvaluateTranscodersRequest request = RequestOf(1);
    request.set_dense_threshold(bad);
    EXPECT_EQ(FieldOf(FromProto(std::move(request), 1).status()), "dense_threshold") << bad;
  }
  v1::EvaluateTranscodersRequest request = RequestOf(1);
  request.set_dense_threshold(1);
  EXPECT_TRUE(FromProto(std::move(request), 1).ok());
}

TEST(EvaluationConversionTest, AnErrorOfAPromptSaysOfWhichOne) {
  v1::EvaluateTranscodersRequest request = RequestOf(2);
  request.mutable_prompts(1)->mutable_parts(0)->Clear();
  const absl::Status status = FromProto(std::move(request), 1).status();
  EXPECT_EQ(FieldOf(status), "prompts[1].parts[0]");
  EXPECT_EQ(status.message(), "prompts[1].parts[0]: must hold `text` or `image`");

  const absl::Status unreadable = InPrompts(
      InvalidField("prompt.parts[2].image", "IMAGE_UNREADABLE", "is no PNG file: truncated"), 5);
  EXPECT_EQ(FieldOf(unreadable), "prompts[5].parts[2].image");
  EXPECT_EQ(ReasonOf(unreadable), "IMAGE_UNREADABLE");
  EXPECT_EQ(unreadable.message(), "prompts[5].parts[2].image: is no PNG file: truncated");
}

// Two layers from layer 3 up; more features than fit into one chunk.
class EvaluationMessagesTest : public testing::Test {
 protected:
  static constexpr size_t kFeatures = 120'000;

  EvaluationMessagesTest() {
    auto evaluation = std::make_shared<TranscoderEvaluation>();
    evaluation->first_layer = 3;
    for (int layer = 3; layer <= 4; ++layer) {
      features::LayerSums sums{.text = features::EmptySums(2, kFeatures),
                               .image = features::EmptySums(2, kFeatures)};
      // Outputs (0, layer) and (2, layer), each missed by 1 in one dimension.
      sums.image.tokens = 2;
      sums.image.squared_error = 2;
      sums.image.squared_output = 4 + 2 * layer * layer;
      sums.image.output = {2, 2.0 * layer};
      sums.image.activations[kFeatures - 1] = 2;
      sums.image.activations[0] = layer == 3 ? 1 : 0;
      evaluation->layers.push_back(std::move(sums));
    }
    result_.evaluation = evaluation;
    result_.phases = {{"evaluate", 1.5}};
  }

  JobResult result_;
};

TEST_F(EvaluationMessagesTest, TheHeaderHoldsTheFigures) {
  const EvaluationMessages messages(JobInfo{.id = "7"}, result_, 0.5);
  const v1::EvaluationHeader& header = messages.header();
  EXPECT_EQ(header.job(), "jobs/7");
  EXPECT_EQ(header.dense_threshold(), 0.5);
  EXPECT_EQ(header.seconds(), 1.5);
  ASSERT_EQ(header.layers_size(), 2);
  EXPECT_EQ(header.layers(0).layer(), 3);
  EXPECT_EQ(header.layers(1).layer(), 4);
  EXPECT_EQ(header.layers(0).n_features(), static_cast<int>(kFeatures));
  EXPECT_EQ(header.layers(0).d_model(), 2);
  // Deviations of 1 and 1 from the mean.
  EXPECT_DOUBLE_EQ(header.layers(0).image().fvu(), 2.0 / 2);
  EXPECT_DOUBLE_EQ(header.layers(0).image().mean_l0(), 1.5);
  EXPECT_DOUBLE_EQ(header.layers(0).image().dead_share(), 1 - 2.0 / kFeatures);
  EXPECT_DOUBLE_EQ(header.layers(0).image().dense_share(), 1.0 / kFeatures);
  EXPECT_EQ(header.layers(0).text().n_tokens(), 0);
  EXPECT_FALSE(header.layers(0).text().has_fvu());
  EXPECT_DOUBLE_EQ(header.layers(1).all().fvu(), 2.0 / 2);
}

TEST_F(EvaluationMessagesTest, TheChunksJoinToTheSums) {
  EvaluationMessages messages(JobInfo{}, result_, 0.1);
  std::map<std::pair<int, int>, std::vector<double>> outputs;
  std::map<std::pair<int, int>, std::vector<int64_t>> counts;
  for (v1::EvaluationChunk chunk; messages.Next(&chunk); chunk.Clear()) {
    EXPECT_LT(chunk.ByteSizeLong(), 512u << 10);
    const std::pair<int, int> key = {chunk.layer(), chunk.modality()};
    if (chunk.has_outputs()) {
      EXPECT_EQ(chunk.outputs().offset(), static_cast<int>(outputs[key].size()));
      outputs[key].insert(outputs[key].end(), chunk.outputs().values().begin(),
                          chunk.outputs().values().end());
    } else {
      EXPECT_EQ(chunk.counts().offset(), static_cast<int>(counts[key].size()));
      counts[key].insert(counts[key].end(), chunk.counts().values().begin(),
                         chunk.counts().values().end());
    }
  }
  ASSERT_EQ(outputs.size(), 4u);
  const std::pair<int, int> image_of_4 = {4, v1::MODALITY_IMAGE};
  EXPECT_THAT(outputs[image_of_4], ElementsAre(2, 8));
  EXPECT_EQ(counts[image_of_4], result_.evaluation->layers[1].image.activations);
  EXPECT_EQ(counts[std::pair(3, int{v1::MODALITY_TEXT})], std::vector<int64_t>(kFeatures));
}

}  // namespace
}  // namespace cajal::server
