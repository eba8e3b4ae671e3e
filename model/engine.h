// The engine as the server sees it: one resident model with its transcoders.
//
// This header and the structs it names contain no torch type (docs/architecture.md says why).
//
// Ownership: LoadEngine gives the one owner a unique_ptr. Threads: info, Prepare and the estimates
// are const and may be called from any thread at any time; Forward, Generate, Attribute,
// EvaluateTranscoders, ComputeRollout, Intervene, PatchActivations, CutEdges and MeasureAblations
// use the model's state and are called by one thread at a time, the executor's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/base/run_context.h"
#include "model/corpus/prepared_prompt.h"
#include "model/features/reconstruction_sums.h"
#include "model/generation/generate_request.h"
#include "model/graph/attribution_graph.h"
#include "model/intervention/ablation.h"
#include "model/intervention/clamp.h"
#include "model/intervention/cut.h"
#include "model/intervention/intervention.h"
#include "model/intervention/patch.h"
#include "model/rollout/rollout_request.h"
#include "model/tokenizer/prompt.h"
#include "model/transcoder/residency.h"

namespace cajal {

enum class DeviceChoice { kAuto, kCpu, kCuda };
enum class DType { kFloat32, kBFloat16 };

struct EngineOptions {
  std::string model_dir;       // a Gemma 3 checkpoint in Hugging Face layout
  std::string transcoder_dir;  // a transcoder set; see model/transcoder/transcoder_set.h
  DeviceChoice device = DeviceChoice::kAuto;
  DType dtype = DType::kFloat32;
  // Where the transcoders' matrices live; kAuto keeps `budget_bytes` free for requests, or a
  // quarter of what the device has left after the model when that is 0.
  transcoder::Residency residency = transcoder::Residency::kAuto;
  // Of gradients and of a graph's rows; nothing = that of the weights on a GPU, else float32.
  std::optional<DType> gradients;
  // Whether a GPU may round the factors of float32 products to 10 bits (TF32), for speed.
  bool allow_tf32 = false;
  int32_t threads = 0;       // of the CPU's matrix products; 0 = all cores
  int64_t budget_bytes = 0;  // for request-sized memory; 0 = 80 % of what the device has left
  // Of what the vision tower made of earlier pictures, so that it need not run again; at most an
  // eighth of what the device has left is taken. 0 = nothing is kept.
  int64_t vision_cache_bytes = int64_t{512} << 20;
  int32_t max_positions = 8192;  // longest prompt admitted; also bounded by the model's own limit
  int64_t max_image_pixels = 64'000'000;  // per picture, before resizing
};

// What is loaded, for GetServerInfo.
struct EngineInfo {
  std::string model_name;  // the folder's name unless config.json has _name_or_path
  std::string model_type;  // "gemma3" or "gemma3_text"
  std::string device;      // "cpu" or "cuda:0"
  DType dtype = DType::kFloat32;
  int32_t n_layers = 0;
  int32_t d_model = 0;
  int32_t n_heads = 0;
  int32_t vocab_size = 0;
  bool has_vision = false;
  int32_t image_size = 0;  // pixels per side after resizing
  int32_t tokens_per_image = 0;
  int32_t n_vision_layers = 0;  // of the tower
  int32_t n_vision_heads = 0;
  int32_t max_positions = 0;
  std::string transcoder_name;
  std::string transcoder_format;            // "Gemma Scope 2 per-layer", …
  std::string feature_input_hook;           // "mlp.hook_in"
  std::string feature_output_hook;          // "mlp.hook_out" or "hook_mlp_out"
  std::string activation;                   // "relu", "relu_topk(48)", "topk(48)", "jump_relu"
  std::vector<int32_t> features_per_layer;  // d_sae of each layer
  int32_t default_zero_positions = 1;
  std::string transcoder_residency;  // "device", "encoders" or "stream"
  // Oddities of the files that do not stop them from being served, each a sentence for the log.
  std::vector<std::string> warnings;
  int64_t budget_bytes = 0;
};

// A prompt with its tokens and pixels made; opaque to the server but for `tokenized`.
using corpus::PreparedPrompt;

// A named tensor in row-major order.
struct NamedArray {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

struct ForwardRequest {
  // Hook point names, with * and ? as wildcards: "blocks.3.*". Each must match something.
  std::vector<std::string> hooks;
  int32_t top_k = 10;          // top logits of the last position
  bool return_logits = false;  // all logits of all positions
  std::vector<intervention::Clamp> clamps;
};

struct TokenProbability {
  int64_t token_id = 0;
  std::string token;
  float logit = 0;
  float probability = 0;
};

struct ForwardResult {
  std::vector<TokenProbability> top;  // of the last position, by descending probability
  std::vector<NamedArray> arrays;     // the hooks in the order of the computation, then "logits"
};

// The settings are GraphSettings, checked here: every error names its field.
struct AttributionRequest {
  graph::GraphSettings settings;
};

struct GraphEstimate {
  int64_t bytes = 0;              // to reserve: an upper bound
  int64_t n_active_features = 0;  // at most; an assumption where transcoders have no k
  int64_t n_rows = 0;             // of selected features and targets
  double operations = 0;          // floating-point operations of the rows, within a factor of two
};

// Which layers' transcoders to measure, from 0.
struct EvaluationRequest {
  int32_t first_layer = 0;
  int32_t last_layer = 0;  // included
};

struct TranscoderEvaluation {
  int32_t first_layer = 0;
  std::vector<features::LayerSums> layers;  // from first_layer up
};

using intervention::AblationRequest;
using intervention::AblationResult;
using intervention::CutRequest;
using intervention::CutResult;
using intervention::InterventionRequest;
using intervention::InterventionResult;
using intervention::PatchRequest;
using intervention::PatchResult;

// Of a patching experiment.
struct PatchPrompts {
  PreparedPrompt donor;      // whose activations are written
  PreparedPrompt recipient;  // into whose run
};

class Engine {
 public:
  virtual ~Engine() = default;

