#include "model/base/memory_budget.h"

#include <gtest/gtest.h>

#include "model/base/run_context.h"
#include "model/base/status.h"

namespace cajal {
namespace {

TEST(MemoryBudget, AReservationHoldsItsBytesUntilItEnds) {
  MemoryBudget budget(100);
  {
    const auto reservation = budget.Reserve(60, "rows");
    ASSERT_TRUE(reservation.ok());
    EXPECT_EQ(budget.reserved_bytes(), 60);
    EXPECT_EQ(ReasonOf(budget.Reserve(41, "rows").status()), "DOES_NOT_FIT_NOW");
    EXPECT_EQ(ReasonOf(budget.Reserve(101, "rows").status()), "NEVER_FITS");
  }
  EXPECT_EQ(budget.reserved_bytes(), 0);
}

TEST(MemoryBudget, AReservationGivesBackAndTakesMore) {
  MemoryBudget budget(100);
  auto mine = budget.Reserve(60, "mine");
  ASSERT_TRUE(mine.ok());
  ASSERT_TRUE(mine->Resize(20, "mine").ok());
  EXPECT_EQ(budget.reserved_bytes(), 20);
  const auto other = budget.Reserve(70, "other");
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(ReasonOf(mine->Resize(31, "mine")), "DOES_NOT_FIT_NOW");
  EXPECT_EQ(ReasonOf(mine->Resize(101, "mine")), "NEVER_FITS");
  EXPECT_EQ(mine->bytes(), 20);
  ASSERT_TRUE(mine->Resize(30, "mine").ok());
  EXPECT_EQ(budget.reserved_bytes(), 100);
  mine->Release();
  EXPECT_EQ(budget.reserved_bytes(), 70);
}

TEST(MemoryBudget, AContextChangesItsReservation) {
  MemoryBudget budget(100);
  auto memory = budget.Reserve(60, "job");
  ASSERT_TRUE(memory.ok());
  RunContext context;
  context.set_memory(&*memory);
  EXPECT_EQ(context.byte_limit(), 100);
  ASSERT_TRUE(context.GrowReservation(50, "rows").ok());
  EXPECT_EQ(budget.reserved_bytes(), 60);
  ASSERT_TRUE(context.CorrectReservation(50, "rows").ok());
  EXPECT_EQ(budget.reserved_bytes(), 50);
  ASSERT_TRUE(context.GrowReservation(70, "rows").ok());
  EXPECT_EQ(budget.reserved_bytes(), 70);
}

TEST(MemoryBudget, AContextWithoutAReservationHasNoLimit) {
  RunContext context;
  EXPECT_EQ(context.byte_limit(), INT64_MAX);
  EXPECT_TRUE(context.CorrectReservation(INT64_MAX, "rows").ok());
  EXPECT_TRUE(context.GrowReservation(INT64_MAX, "rows").ok());
}

}  // namespace
}  // namespace cajal
