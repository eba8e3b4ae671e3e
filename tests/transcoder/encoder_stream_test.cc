// Encoders that come one layer at a time.
#include "model/transcoder/encoder_stream.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace cajal::transcoder {
namespace {

class EncoderStreamTest : public ::testing::Test {
 protected:
  EncoderStreamTest() {
    for (int layer = 0; layer < 4; ++layer) {
      const at::Tensor source = at::arange(6, at::kFloat).view({2, 3}) + 10 * layer;
      matrices_.emplace_back(source, /*is_mapped_file=*/false,
                             gemma3::Placement{at::kCPU, at::kBFloat16}, /*is_resident=*/false);
    }
  }

  [[nodiscard]] std::vector<const WeightMatrix*> Pointers() const {
    std::vector<const WeightMatrix*> pointers;
    for (const WeightMatrix& matrix : matrices_) pointers.push_back(&matrix);
    return pointers;
  }
  static at::Tensor Expected(int layer) {
    return (at::arange(6, at::kFloat).view({2, 3}) + 10 * layer).to(at::kBFloat16);
  }

  std::vector<WeightMatrix> matrices_;
};

TEST_F(EncoderStreamTest, GivesEachLayersEncoderInWhateverOrder) {
  EncoderStream stream(Pointers());
  for (const int layer : {0, 1, 2, 3, 0, 0, 3, 2, 2, 1}) {
    EXPECT_TRUE(at::equal(stream.Take(layer), Expected(layer))) << layer;
  }
}

TEST_F(EncoderStreamTest, MayEndWhileTheNextLayerIsUnderWay) {
  EncoderStream stream(Pointers());
  EXPECT_TRUE(at::equal(stream.Take(0), Expected(0)));
}

}  // namespace
}  // namespace cajal::transcoder