  [[nodiscard]] virtual const EngineInfo& info() const = 0;

  // Tokenises, decodes and resizes. Errors are INVALID_ARGUMENT with a field below "prompt":
  // IMAGE_UNREADABLE, IMAGE_TOO_LARGE, PROMPT_TOO_LONG, IMAGE_COUNT and others.
  [[nodiscard]] virtual absl::StatusOr<PreparedPrompt> Prepare(
      const tokenizer::Prompt& prompt) const = 0;

  // Checks a request against the loaded model without running it: hook names, ranges, targets.
  virtual absl::Status Validate(const ForwardRequest& request) const = 0;
  virtual absl::Status Validate(const AttributionRequest& request) const = 0;
  virtual absl::Status Validate(const EvaluationRequest& request) const = 0;
  virtual absl::Status Validate(const rollout::RolloutRequest& request) const = 0;
  virtual absl::Status Validate(const InterventionRequest& request) const = 0;
  virtual absl::Status Validate(const generation::GenerateRequest& request) const = 0;
  // What a request asks of this prompt: positions of targets, of maps.
  virtual absl::Status Validate(const PreparedPrompt& prompt,
                                const AttributionRequest& request) const = 0;
  virtual absl::Status Validate(const PreparedPrompt& prompt,
                                const rollout::RolloutRequest& request) const = 0;
  // Positions, features, hook points, conflicts.
  virtual absl::Status Validate(const PreparedPrompt& prompt,
                                const InterventionRequest& request) const = 0;
  // All of a patching experiment: numbers, features, positions and their map.
  virtual absl::Status Validate(const PatchPrompts& prompts, const PatchRequest& request) const = 0;
  // All of a cut: edges, settings, report.
  virtual absl::Status Validate(const PreparedPrompt& prompt, const CutRequest& request) const = 0;
  // Places, tokens, settings.
  virtual absl::Status Validate(const PreparedPrompt& prompt,
                                const AblationRequest& request) const = 0;
  // Room for the new tokens; of edits what an intervention's are checked for.
  virtual absl::Status Validate(const PreparedPrompt& prompt,
                                const generation::GenerateRequest& request) const = 0;

