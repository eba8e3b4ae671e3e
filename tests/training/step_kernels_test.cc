// The CPU's loops against plain ATen, and against themselves on other numbers of threads.
#include "model/training/step_kernels.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/support/golden_tensors.h"

namespace cajal::training {
namespace {

using testing::RelativeToLargest;

constexpr int64_t kTokens = 100;
constexpr int64_t kFeatures = 300;
constexpr int64_t kWidth = 45;  // no multiple of any vector's length
constexpr int64_t kActive = 7;

at::Tensor Random(at::IntArrayRef shape, uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kFloat);
}

// Larger than one tile in both directions.
at::Tensor Product(const StepKernels& kernels) {
  at::Tensor out = Random({300, 700}, 6);
  kernels.AddProduct(Random({90, 300}, 7).t(), Random({90, 700}, 8), 2, -0.5, &out);
  return out;
}

// What a step makes with the kernels, from fixed random numbers.
struct Results {
  SparseRows active;
  at::Tensor residual;
  at::Tensor dots;
  at::Tensor rows;
  at::Tensor weight_sums;
  at::Tensor counts;
  at::Tensor product;
  double squares = 0;
};

Results RunAll(const StepKernels& kernels) {
  Results r;
  // Few are positive in some rows.
  r.active = kernels.KeepLargest(
      Random({kTokens, kFeatures}, 1) - at::linspace(0, 4, kTokens, at::kFloat).unsqueeze(1),
      Random({kFeatures}, 2) * 0.1, kActive);
  r.residual = Random({kTokens, kWidth}, 3);
  r.dots = kernels.SubtractDecoded(r.active, Random({kFeatures, kWidth}, 4), &r.residual);
  r.rows = at::full({kFeatures, kWidth}, 1e6);  // to be overwritten
  r.weight_sums = at::full({kFeatures}, 1e6);
  const std::array<FeatureSum, 1> sums = {
      FeatureSum{r.dots, r.residual, -0.5, r.rows, r.weight_sums}};
  kernels.SumByFeature(r.active, sums, SumMode::kOverwrite);
  kernels.SumByFeature(r.active, sums, SumMode::kAdd);
  r.counts = kernels.CountByFeature(r.active, kFeatures);
  r.product = Product(kernels);
  r.squares = kernels.SumOfSquares(Random({300, 1000}, 5));
  return r;
}

at::Tensor DenseOf(const SparseRows& active) {
  return at::zeros({active.n_rows(), kFeatures}).scatter_add(1, active.features, active.values);
}

TEST(StepKernelsTest, GiveTheSameOnTheCpusLoopsAndInPlainAten) {
  const Results cpu = RunAll(*MakeCpuKernels());
  const Results aten = RunAll(*MakeAtenKernels());
  EXPECT_TRUE(at::equal(DenseOf(cpu.active), DenseOf(aten.active)));
  EXPECT_GT(cpu.active.values.eq(0).sum().item<int64_t>(), 0) << "no row has unused slots";
  EXPECT_LT(RelativeToLargest(cpu.residual, aten.residual), 1e-6);
  EXPECT_LT(RelativeToLargest(cpu.rows, aten.rows), 2e-6);
  EXPECT_LT(RelativeToLargest(cpu.weight_sums, aten.weight_sums), 2e-6);
  EXPECT_TRUE(at::equal(cpu.counts, aten.counts));
  EXPECT_EQ(cpu.counts.sum().item<int64_t>(), cpu.active.values.gt(0).sum().item<int64_t>());
  EXPECT_LT(RelativeToLargest(cpu.product, aten.product), 1e-6);
  EXPECT_NEAR(cpu.squares, aten.squares, 1e-6 * aten.squares);
}

TEST(StepKernelsTest, GiveTheSameBytesOnAnyNumberOfThreads) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Results one = RunAll(*MakeCpuKernels());
  at::set_num_threads(3);
  const Results three = RunAll(*MakeCpuKernels());
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one.active.values, three.active.values));
  EXPECT_TRUE(at::equal(one.active.features, three.active.features));
  EXPECT_TRUE(at::equal(one.residual, three.residual));
  EXPECT_TRUE(at::equal(one.dots, three.dots));
  EXPECT_TRUE(at::equal(one.rows, three.rows));
  EXPECT_TRUE(at::equal(one.weight_sums, three.weight_sums));
  EXPECT_TRUE(at::equal(one.product, three.product));
  EXPECT_EQ(one.squares, three.squares);
}

TEST(StepKernelsTest, AddsToWhatIsThere) {
  const auto kernels = MakeCpuKernels();
  const SparseRows active{at::ones({1, 1}), at::ones({1, 1}, at::kLong)};
  at::Tensor rows = at::full({3, 2}, 10.0f);
  at::Tensor weight_sums = at::full({3}, 20.0f);
  const std::array<FeatureSum, 1> sums = {FeatureSum{
      at::full({1, 1}, 3.0f), at::tensor({1.0f, 2.0f}).view({1, 2}), 2.0, rows, weight_sums}};
  kernels->SumByFeature(active, sums, SumMode::kAdd);
  EXPECT_TRUE(at::equal(rows, at::tensor({10.0f, 10.0f, 16.0f, 22.0f, 10.0f, 10.0f}).view({3, 2})));
  EXPECT_TRUE(at::equal(weight_sums, at::tensor({20.0f, 26.0f, 20.0f})));
}

}  // namespace
}  // namespace cajal::training
