// What a heatmap costs at the shape of a real vision tower, with random weights: seconds of the
// tower, of its attention alone, and of the rollout; and the memory that the rollout takes beyond
// the tower's states.
//
//   rollout_bench [--patches-per-side 64] [--width 1152] [--heads 16] [--layers 27] [--mlp 4304]
//                 [--last-layers 4] [--head-fraction 0.3] [--device cpu] [--threads 0] [--json]
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/gemma3/device.h"
#include "model/gemma3/vision_attention.h"
#include "model/gemma3/vision_encoder.h"
#include "model/rollout/attention_rollout.h"
#include "model/rollout/token_maps.h"
#include "tests/support/allocation_meter.h"

namespace cajal::bench {
namespace {

struct Shape {
  int64_t patches_per_side = 64;
  int64_t width = 1152;
  int64_t heads = 16;
  int64_t layers = 27;
  int64_t mlp = 4304;
};

gemma3::Model RandomTower(const Shape& shape, const gemma3::Placement& placement) {
  gemma3::Model model;
  checkpoint::VisionConfig config;
  config.hidden_size = shape.width;
  config.intermediate_size = shape.mlp;
  config.num_hidden_layers = shape.layers;
  config.num_attention_heads = shape.heads;
  config.patch_size = 14;
  config.image_size = 14 * shape.patches_per_side;
  model.config.vision = config;
  model.weights.placement = placement;
  const auto options = at::TensorOptions().dtype(placement.dtype).device(placement.device);
  const auto linear = [&](int64_t out, int64_t in) {
    return gemma3::LinearWeights{at::randn({out, in}, options) / std::sqrt(static_cast<double>(in)),
                                 at::zeros({out}, options)};
  };
  const auto norm = [&] {
    return gemma3::LinearWeights{at::ones({shape.width}, options),
                                 at::zeros({shape.width}, options)};
  };
  gemma3::VisionWeights& vision = model.weights.vision.emplace();
  vision.patch_embedding = {at::randn({shape.width, 3, 14, 14}, options) / 24.0,
                            at::zeros({shape.width}, options)};
  vision.position_embedding =
      at::randn({shape.patches_per_side * shape.patches_per_side, shape.width}, options);
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    vision.blocks.push_back({.layer_norm1 = norm(),
                             .layer_norm2 = norm(),
                             .q_proj = linear(shape.width, shape.width),
                             .k_proj = linear(shape.width, shape.width),
                             .v_proj = linear(shape.width, shape.width),
                             .out_proj = linear(shape.width, shape.width),
                             .fc1 = linear(shape.mlp, shape.width),
                             .fc2 = linear(shape.width, shape.mlp)});
  }
  vision.post_layernorm = norm();
  return model;
}

template <typename Function>
double Seconds(const at::Device& device, const Function& function) {
  gemma3::Synchronize(device);
  const auto began = std::chrono::steady_clock::now();
  function();
  gemma3::Synchronize(device);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

// One block's attention as the tower computes it: patterns, and their products with the values.
void RunAttention(const gemma3::Model& model, const at::Tensor& input) {
  const gemma3::VisionBlockWeights& weights = model.weights.vision->blocks.back();
  const gemma3::VisionAttention attention(weights, *model.config.vision, input.unsqueeze(0));
  const at::Tensor values =
      at::linear(attention.normed(), weights.v_proj.weight, weights.v_proj.bias)
          .view({attention.n_patches(), attention.n_heads(), -1});
  for (int64_t head = 0; head < attention.n_heads(); ++head) {
    for (const gemma3::VisionAttention::Run& tile : attention.Tiles()) {
      at::matmul(attention.Rows(head, tile)[0].to(values.scalar_type()), values.select(1, head));
    }
  }
}

}  // namespace

int Main(int argc, char** argv) {
  Shape shape;
  int last_layers = 4;
  double head_fraction = 0.3;
  std::string device_name = "cpu";
  int threads = 0;
  bool json = false;
  CLI::App app("What a heatmap costs at the shape of a real vision tower, with random weights.");
  app.add_option("--patches-per-side", shape.patches_per_side)->capture_default_str();
  app.add_option("--width", shape.width)->capture_default_str();
  app.add_option("--heads", shape.heads)->capture_default_str();
  app.add_option("--layers", shape.layers)->capture_default_str();
  app.add_option("--mlp", shape.mlp)->capture_default_str();
  app.add_option("--last-layers", last_layers)->capture_default_str();
  app.add_option("--head-fraction", head_fraction)->capture_default_str();
  app.add_option("--device", device_name, "cpu, cuda or auto")->capture_default_str();
  app.add_option("--threads", threads, "0 = all cores")->capture_default_str();
  app.add_flag("--json", json);
  CLI11_PARSE(app, argc, argv);

  const auto device = gemma3::OpenDevice(device_name, threads);
  if (!device.ok()) {
    std::cerr << device.status().message() << "\n";
    return 1;
  }
  const c10::InferenceMode no_autograd;
  const gemma3::Model model = RandomTower(shape, {*device, at::kFloat});
  const int64_t side = model.config.vision->image_size;
  const at::Tensor picture = at::rand({1, 3, side, side}) * 2 - 1;
  gemma3::VisionEncoder encoder(model, 0);
  RunContext context;
  gemma3::VisionStates states;
  const double tower =
      Seconds(*device, [&] { states = (*encoder.Encode(picture, last_layers, &context))[0]; });
  const double attention = static_cast<double>(shape.layers) * Seconds(*device, [&] {
                             RunAttention(model, states.block_inputs.back());
                           });
  rollout::PatchRollout rollout;
  const testing::AllocationMeter meter;
  const double seconds = Seconds(*device, [&] {
    rollout = *rollout::RollOut(model, states.block_inputs, head_fraction, &context);
    rollout::PoolRows(rollout.matrix, 16, rollout::Pooling::kMax);
  });
  const auto peak_mib = static_cast<double>(meter.PeakBytes()) / (1 << 20);
  const nlohmann::ordered_json result = {
      {"device", gemma3::DeviceName(*device)},
      {"tower_seconds", tower},
      {"tower_attention_seconds", attention},
      {"rollout_seconds", seconds},
      {"rollout_share_of_attention", seconds / attention},
      {"rollout_peak_host_mib", peak_mib},
  };
  std::cout << (json ? result.dump() : result.dump(2)) << "\n";
  return 0;
}

}  // namespace cajal::bench

int main(int argc, char** argv) { return cajal::bench::Main(argc, argv); }
