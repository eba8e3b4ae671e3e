#include "model/gemma_engine.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/attribution/attribute.h"
#include "model/attribution/byte_estimate.h"
#include "model/attribution/target_check.h"
#include "model/attribution/targets.h"
#include "model/base/status.h"
#include "model/checkpoint/checkpoint.h"
#include "model/features/evaluate_transcoders.h"
#include "model/gemma3/decoder.h"
#include "model/gemma3/model_input.h"
#include "model/gemma3/torch_status.h"
#include "model/image/thumbnail.h"
#include "model/intervention/clamped_run.h"
#include "model/intervention/resolve_clamps.h"
#include "model/rollout/compute_rollout.h"
#include "model/rollout/graph_heatmaps.h"
#include "model/rollout/rollout_check.h"
#include "model/transcoder/load_transcoder_set.h"

namespace cajal {
namespace {

using gemma3::CatchTorch;
using gemma3::CatchTorchOn;
using gemma3::HookPoint;

const char* DeviceFlag(DeviceChoice choice) {
  switch (choice) {
    case DeviceChoice::kAuto:
      return "auto";
    case DeviceChoice::kCpu:
      return "cpu";
    case DeviceChoice::kCuda:
      return "cuda";
  }
  return "";
}

at::ScalarType ScalarTypeOf(DType type) {
  return type == DType::kBFloat16 ? at::kBFloat16 : at::kFloat;
}

NamedArray ToArray(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor cpu = tensor.to(at::kCPU, at::kFloat).contiguous();
  const float* values = cpu.const_data_ptr<float>();
  return {name, cpu.sizes().vec(), {values, values + cpu.numel()}};
}

absl::Status CheckRange(const char* field, double value, double low, double high,
                        const std::string& range) {
  if (value >= low && value <= high) return absl::OkStatus();  // false for NaN
  return InvalidField(field, "must be " + range);
}

}  // namespace

GemmaEngine::GemmaEngine(EngineOptions options, gemma3::Model model,
                         std::unique_ptr<transcoder::TranscoderSet> transcoders,
                         corpus::PromptFiles prompt_files, int64_t vision_cache_bytes)
    : options_(std::move(options)),
      model_(std::move(model)),
      transcoders_(std::move(transcoders)),
      prompt_files_(std::move(prompt_files)),
      folded_(attribution::FoldModel(model_, *transcoders_,
                                     options_.gradients.has_value()
                                         ? ScalarTypeOf(*options_.gradients)
                                         : attribution::GradientTypeFor(model_.weights.placement))),
      vision_encoder_(model_, vision_cache_bytes) {
  const checkpoint::Gemma3Config& config = model_.config;
  const transcoder::TranscoderSetInfo& set = transcoders_->info();
  info_.model_name = config.model_name;
  info_.model_type = config.model_type;
  info_.device = gemma3::DeviceName(model_.weights.placement.device);
  info_.dtype = options_.dtype;
  info_.n_layers = static_cast<int32_t>(config.text.num_hidden_layers);
  info_.d_model = static_cast<int32_t>(config.text.hidden_size);
  info_.n_heads = static_cast<int32_t>(config.text.num_attention_heads);
  info_.vocab_size = static_cast<int32_t>(config.text.vocab_size);
  info_.has_vision = config.vision.has_value();
  if (info_.has_vision) {
    info_.image_size = static_cast<int32_t>(config.vision->image_size);
    info_.tokens_per_image = static_cast<int32_t>(config.mm_tokens_per_image);
    info_.n_vision_layers = static_cast<int32_t>(config.vision->num_hidden_layers);
    info_.n_vision_heads = static_cast<int32_t>(config.vision->num_attention_heads);
  }
  info_.max_positions = static_cast<int32_t>(
      std::min<int64_t>(options_.max_positions, config.text.max_position_embeddings));
  info_.transcoder_name = set.name;
  info_.transcoder_format = set.format;
  info_.feature_input_hook = transcoder::SiteNameInBlock(set.input_site);
  info_.feature_output_hook = transcoder::SiteNameInBlock(set.output_site);
  info_.activation = transcoder::ActivationName(set);
  info_.features_per_layer.assign(set.features_per_layer.begin(), set.features_per_layer.end());
  info_.default_zero_positions = set.default_zero_positions;
  info_.transcoder_residency = transcoder::ResidencyName(transcoders_->residency());
  const int64_t free_bytes =
      gemma3::FreeMemoryBytes(model_.weights.placement.device) - vision_cache_bytes;
  info_.budget_bytes = options_.budget_bytes > 0
                           ? options_.budget_bytes
                           : static_cast<int64_t>(0.8 * static_cast<double>(free_bytes));
}

absl::StatusOr<std::unique_ptr<Engine>> GemmaEngine::Load(const EngineOptions& options,
                                                          RunContext* context) {
  return CatchTorch([&]() -> absl::StatusOr<std::unique_ptr<Engine>> {
    ASSIGN_OR_RETURN(
        const at::Device device,
        gemma3::OpenDevice(DeviceFlag(options.device), options.threads, options.allow_tf32));
    const at::ScalarType dtype = ScalarTypeOf(options.dtype);
    ASSIGN_OR_RETURN(const auto checkpoint, checkpoint::Checkpoint::Open(options.model_dir));
    ASSIGN_OR_RETURN(auto prompt_files,
                     corpus::LoadPromptFiles(options.model_dir, checkpoint.config()));
    ASSIGN_OR_RETURN(gemma3::Model model, gemma3::LoadModel(checkpoint, {device, dtype}, context));
    const int64_t free_bytes = gemma3::FreeMemoryBytes(device);
    const int64_t kept_free = options.budget_bytes > 0 ? options.budget_bytes : free_bytes / 4;
    ASSIGN_OR_RETURN(auto transcoders,
                     transcoder::LoadTranscoderSet(options.transcoder_dir, model, context,
                                                   options.residency, free_bytes - kept_free));
    const int64_t vision_cache_bytes =
        model.config.vision.has_value() ? std::min(options.vision_cache_bytes, free_bytes / 8) : 0;
    auto engine = std::unique_ptr<GemmaEngine>(
        new GemmaEngine(options, std::move(model), std::move(transcoders), std::move(prompt_files),
                        vision_cache_bytes));
    engine->info_.warnings = checkpoint.warnings();
    RETURN_IF_ERROR(engine->SelfCheck(context));
    return engine;
  });
}

absl::Status GemmaEngine::SelfCheck(RunContext* context) {
  const gemma3::ModelInput input{.token_ids = {model_.config.bos_token_id}};
  gemma3::Recording recording;
  ASSIGN_OR_RETURN(const at::Tensor normed, gemma3::RunModel(model_, input, &recording, context));
  const at::Tensor logits = gemma3::Logits(model_.weights.decoder, model_.config.text, normed);
  if (!logits.isfinite().all().item<bool>()) {
    return absl::InvalidArgumentError(options_.model_dir +
                                      ": a first forward pass gave logits that are not finite");
  }
  return absl::OkStatus();
}

absl::StatusOr<PreparedPrompt> GemmaEngine::Prepare(const tokenizer::Prompt& prompt) const {
  return corpus::PreparePrompt(
      prompt_files_,
      {.max_positions = info_.max_positions, .max_image_pixels = options_.max_image_pixels},
      prompt);
}

absl::Status GemmaEngine::Validate(const ForwardRequest& request) const {
  RETURN_IF_ERROR(gemma3::MatchHookPoints(model_.config, request.hooks).status());
  return CheckRange("top_k", request.top_k, 0, info_.vocab_size,
                    "from 0 to " + std::to_string(info_.vocab_size));
}

absl::Status GemmaEngine::Validate(const AttributionRequest& request) const {
  const graph::GraphSettings& settings = request.settings;
  RETURN_IF_ERROR(CheckRange("settings.max_n_logits", settings.max_n_logits, 1, info_.vocab_size,
                             "from 1 to " + std::to_string(info_.vocab_size)));
  if (!(settings.desired_logit_prob > 0 && settings.desired_logit_prob <= 1)) {
    return InvalidField("settings.desired_logit_prob", "must be above 0 and at most 1");
  }
  constexpr int32_t kLargest = 1 << 30;
  const std::string to_largest = " to " + std::to_string(kLargest);
  RETURN_IF_ERROR(CheckRange("settings.max_feature_nodes", settings.max_feature_nodes, 0, kLargest,
                             "from 1" + to_largest + ", or 0 for all"));
  RETURN_IF_ERROR(
      CheckRange("settings.batch_size", settings.batch_size, 1, kLargest, "from 1" + to_largest));
  RETURN_IF_ERROR(CheckRange("settings.update_interval", settings.update_interval, 1, kLargest,
                             "from 1" + to_largest));
  RETURN_IF_ERROR(CheckRange("settings.zero_positions", settings.zero_positions, 0,
                             info_.max_positions,
                             "from 0 to " + std::to_string(info_.max_positions)));
  return TokenIdsOf(settings.targets).status();
}

absl::Status GemmaEngine::Validate(const PreparedPrompt& prompt,
                                   const AttributionRequest& request) const {
  return attribution::CheckTargetPositions(request.settings.targets,
                                           prompt.tokenized.n_positions());
}

absl::Status GemmaEngine::Validate(const EvaluationRequest& request) const {
  const int32_t last = info_.n_layers - 1;
  RETURN_IF_ERROR(
      CheckRange("first_layer", request.first_layer, 0, last, "from 0 to " + std::to_string(last)));
  return CheckRange(
      "last_layer", request.last_layer, request.first_layer, last,
      "from first_layer, " + std::to_string(request.first_layer) + ", to " + std::to_string(last));
}

absl::Status GemmaEngine::Validate(const rollout::RolloutRequest& request) const {
  return rollout::CheckRequest(model_.config, transcoders_->info().features_per_layer, request);
}

absl::Status GemmaEngine::Validate(const PreparedPrompt& prompt,
                                   const rollout::RolloutRequest& request) const {
  return rollout::CheckRequest(prompt.tokenized, request);
}

int64_t GemmaEngine::EstimateBytes(const PreparedPrompt& prompt,
                                   const ForwardRequest& request) const {
  const int64_t T = prompt.tokenized.n_positions();
  const auto n_images = static_cast<int64_t>(prompt.tokenized.image_spans.size());
  int64_t n_recorded = request.return_logits ? T * model_.config.text.vocab_size : 0;
  if (const auto points = gemma3::MatchHookPoints(model_.config, request.hooks); points.ok()) {
    for (const HookPoint& point : *points) {
      int64_t n_elements = 1;
      for (const int64_t size : gemma3::HookShape(model_.config, point, T, n_images)) {
        n_elements *= size;
      }
      n_recorded += n_elements;
    }
  }
  const int64_t encoding =
      intervention::EncodingBytes(transcoders_->info(), model_.config.text.hidden_size,
                                  intervention::PlacesHeld(request.clamps, T), T);
  // Recorded on the device, then copied into the result.
  return encoding + attribution::EstimateForwardBytes(model_.config, T, n_images) +
         gemma3::EncodedBytes(model_, n_images, 0) +
         2 * n_recorded * static_cast<int64_t>(sizeof(float));
}

GraphEstimate GemmaEngine::EstimateGraph(const PreparedPrompt& prompt,
                                         const AttributionRequest& request) const {
  const graph::GraphSettings& settings = request.settings;
  const int64_t T = prompt.tokenized.n_positions();
  const attribution::GraphDimensions dimensions = attribution::DimensionsOf(
      model_, folded_, *transcoders_, sweep_workers_, T,
      static_cast<int64_t>(prompt.tokenized.image_spans.size()), info_.budget_bytes);
  attribution::ByteBounds bounds = attribution::EstimateGraphBytes(dimensions, settings);
  bounds.most.device +=
      gemma3::EncodedBytes(model_, static_cast<int64_t>(prompt.tokenized.image_spans.size()), 0);
  // The heatmaps are made before all that: their memory is free again by then.
  const int64_t heatmap_bytes =
      prompt.tokenized.image_spans.empty()
          ? 0
          : EstimateBytes(prompt, rollout::GraphHeatmapsRequest(model_.config));
  GraphEstimate estimate{.bytes = std::max(bounds.Within(info_.budget_bytes).device, heatmap_bytes),
                         .operations = attribution::EstimateOperations(dimensions, settings)};
  for (const int64_t n : transcoders_->info().features_per_layer) {
    estimate.n_active_features += std::max<int64_t>(T - settings.zero_positions, 0) *
                                  attribution::ActivePerPosition(transcoders_->info(), n);
  }
  estimate.n_rows = attribution::MostTargets(settings) + estimate.n_active_features;
  if (settings.max_feature_nodes > 0) {
    estimate.n_rows = attribution::MostTargets(settings) +
                      std::min<int64_t>(settings.max_feature_nodes, estimate.n_active_features);
  }
  return estimate;
}

int64_t GemmaEngine::EstimateBytes(const std::vector<PreparedPrompt>& prompts,
                                   const EvaluationRequest& request) const {
  int64_t largest = 0;
  int64_t pixels = 0;  // of all prompts: they are made before the first one runs
  for (const PreparedPrompt& prompt : prompts) {
    largest = std::max(largest, features::EstimateEvaluationBytes(
                                    model_.config, transcoders_->info(), request.first_layer,
                                    request.last_layer, prompt.tokenized.n_positions(),
                                    static_cast<int64_t>(prompt.tokenized.image_spans.size())));
    pixels += static_cast<int64_t>(prompt.pixels.size());
  }
  return largest + pixels * static_cast<int64_t>(sizeof(float));
}

int64_t GemmaEngine::EstimateBytes(const PreparedPrompt& prompt,
                                   const rollout::RolloutRequest& request) const {
  const auto n_images = static_cast<int64_t>(prompt.tokenized.image_spans.size());
  const int64_t n_positions = request.feature.has_value() ? prompt.tokenized.n_positions() : 1;
  return attribution::EstimateForwardBytes(model_.config, n_positions, n_images) +
         rollout::EstimateBytes(model_, n_images, request);
}

gemma3::ModelInput GemmaEngine::InputOf(const PreparedPrompt& prompt) const {
  return gemma3::MakeModelInput(prompt.tokenized.token_ids, prompt.tokenized.image_spans,
                                prompt.pixels, prompt_files_.preprocessor.image_size);
}

absl::StatusOr<gemma3::ModelInput> GemmaEngine::EncodedInputOf(const PreparedPrompt& prompt,
                                                               RunContext* context) {
  gemma3::ModelInput input = InputOf(prompt);
  if (!input.pixels.defined()) return input;
  ASSIGN_OR_RETURN(const std::vector<gemma3::VisionStates> states,
                   vision_encoder_.Encode(input.pixels, 0, context));
  input.image_tokens = gemma3::ImageTokens(model_, states);
  return input;
}

absl::StatusOr<std::vector<std::string>> GemmaEngine::EncodeWithHeatmaps(gemma3::ModelInput* input,
                                                                         RunContext* context) {
  const int n_blocks = rollout::GraphHeatmapsRequest(model_.config).settings.last_layers;
  ASSIGN_OR_RETURN(const std::vector<gemma3::VisionStates> states,
                   vision_encoder_.Encode(input->pixels, n_blocks, context));
  input->image_tokens = gemma3::ImageTokens(model_, states);
  return rollout::GraphHeatmaps(model_, states, context);
}

absl::StatusOr<std::vector<std::vector<int64_t>>> GemmaEngine::TokenIdsOf(
    const std::vector<graph::Target>& targets) const {
  return attribution::CheckTargets(targets,
                                   {.d_model = model_.config.text.hidden_size,
                                    .features_per_layer = transcoders_->info().features_per_layer},
                                   prompt_files_.tokenizer);
}

absl::StatusOr<ForwardResult> GemmaEngine::Forward(const PreparedPrompt& prompt,
                                                   const ForwardRequest& request,
                                                   RunContext* context) {
  return CatchTorchOn(model_.weights.placement.device, [&]() -> absl::StatusOr<ForwardResult> {
    const c10::InferenceMode no_autograd;
    RETURN_IF_ERROR(Validate(request));
    ASSIGN_OR_RETURN(const std::vector<HookPoint> points,
                     gemma3::MatchHookPoints(model_.config, request.hooks));
    gemma3::Recording recording(points);
    const bool looks_into_tower =
        std::any_of(points.begin(), points.end(),
                    [](const HookPoint& point) { return gemma3::IsVisionSite(point.site); });
    ASSIGN_OR_RETURN(const gemma3::ModelInput input,
                     looks_into_tower ? InputOf(prompt) : EncodedInputOf(prompt, context));
    ASSIGN_OR_RETURN(const intervention::ResolvedClamps clamps,
                     intervention::ResolveClamps(request.clamps, LimitsOf(prompt, {}), "session"));
    const auto clamped = intervention::ClampedRun::For(model_, *transcoders_, {}, clamps,
                                                       prompt.tokenized.n_positions());
    ASSIGN_OR_RETURN(const at::Tensor normed,
                     gemma3::RunModel(model_, input, &recording, context, clamped.get()));
    const at::Tensor logits = gemma3::Logits(model_.weights.decoder, model_.config.text,
                                             request.return_logits ? normed : normed.slice(0, -1));
    ForwardResult result;
    const at::Tensor probabilities = at::softmax(logits[-1], -1);
    const auto [top, ids] = at::topk(probabilities, request.top_k);
    for (int64_t i = 0; i < request.top_k; ++i) {
      const auto id = ids[i].item<int64_t>();
      result.top.push_back({.token_id = id,
                            .token = prompt_files_.tokenizer.Decode(std::vector<int64_t>{id}),
                            .logit = logits[-1][id].item<float>(),
                            .probability = top[i].item<float>()});
    }
    for (const HookPoint& point : points) {
      // A text prompt leaves the vision tower's points empty.
      const at::Tensor& tensor = recording.Get(point.site, point.layer);
      if (tensor.defined()) result.arrays.push_back(ToArray(gemma3::HookName(point), tensor));
    }
    if (request.return_logits) result.arrays.push_back(ToArray("logits", logits));
    return result;
  });
}

absl::StatusOr<graph::AttributionGraph> GemmaEngine::Attribute(const PreparedPrompt& prompt,
                                                               const AttributionRequest& request,
                                                               RunContext* context) {
  return CatchTorchOn(
      model_.weights.placement.device, [&]() -> absl::StatusOr<graph::AttributionGraph> {
        const c10::InferenceMode no_autograd;
        RETURN_IF_ERROR(Validate(request));
        RETURN_IF_ERROR(Validate(prompt, request));
        attribution::AttributeOptions options{.settings = request.settings};
        ASSIGN_OR_RETURN(options.target_token_ids, TokenIdsOf(request.settings.targets));
        gemma3::ModelInput input = InputOf(prompt);
        std::vector<std::string> heatmaps;
        if (input.pixels.defined()) {
          ASSIGN_OR_RETURN(heatmaps, EncodeWithHeatmaps(&input, context));
        }
        ASSIGN_OR_RETURN(graph::AttributionGraph graph,
                         attribution::Attribute(model_, folded_, *transcoders_, input, options,
                                                &sweep_workers_, context));
        graph.model_name = info_.model_name;
        graph.transcoder_name = info_.transcoder_name;
        graph.prompt = prompt.tokenized.text;
        graph.input_tokens = prompt.tokenized.token_ids;
        graph.token_texts = prompt.tokenized.token_texts;
        const auto& spans = prompt.tokenized.image_spans;
        const std::span<const float> pixels(prompt.pixels);
        for (size_t i = 0; i < spans.size(); ++i) {
          const size_t size = pixels.size() / spans.size();
          graph.image_runs.push_back(
              {.image = spans[i].image,
               .crop = spans[i].crop,
               .begin = spans[i].begin,
               .end = spans[i].end,
               .thumbnail = image::EncodeThumbnail(pixels.subspan(i * size, size),
                                                   prompt_files_.preprocessor),
               .heatmaps = std::move(heatmaps[i])});
        }
        for (graph::LogitNode& logit : graph.logits) {
          if (logit.token_id >= info_.vocab_size) continue;  // not a token: it has its label
          logit.token = prompt_files_.tokenizer.Decode(std::vector<int64_t>{logit.token_id});
        }
        return graph;
      });
}

absl::StatusOr<TranscoderEvaluation> GemmaEngine::EvaluateTranscoders(
    const std::vector<PreparedPrompt>& prompts, const EvaluationRequest& request,
    RunContext* context) {
  return CatchTorchOn(
      model_.weights.placement.device, [&]() -> absl::StatusOr<TranscoderEvaluation> {
        const c10::InferenceMode no_autograd;
        RETURN_IF_ERROR(Validate(request));
        features::TranscoderEvaluator evaluator(model_, *transcoders_, request.first_layer,
                                                request.last_layer);
        context->BeginPhase("evaluate", std::ssize(prompts));
        for (size_t i = 0; i < prompts.size(); ++i) {
          RETURN_IF_ERROR(evaluator.Add(InputOf(prompts[i]), context));
          context->Advance(static_cast<int64_t>(i) + 1);
        }
        return TranscoderEvaluation{.first_layer = request.first_layer, .layers = evaluator.sums()};
      });
}

absl::StatusOr<rollout::RolloutResult> GemmaEngine::ComputeRollout(
    const PreparedPrompt& prompt, const rollout::RolloutRequest& request, RunContext* context) {
  return CatchTorchOn(
      model_.weights.placement.device, [&]() -> absl::StatusOr<rollout::RolloutResult> {
        const c10::InferenceMode no_autograd;
        RETURN_IF_ERROR(Validate(request));
        RETURN_IF_ERROR(Validate(prompt, request));
        return rollout::ComputeRollout(model_, *transcoders_, prompt.tokenized, InputOf(prompt),
                                       request, &vision_encoder_, context);
      });
}

}  // namespace cajal