  // What a graph would need beyond the model. Transcoders without a k do not bound the number of
  // active features; `bytes` is then the whole budget, unless less is needed with all of them
  // active. Attribute corrects the context's reservation when it knows them, and refuses with
  // NEVER_FITS too.
  [[nodiscard]] virtual GraphEstimate EstimateGraph(const PreparedPrompt& prompt,
                                                    const AttributionRequest& request) const = 0;
  // Bytes to reserve for the other calls, upper bounds too.
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const ForwardRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const std::vector<PreparedPrompt>& prompts,
                                              const EvaluationRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const rollout::RolloutRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const InterventionRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PatchPrompts& prompts,
                                              const PatchRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const CutRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const AblationRequest& request) const = 0;
  [[nodiscard]] virtual int64_t EstimateBytes(const PreparedPrompt& prompt,
                                              const generation::GenerateRequest& request) const = 0;

  virtual absl::StatusOr<ForwardResult> Forward(const PreparedPrompt& prompt,
                                                const ForwardRequest& request,
                                                RunContext* context) = 0;
  // Continues the prompt. Tells `on_tokens` of each token when it is there; phases "prompt" and
  // "generate" (model/generation/generate.h).
  virtual absl::StatusOr<generation::GenerateResult> Generate(
      const PreparedPrompt& prompt, const generation::GenerateRequest& request,
      const generation::OnTokens& on_tokens, RunContext* context) = 0;
  // The complete graph, unpruned. INVALID_ARGUMENT, FEATURE_NOT_ACTIVE, when a target is a feature
  // that the prompt does not activate where it should.
  virtual absl::StatusOr<graph::AttributionGraph> Attribute(const PreparedPrompt& prompt,
                                                            const AttributionRequest& request,
                                                            RunContext* context) = 0;
  // How well the loaded transcoders reconstruct what they stand for, over all positions of all
  // prompts but those that graphs leave without features. Phase "evaluate", one unit per prompt.
  virtual absl::StatusOr<TranscoderEvaluation> EvaluateTranscoders(
      const std::vector<PreparedPrompt>& prompts, const EvaluationRequest& request,
      RunContext* context) = 0;
  // Where the image tokens of a prompt look: heatmaps of the vision tower
  // (rollout/rollout_request.h).
  virtual absl::StatusOr<rollout::RolloutResult> ComputeRollout(
      const PreparedPrompt& prompt, const rollout::RolloutRequest& request,
      RunContext* context) = 0;
  // Runs the prompt clean and with each edit set. Phases "vision", "forward", then "edit", one unit
  // per edit set.
  virtual absl::StatusOr<InterventionResult> Intervene(const PreparedPrompt& prompt,
                                                       const InterventionRequest& request,
                                                       RunContext* context) = 0;
  // Writes the donor's activations into runs of the recipient, and the other way round. Phases
  // "vision", "forward", "encode", then "edit", one unit per run.
  virtual absl::StatusOr<PatchResult> PatchActivations(const PatchPrompts& prompts,
                                                       const PatchRequest& request,
                                                       RunContext* context) = 0;
  // Removes direct effects and runs what follows. Phases "vision", "forward", "cut", "edit".
  virtual absl::StatusOr<CutResult> CutEdges(const PreparedPrompt& prompt,
                                             const CutRequest& request, RunContext* context) = 0;
  // Runs the prompt without nodes of its graph, one by one and in circuits. Phases "vision",
  // "forward", then "frozen", "unfrozen" and "circuits", one unit per run.
  virtual absl::StatusOr<AblationResult> MeasureAblations(const PreparedPrompt& prompt,
                                                          const AblationRequest& request,
                                                          RunContext* context) = 0;
};

// Reads and validates all files, puts the weights on the device and runs a self-check (shapes,
// finite values, one forward). A corrupt file gives an error that names the file, the tensor and
// what is wrong.
absl::StatusOr<std::unique_ptr<Engine>> LoadEngine(const EngineOptions& options,
                                                   RunContext* context);

}  // namespace cajal
