#include "model/features/reconstruction_statistics.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace cajal::features {
namespace {

constexpr auto kText = static_cast<int64_t>(Modality::kText);
constexpr auto kImage = static_cast<int64_t>(Modality::kImage);

// Two text tokens and three image tokens between them, and one that is left out. d_model 2, four
// features.
//   text:  y (1,0) (3,0), mean (2,0), deviation 2, error 1
//   image: y (0,1) (0,5) (0,3), mean (0,3), deviation 8, error 1 + 1
//   all:   Σ y² 45, |Σ y|² / 5 = (16 + 81) / 5
class ReconstructionStatisticsTest : public ::testing::Test {
 protected:
  const ReconstructedTokens tokens_ = {
      .y = at::tensor({900.0F, -900.0F, 1.0F, 0.0F, 0.0F, 1.0F, 0.0F, 5.0F, 0.0F, 3.0F, 3.0F, 0.0F})
               .view({6, 2}),
      .y_hat = at::tensor({0.0F, 0.0F, 1.0F, 1.0F, 1.0F, 1.0F, 0.0F, 4.0F, 0.0F, 3.0F, 3.0F, 0.0F})
                   .view({6, 2}),
      .modality = at::tensor({kLeftOut, kText, kImage, kImage, kImage, kText}, at::kLong)};
  // A negative activation is active too: circuit-tracer's TopK keeps them.
  const at::Tensor activations_ = at::tensor({0.0F, 9.0F,  9.0F, 9.0F,   // left out
                                              2.0F, -1.0F, 0.0F, 0.0F,   // text
                                              0.0F, 0.0F,  3.0F, 0.0F,   // image
                                              0.0F, 1.0F,  3.0F, 0.0F,   // image
                                              0.0F, 0.0F,  1.0F, 0.0F,   // image
                                              0.5F, 0.0F,  0.0F, 0.0F})  // text
                                      .view({6, 4});
};

TEST_F(ReconstructionStatisticsTest, AreApartByModality) {
  ReconstructionStatistics statistics(2, 4);
  statistics.Add(tokens_, activations_);

  const ReconstructionFigures text = FiguresOf(statistics.sums().text);
  EXPECT_EQ(text.tokens, 2);
  EXPECT_DOUBLE_EQ(text.fvu.value(), 1.0 / 2);
  EXPECT_DOUBLE_EQ(text.mean_l0, 3.0 / 2);
  EXPECT_DOUBLE_EQ(text.dead_share, 2.0 / 4);

  const ReconstructionFigures image = FiguresOf(statistics.sums().image);
  EXPECT_EQ(image.tokens, 3);
  EXPECT_DOUBLE_EQ(image.fvu.value(), 2.0 / 8);
  EXPECT_DOUBLE_EQ(image.mean_l0, 4.0 / 3);
  EXPECT_EQ(statistics.sums().image.activations, (std::vector<int64_t>{0, 1, 3, 0}));

  const ReconstructionFigures all = FiguresOf(All(statistics.sums()));
  EXPECT_EQ(all.tokens, 5);
  EXPECT_DOUBLE_EQ(all.fvu.value(), 3 / (45 - 97.0 / 5));
  EXPECT_DOUBLE_EQ(all.mean_l0, 7.0 / 5);
  EXPECT_DOUBLE_EQ(all.dead_share, 1.0 / 4);
}

TEST_F(ReconstructionStatisticsTest, OfPiecesAreThoseOfTheWhole) {
  ReconstructionStatistics whole(2, 4);
  whole.Add(tokens_, activations_);
  ReconstructionStatistics pieces(2, 4);
  for (const auto& [begin, end] : {std::pair{0, 1}, {1, 3}, {3, 6}}) {
    pieces.Add({.y = tokens_.y.slice(0, begin, end),
                .y_hat = tokens_.y_hat.slice(0, begin, end),
                .modality = tokens_.modality.slice(0, begin, end)},
               activations_.slice(0, begin, end));
  }
  EXPECT_EQ(pieces.sums().text.activations, whole.sums().text.activations);
  EXPECT_EQ(FiguresOf(pieces.sums().image).fvu, FiguresOf(whole.sums().image).fvu);
  EXPECT_EQ(FiguresOf(All(pieces.sums())).fvu, FiguresOf(All(whole.sums())).fvu);
}

TEST_F(ReconstructionStatisticsTest, AreTheSameFromSparseActivations) {
  ReconstructionStatistics dense(2, 4);
  dense.Add(tokens_, activations_);
  ReconstructionStatistics sparse(2, 4);
  const at::Tensor active = activations_.nonzero();
  sparse.Add(tokens_, transcoder::ActiveFeatures{.positions = active.select(1, 0),
                                                 .features = active.select(1, 1)});
  EXPECT_EQ(sparse.sums().text.activations, dense.sums().text.activations);
  EXPECT_EQ(sparse.sums().image.activations, dense.sums().image.activations);
}

TEST_F(ReconstructionStatisticsTest, CallDenseWhatIsActiveOnMoreThanTheThreshold) {
  ReconstructionStatistics statistics(2, 4);
  statistics.Add(tokens_, activations_);  // on text: feature 0 on 2 of 2 tokens, 1 on 1 of 2
  EXPECT_DOUBLE_EQ(FiguresOf(statistics.sums().text, 0.49).dense_share, 2.0 / 4);
  EXPECT_DOUBLE_EQ(FiguresOf(statistics.sums().text, 0.5).dense_share, 1.0 / 4);
  EXPECT_DOUBLE_EQ(FiguresOf(statistics.sums().text, 1).dense_share, 0);
}

TEST_F(ReconstructionStatisticsTest, HaveNoFvuWhereOutputsDoNotVary) {
  ReconstructionStatistics statistics(2, 4);
  EXPECT_EQ(FiguresOf(statistics.sums().text).fvu, std::nullopt);
  const at::Tensor y = at::full({3, 2}, 0.1F);
  statistics.Add({.y = y, .y_hat = y + 1, .modality = at::full({3}, kText, at::kLong)},
                 at::zeros({3, 4}));
  EXPECT_EQ(FiguresOf(statistics.sums().text).fvu, std::nullopt);
  EXPECT_EQ(FiguresOf(statistics.sums().image).tokens, 0);
}

TEST_F(ReconstructionStatisticsTest, StayExactFarFromTheOrigin) {
  // Deviation 2 around a mean of 4096, in float32: as large as outputs at massive activations.
  ReconstructionStatistics statistics(1, 1);
  const at::Tensor y = at::tensor({4095.0F, 4097.0F}).view({2, 1});
  statistics.Add({.y = y, .y_hat = y + 0.25F, .modality = at::full({2}, kText, at::kLong)},
                 at::zeros({2, 1}));
  EXPECT_DOUBLE_EQ(FiguresOf(statistics.sums().text).fvu.value(), 0.125 / 2);
}

TEST(ModalityOfPositions, MarksImageRunsAndLeavesLeadingPositionsOut) {
  const at::Tensor modality = ModalityOfPositions(7, {{2, 4}, {5, 6}}, 1);
  EXPECT_TRUE(at::equal(
      modality, at::tensor({kLeftOut, kText, kImage, kImage, kText, kImage, kText}, at::kLong)));
  // A run that begins within the positions left out.
  EXPECT_TRUE(at::equal(ModalityOfPositions(4, {{1, 4}}, 3),
                        at::tensor({kLeftOut, kLeftOut, kLeftOut, kImage}, at::kLong)));
}

}  // namespace
}  // namespace cajal::features
