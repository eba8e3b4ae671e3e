// Encoders that come piece by piece.
#include "model/transcoder/encoder_stream.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "model/transcoder/transcoder_set.h"

namespace cajal::transcoder {
namespace {

constexpr int64_t kColumns = 3;

class EncoderStreamTest : public ::testing::Test {
 protected:
  // Layers of 2, 130, 64 and 200 features.
  EncoderStreamTest() {
    for (const int64_t n_rows : {2, 130, 64, 200}) {
      sources_.push_back(at::arange(n_rows * kColumns, at::kFloat).view({n_rows, kColumns}) +
                         10 * static_cast<double>(sources_.size()));
      matrices_.emplace_back(sources_.back(), /*is_mapped_file=*/false,
                             gemma3::Placement{at::kCPU, at::kBFloat16}, /*is_resident=*/false);
    }
  }

  [[nodiscard]] std::vector<const WeightMatrix*> Pointers() const {
    std::vector<const WeightMatrix*> pointers;
    for (const WeightMatrix& matrix : matrices_) pointers.push_back(&matrix);
    return pointers;
  }
  [[nodiscard]] at::Tensor Expected(int layer, int64_t begin, int64_t end) const {
    return sources_[static_cast<size_t>(layer)].slice(0, begin, end).to(at::kBFloat16);
  }

  std::vector<at::Tensor> sources_;
  std::vector<WeightMatrix> matrices_;
};

// By hand: of 200 rows no more than 70 at once are 3 pieces of 67, made up to whole tiles of 64.
TEST_F(EncoderStreamTest, CutsAnEncoderIntoPiecesOfAboutOneSize) {
  constexpr int64_t kRowBytes = kColumns * 2;
  EXPECT_EQ(EncoderPieceRows(matrices_[3], 70 * kRowBytes), 128);
  EXPECT_EQ(EncoderPieceRows(matrices_[3], 50 * kRowBytes), 64);
  EXPECT_EQ(EncoderPieceRows(matrices_[3], 1), 64);
  EXPECT_EQ(EncoderPieceRows(matrices_[3], 1 << 20), 256);
  EXPECT_EQ(EncoderPieceRows(matrices_[0], 1 << 20), 64);
}

TEST_F(EncoderStreamTest, GivesEachLayersEncoderInWhateverOrder) {
  EncoderStream stream(Pointers());
  for (const int layer : {0, 1, 2, 3, 0, 0, 3, 2, 2, 1}) {
    const int64_t n_rows = matrices_[static_cast<size_t>(layer)].n_rows();
    EXPECT_TRUE(at::equal(stream.Take(layer, 0), Expected(layer, 0, n_rows))) << layer;
  }
}

TEST_F(EncoderStreamTest, GivesPiecesInWhateverOrder) {
  EncoderStream stream(Pointers(), /*piece_bytes=*/64 * kColumns * 2);
  for (const auto& [layer, begin, end] :
       {std::tuple(0, 0, 2), std::tuple(1, 0, 64), std::tuple(1, 64, 128), std::tuple(1, 128, 130),
        std::tuple(2, 0, 64), std::tuple(3, 0, 64), std::tuple(3, 64, 128), std::tuple(3, 128, 192),
        std::tuple(3, 192, 200), std::tuple(1, 128, 130), std::tuple(2, 0, 64),
        std::tuple(1, 64, 128), std::tuple(1, 64, 128)}) {
    EXPECT_TRUE(at::equal(stream.Take(layer, begin), Expected(layer, begin, end)))
        << layer << ", " << begin;
  }
}

TEST_F(EncoderStreamTest, MayEndWhileTheNextLayerIsUnderWay) {
  EncoderStream stream(Pointers());
  EXPECT_TRUE(at::equal(stream.Take(0, 0), Expected(0, 0, 2)));
}

// What a set with such an encoder finds active, whichever way it comes.
TEST_F(EncoderStreamTest, EncodesTheSameInPiecesWhereverTheEncoderIs) {
  constexpr int64_t kFeatures = 200;
  const at::Tensor weights = at::randn({kFeatures, 16});
  const at::Tensor bias = at::randn({kFeatures}) * 0.1;
  const at::Tensor x = at::randn({5, 16});
  const auto encode = [&](Residency residency, int64_t piece_bytes) {
    std::vector<LayerWeights> layers;
    layers.push_back({.W_enc = WeightMatrix(weights, /*is_mapped_file=*/false,
                                            {at::kCPU, at::kFloat}, /*is_resident=*/true),
                      .b_enc = bias,
                      .b_dec = at::zeros({16})});
    layers.back().decoders.push_back({.rows = WeightMatrix(weights)});
    const TranscoderSet set({.activation = ActivationKind::kReluTopK, .k = 20}, std::move(layers),
                            residency, piece_bytes);
    return set.Encode(0, x, /*zero_positions=*/1);
  };
  // relu(x W' + b), and the 20 largest of each position but the first.
  const at::Tensor pre = at::relu(x.matmul(weights.t()) + bias);
  const at::Tensor least = std::get<0>(pre.topk(20, 1)).select(1, 19).unsqueeze(1);
  at::Tensor is_active = pre.ge(least);
  is_active[0].fill_(false);
  const at::Tensor expected = is_active.nonzero();
  for (const int64_t piece_bytes : {64 * 16 * 4, 128 * 16 * 4, 1 << 20}) {
    SCOPED_TRACE(piece_bytes);
    const ActiveFeatures resident = encode(Residency::kDevice, piece_bytes);
    EXPECT_TRUE(at::equal(resident.positions, expected.select(1, 0)));
    EXPECT_TRUE(at::equal(resident.features, expected.select(1, 1)));
    EXPECT_TRUE(at::allclose(resident.activations, pre.masked_select(is_active), 1e-5, 1e-6));
    const ActiveFeatures streamed = encode(Residency::kStream, piece_bytes);
    EXPECT_TRUE(at::equal(streamed.features, resident.features));
    EXPECT_TRUE(at::equal(streamed.pre_activations, resident.pre_activations));
  }
}

}  // namespace
}  // namespace cajal::transcoder
