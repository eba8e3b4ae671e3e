#include "server/forward_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace cajal::server {
namespace {

TEST(ForwardConversionTest, ALongTensorIsCutIntoChunksThatJoinToItsBytes) {
  auto forward = std::make_shared<ForwardResult>();
  NamedArray array{.name = "logits", .shape = {2, 150'000}};
  for (int i = 0; i < 300'000; ++i) array.values.push_back(static_cast<float>(i) / 3);
  const std::vector<float> expected = array.values;
  forward->arrays.push_back(std::move(array));
  forward->arrays.push_back({.name = "empty", .shape = {0, 4}});
  forward->arrays.push_back({.name = "scalar", .shape = {}, .values = {4.5f}});
  ForwardMessages messages(JobInfo{.id = "3"}, {.forward = forward, .input_ids = {2, 9}});

  EXPECT_EQ(messages.header().job(), "jobs/3");
  ASSERT_EQ(messages.header().tensors_size(), 4);
  EXPECT_EQ(messages.header().tensors(1).size_bytes(), 1'200'000);
  std::vector<std::string> tensors(4);
  v1::TensorChunk chunk;
  int chunks = 0;
  while (messages.Next(&chunk)) {
    EXPECT_LE(chunk.ByteSizeLong(), 512u << 10);
    EXPECT_EQ(chunk.offset_bytes(), static_cast<int64_t>(tensors[chunk.tensor()].size()));
    tensors[chunk.tensor()] += chunk.data();
    ++chunks;
  }
  EXPECT_EQ(chunks, 1 + 3 + 1);
  std::vector<float> actual(300'000);
  ASSERT_EQ(tensors[1].size(), 1'200'000u);
  std::memcpy(actual.data(), tensors[1].data(), tensors[1].size());
  EXPECT_EQ(actual, expected);
  EXPECT_EQ(tensors[2], "");
  EXPECT_EQ(tensors[3].size(), 4u);
}

}  // namespace
}  // namespace cajal::server
