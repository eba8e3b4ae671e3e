// What ModelService answers: the server's description, and forward passes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/cpp/prompt.h"

namespace cajal::client {

struct ModelInfo {
  std::string name;
  std::string type;  // "gemma3" or "gemma3_text"
  int32_t n_layers = 0;
  int32_t d_model = 0;
  int32_t n_heads = 0;
  int32_t vocab_size = 0;
  bool has_vision = false;
  int32_t image_size = 0;        // pixels per side after resizing; 0 without vision
  int32_t tokens_per_image = 0;  // positions that one image takes; 0 without vision
};

struct TranscoderInfo {
  std::string name;
  std::string format;                       // "plt (circuit-tracer layout)", "gemma-scope-2 plt"
  std::string feature_input_hook;           // below blocks.{l}: "mlp.hook_in"
  std::string feature_output_hook;          // "mlp.hook_out", "hook_mlp_out"
  std::string activation;                   // "relu_topk(48)", "jump_relu", …
  std::vector<int32_t> features_per_layer;  // d_sae, first layer first
  int32_t default_zero_positions = 0;
  std::string residency;  // "device", "encoders" or "stream": where the matrices live
};

struct ServerLimits {
  int32_t max_positions = 0;     // longest prompt, image positions included
  int64_t max_image_pixels = 0;  // before resizing
  int64_t max_request_bytes = 0;
  int64_t budget_bytes = 0;      // memory for all running requests together, beyond the model
  int32_t queue_size = 0;        // jobs that may wait
  int64_t max_import_bytes = 0;  // of a file for ImportGraph
};

// Stored graphs that the server keeps open in memory.
struct OpenGraphs {
  int64_t budget_bytes = 0;  // 0 = none is kept open
  int64_t size_bytes = 0;
  int64_t n_graphs = 0;
  int64_t hits = 0;    // calls that found their graph open
  int64_t misses = 0;  // calls that read it from the disk
};

struct ServerInfo {
  std::string version;
  std::string build;
  std::string device;  // "cpu", "cuda:0 (NVIDIA H200)"
  std::string dtype;   // "float32" or "bfloat16"
  ModelInfo model;
  TranscoderInfo transcoders;
  ServerLimits limits;
  std::vector<std::string> methods;  // "cajal.v1.GraphService/CreateGraph"
  double uptime_seconds = 0;
  OpenGraphs open_graphs;
};

struct ForwardRequest {
  Prompt prompt = {};
  // Hook points, with * and ? as wildcards: "blocks.*.hook_resid_post". Each must match something.
  std::vector<std::string> hooks = {};
  int32_t top_k = 10;          // most probable next tokens to send
  bool return_logits = false;  // also send `logits`, [positions, vocab_size]
  std::string session = {};    // "sessions/{id}", whose clamps hold; empty = none
};

struct TokenProbability {
  int64_t token_id = 0;
  std::string token;
  float logit = 0;
  float probability = 0;  // softmax over the whole vocabulary
};

enum class TensorType { kF32, kI64, kF16 };

// A named tensor in row-major order. Its values are in `floats`, `ints` or `halves`, by `type`; the
// others are empty.
struct Tensor {
  std::string name;
  TensorType type = TensorType::kF32;
  std::vector<int64_t> shape;
  std::vector<float> floats;
  std::vector<int64_t> ints = {};
  std::vector<uint16_t> halves = {};  // IEEE 754 binary16
};

// Time spent in one phase of a job.
struct PhaseTime {
  std::string phase;
  double seconds = 0;
};

struct ForwardResult {
  std::string job;                           // "jobs/{id}"
  std::vector<TokenProbability> top_tokens;  // of the last position, most probable first
  // `input_ids` [positions], the hook points in the order of the computation, then `logits`.
  std::vector<Tensor> tensors;
  std::vector<PhaseTime> phases;
  double seconds = 0;  // from the job's start, waiting excluded
};

}  // namespace cajal::client
