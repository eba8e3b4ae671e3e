// Rows that stay where they are, and rows that move.
#include "model/attribution/row_storage.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/status_matchers.h"

namespace cajal::attribution {
namespace {

using testing::FailsWith;
using testing::HasReason;
using testing::IsOk;

const at::Device kCpu(at::kCPU);

// Of three rows, all different from those of another seed.
RowBatch Batch(int64_t seed) { return {.values = at::arange(12).view({3, 4}) + 100 * seed}; }

TEST(RowStorage, LeavesRowsOnTheDeviceUntilToldOtherwise) {
  RowStorage storage(kCpu);
  std::vector<RowBatch> rows = {Batch(1), Batch(2)};
  const at::Tensor before = rows[1].values;
  storage.Keep(&rows);
  storage.Wait();
  EXPECT_FALSE(storage.on_host());
  EXPECT_TRUE(rows[1].values.is_same(before));
}

TEST(RowStorage, MovesTheRowsThereAreAndThoseToCome) {
  RowStorage storage(kCpu);
  std::deque<RowBatch> there_are = {Batch(1), Batch(2)};
  const std::vector<at::Tensor> before = {there_are[0].values, there_are[1].values};
  storage.KeepOnHost(&there_are);
  EXPECT_TRUE(storage.on_host());
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_FALSE(there_are[i].values.is_alias_of(before[i]));
    EXPECT_TRUE(at::equal(there_are[i].values, before[i]));
  }
  std::vector<RowBatch> first = {Batch(3), Batch(4)};
  std::vector<RowBatch> second = {Batch(5)};
  storage.Keep(&first);
  storage.Keep(&second);
  storage.Wait();
  EXPECT_TRUE(at::equal(first[0].values, Batch(3).values));
  EXPECT_TRUE(at::equal(first[1].values, Batch(4).values));
  EXPECT_TRUE(at::equal(second[0].values, Batch(5).values));
}

TEST(RowStorage, LetsGoOfTheDevicesRows) {
  RowStorage storage(kCpu);
  std::deque<RowBatch> none;
  storage.KeepOnHost(&none);
  std::vector<RowBatch> rows = {Batch(1)};
  const c10::weak_intrusive_ptr<c10::TensorImpl> before(rows[0].values.getIntrusivePtr());
  storage.Keep(&rows);
  storage.Wait();
  EXPECT_TRUE(before.expired());
}

TEST(RowStorage, TakesRowsFromManyThreads) {
  RowStorage storage(kCpu);
  std::deque<RowBatch> none;
  storage.KeepOnHost(&none);
  constexpr int64_t kThreads = 8;
  std::vector<std::vector<RowBatch>> rows(kThreads);
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&storage, i, batches = &rows[static_cast<size_t>(i)]] {
      *batches = {Batch(2 * i), Batch(2 * i + 1)};
      storage.Keep(batches);
    });
  }
  for (std::thread& thread : threads) thread.join();
  storage.Wait();
  for (int64_t i = 0; i < kThreads; ++i) {
    const std::vector<RowBatch>& batches = rows[static_cast<size_t>(i)];
    EXPECT_TRUE(at::equal(batches[0].values, Batch(2 * i).values)) << i;
    EXPECT_TRUE(at::equal(batches[1].values, Batch(2 * i + 1).values)) << i;
  }
}

TEST(RowStorage, IsRefusedWhereTheHostHasNoRoom) {
  EXPECT_THAT(CheckHostMemory("a graph of 3 features", 101, 100),
              FailsWith(absl::StatusCode::kResourceExhausted,
                        "a graph of 3 features needs 101 bytes of the host's memory"));
  EXPECT_THAT(CheckHostMemory("a graph of 3 features", 101, 100), HasReason("DOES_NOT_FIT_NOW"));
  EXPECT_THAT(CheckHostMemory("a graph of 3 features", 100, 100), IsOk());
}

}  // namespace
}  // namespace cajal::attribution
