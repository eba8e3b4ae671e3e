#include "tests/server/fake_engine.h"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/status.h"

namespace cajal::server {
namespace {

// How long a blocked batch waits between two looks at the stop flag, which notifies nobody.
constexpr std::chrono::milliseconds kStopPoll{1};
constexpr char kPlaceholder[] = "<start_of_image>";

graph::AttributionGraph MakeGraph(const PreparedPrompt& prompt, const AttributionRequest& request,
                                  int32_t features_per_layer) {
  graph::AttributionGraph graph;
  graph.model_name = "fake";
  graph.transcoder_name = "fake-plt";
  graph.prompt = prompt.tokenized.text;
  graph.input_tokens = prompt.tokenized.token_ids;
  graph.token_texts = prompt.tokenized.token_texts;
  for (const tokenizer::ImageSpan& span : prompt.tokenized.image_spans) {
    graph.image_runs.push_back({span.image, span.crop, span.begin, span.end});
  }
  graph.n_layers = FakeEngine::kLayers;
  graph.settings = request.settings;
  const int32_t last = graph.n_positions() - 1;
  for (int32_t layer = 0; layer < graph.n_layers; ++layer) {
    for (int32_t f = 0; f < features_per_layer; ++f) {
      graph.selected_features.push_back(static_cast<int64_t>(graph.active_features.size()));
      graph.active_features.push_back({layer, last, f, 1.0f});
    }
  }
  graph.logits = {{7, " Austin", 0.75f}, {8, " Dallas", 0.125f}};

  // Features of layer 0 have one edge, from the last token; those of layer 1 have edges from all of
  // layer 0; logits from all features and from the error of layer 0 at the last position.
  const int32_t n_nodes = graph.n_nodes();
  graph.bias.assign(n_nodes, 0);
  graph.pre_activations.assign(n_nodes, 0);
  graph::EdgeMatrix& edges = graph.edges;
  const auto add = [&edges](int32_t column, float weight) {
    edges.columns.push_back(column);
    edges.weights.push_back(weight);
  };
  edges.row_begin.push_back(0);
  for (int32_t node = 0; node < n_nodes; ++node) {
    if (node < features_per_layer) {
      add(graph.first_token() + last, 1.0f);
    } else if (node < graph.n_selected()) {
      for (int32_t source = 0; source < features_per_layer; ++source) add(source, 0.5f);
    } else if (node >= graph.first_logit()) {
      for (int32_t source = 0; source < graph.n_selected(); ++source) add(source, -0.25f);
      add(graph.first_error() + last, 0.125f);
    }
    edges.row_begin.push_back(edges.n_edges());
  }
  return graph;
}

absl::Status CheckPositions(const PreparedPrompt& prompt,
                            const std::vector<intervention::EditSet>& sets) {
  for (const intervention::EditSet& set : sets) {
    for (const intervention::FeatureEdit& edit : set.features) {
      if (edit.positions.first < prompt.tokenized.n_positions()) continue;
      return InvalidField("edit_sets[0].feature_edits[0].positions", "lies behind the prompt");
    }
  }
  return absl::OkStatus();
}

}  // namespace

FakeEngine::FakeEngine() {
  info_.model_name = "fake";
  info_.model_type = "gemma3";
  info_.device = "cpu";
  info_.n_layers = kLayers;
  info_.d_model = 4;
  info_.n_heads = 1;
  info_.vocab_size = 100;
  info_.has_vision = true;
  info_.image_size = 28;
  info_.tokens_per_image = 4;
  info_.max_positions = 5000;
  info_.transcoder_name = "fake-plt";
  info_.features_per_layer = {1000, 1000};
  info_.default_zero_positions = 1;
  info_.transcoder_residency = "encoders";
  info_.budget_bytes = kBudgetBytes;
}

void FakeEngine::CloseGate() {
  MutexLock lock(&mutex_);
  gate_closed_ = true;
}

void FakeEngine::OpenGate() {
  MutexLock lock(&mutex_);
  gate_closed_ = false;
  changed_.NotifyAll();
}

void FakeEngine::LetOneBatchPass() {
  MutexLock lock(&mutex_);
  ++passes_;
  blocked_ = false;
  changed_.NotifyAll();
}

void FakeEngine::WaitUntilBlocked() {
  MutexLock lock(&mutex_);
  while (!blocked_) changed_.Wait(&mutex_);
}

void FakeEngine::ClosePrepareGate() {
  MutexLock lock(&mutex_);
  prepare_gate_closed_ = true;
}

void FakeEngine::OpenPrepareGate() {
  MutexLock lock(&mutex_);
  prepare_gate_closed_ = false;
  changed_.NotifyAll();
}

void FakeEngine::WaitUntilPrepareBlocked() {
  MutexLock lock(&mutex_);
  while (prepares_blocked_ == 0) changed_.Wait(&mutex_);
}

void FakeEngine::FailNext(absl::Status status) {
  MutexLock lock(&mutex_);
  next_failure_ = std::move(status);
}

void FakeEngine::ThrowNext(const std::string& what) {
  MutexLock lock(&mutex_);
  next_exception_ = what;
}

void FakeEngine::set_features_per_layer(int32_t n) {
  MutexLock lock(&mutex_);
  features_per_layer_ = n;
}

int32_t FakeEngine::computations() const {
  MutexLock lock(&mutex_);
  return computations_;
}

int32_t FakeEngine::batches() const {
  MutexLock lock(&mutex_);
  return batches_;
}

void FakeEngine::WaitUntilIdle() {
  MutexLock lock(&mutex_);
  while (running_ > 0) changed_.Wait(&mutex_);
}

absl::StatusOr<PreparedPrompt> FakeEngine::Prepare(const tokenizer::Prompt& prompt) const {
  {
    MutexLock lock(&mutex_);
    ++prepares_blocked_;
    changed_.NotifyAll();
    while (prepare_gate_closed_) changed_.Wait(&mutex_);
    --prepares_blocked_;
  }
  std::string text;
  int32_t images = 0;
  for (const tokenizer::PromptPart& part : prompt.parts) {
    text += part.text;
    if (!part.image.has_value()) continue;
    if (part.image->bytes != "picture") {
      return InvalidField("prompt.parts[" + std::to_string(images) + "].image", "IMAGE_UNREADABLE",
                          "is no PNG, JPEG or WebP file");
    }
    ++images;
  }
  if (text.find(kPlaceholder) != std::string::npos && images != 1) {
    return InvalidField("prompt", "IMAGE_COUNT", "has 1 placeholder and another count of images");
  }
  PreparedPrompt prepared;
  prepared.tokenized.text = text;
  prepared.tokenized.token_ids = prompt.token_ids;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word == kPlaceholder) {
      const int32_t position = prepared.tokenized.n_positions();
      prepared.tokenized.image_spans.push_back({.begin = position, .end = position + 1});
      prepared.views.push_back({.width = 40, .height = 20, .box = {0, 0, 40, 20}});
    }
    prepared.tokenized.token_ids.push_back(prepared.tokenized.n_positions());
  }
  for (const int64_t id : prepared.tokenized.token_ids) {
    prepared.tokenized.token_texts.push_back(absl::StrCat("t", id));
  }
  if (prepared.tokenized.n_positions() > info_.max_positions) {
    return InvalidField("prompt", "PROMPT_TOO_LONG", "has more than 5000 positions");
  }
  return prepared;
}

absl::Status FakeEngine::Validate(const ForwardRequest& request) const {
  for (size_t i = 0; i < request.hooks.size(); ++i) {
    if (request.hooks[i] == "blocks.0.hook_resid_pre") continue;
    return InvalidField("hooks[" + std::to_string(i) + "]", "UNKNOWN_HOOK", "is no hook point");
  }
  return absl::OkStatus();
}

absl::Status FakeEngine::Validate(const AttributionRequest&) const { return absl::OkStatus(); }

absl::Status FakeEngine::Validate(const PreparedPrompt&, const AttributionRequest&) const {
  return absl::OkStatus();
}

absl::Status FakeEngine::Validate(const EvaluationRequest& request) const {
  if (request.first_layer < 0 || request.first_layer >= kLayers) {
    return InvalidField("first_layer", "must be 0 or 1");
  }
  if (request.last_layer < request.first_layer || request.last_layer >= kLayers) {
    return InvalidField("last_layer", "must be from first_layer to 1");
  }
  return absl::OkStatus();
}

absl::Status FakeEngine::Validate(const InterventionRequest& request) const {
  if (!request.edit_sets.empty()) return absl::OkStatus();
  return InvalidField("edit_sets", "must have 1 to 1024 elements, not 0");
}

absl::Status FakeEngine::Validate(const PreparedPrompt& prompt,
                                  const InterventionRequest& request) const {
  return CheckPositions(prompt, request.edit_sets);
}

int64_t FakeEngine::EstimateBytes(const PreparedPrompt& prompt, const ForwardRequest&) const {
  return prompt.tokenized.n_positions() * kBytesPerPosition;
}

absl::Status FakeEngine::Validate(const generation::GenerateRequest& request) const {
  if (request.max_new_tokens >= 1) return absl::OkStatus();
  return InvalidField("max_new_tokens", "must be at least 1");
}

absl::Status FakeEngine::Validate(const PreparedPrompt& prompt,
                                  const generation::GenerateRequest& request) const {
  RETURN_IF_ERROR(CheckPositions(prompt, request.edit_sets));
  if (prompt.tokenized.n_positions() + request.max_new_tokens <= info_.max_positions) {
    return absl::OkStatus();
  }
  return InvalidField("max_new_tokens", "must leave the prompt its room");
}

int64_t FakeEngine::EstimateBytes(const PreparedPrompt& prompt,
                                  const generation::GenerateRequest&) const {
  return prompt.tokenized.n_positions() * kBytesPerPosition;
}

GraphEstimate FakeEngine::EstimateGraph(const PreparedPrompt& prompt,
                                        const AttributionRequest& request) const {
  return {.bytes = prompt.tokenized.n_positions() * kBytesPerPosition,
          .n_active_features = 5,
          .n_rows = request.settings.max_feature_nodes,
          .operations = 2e9};
}

absl::Status FakeEngine::Validate(const rollout::RolloutRequest& request) const {
  if (request.settings.last_layers >= 1 && request.settings.last_layers <= 4) {
    return absl::OkStatus();
  }
  return InvalidField("settings.last_layers", "must be from 1 to 4");
}

absl::Status FakeEngine::Validate(const PreparedPrompt& prompt,
                                  const rollout::RolloutRequest& request) const {
  if (prompt.tokenized.image_spans.empty()) {
    return InvalidField("prompt", "NO_IMAGE", "has no picture to map");
  }
  if (!request.weights.empty() && std::ssize(request.weights) != prompt.tokenized.n_positions()) {
    return InvalidField("weights", "one for each position");
  }
  return absl::OkStatus();
}

int64_t FakeEngine::EstimateBytes(const PreparedPrompt& prompt,
                                  const rollout::RolloutRequest&) const {
  return prompt.tokenized.n_positions() * kBytesPerPosition;
}

int64_t FakeEngine::EstimateBytes(const std::vector<PreparedPrompt>& prompts,
                                  const EvaluationRequest&) const {
  int64_t bytes = 0;
  for (const PreparedPrompt& prompt : prompts) {
    bytes += prompt.tokenized.n_positions() * kBytesPerPosition;
  }
  return bytes;
}

int64_t FakeEngine::EstimateBytes(const PreparedPrompt& prompt, const InterventionRequest&) const {
  return prompt.tokenized.n_positions() * kBytesPerPosition;
}

absl::StatusOr<ForwardResult> FakeEngine::Forward(const PreparedPrompt& prompt,
                                                  const ForwardRequest& request,
                                                  RunContext* context) {
  RETURN_IF_ERROR(Compute(context));
  ForwardResult result;
  result.top = {{7, " Austin", 2.5f, 0.75f}};
  result.top[0].logit += static_cast<float>(request.clamps.size());
  const int64_t n = prompt.tokenized.n_positions();
  for (const std::string& hook : request.hooks) {
    NamedArray array{.name = hook, .shape = {n, info_.d_model}};
    for (int64_t i = 0; i < n * info_.d_model; ++i) array.values.push_back(static_cast<float>(i));
    result.arrays.push_back(std::move(array));
  }
  return result;
}

absl::StatusOr<generation::GenerateResult> FakeEngine::Generate(
    const PreparedPrompt&, const generation::GenerateRequest& request,
    const generation::OnTokens& on_tokens, RunContext* context) {
  generation::GenerateResult result;
  std::vector<intervention::EditSet> sets = request.edit_sets;
  sets.insert(sets.begin(), intervention::EditSet());
  for (size_t set = 0; set < sets.size(); ++set) {
    for (int32_t sample = 0; sample < request.samples; ++sample) {
      result.sequences.push_back(
          {.edit_set = static_cast<int32_t>(set) - 1, .label = sets[set].label, .sample = sample});
    }
  }
  RETURN_IF_ERROR(Compute(context, "generate", request.max_new_tokens, [&](int32_t index) {
    std::vector<generation::GeneratedToken> tokens;
    for (size_t i = 0; i < result.sequences.size(); ++i) {
      generation::GeneratedSequence& sequence = result.sequences[i];
      generation::GeneratedToken token;
      token.sequence = static_cast<int32_t>(i);
      token.edit_set = sequence.edit_set;
      token.index = index;
      const intervention::EditSet& set = sets[static_cast<size_t>(sequence.edit_set + 1)];
      const auto n_edits = static_cast<float>(set.features.size() + set.hooks.size() +
                                              10 * request.clamps.clamps.size());
      token.chosen = {index, absl::StrCat("t", index), n_edits, 0.25F};
      token.text = absl::StrCat(" w", index);
      token.top.assign(static_cast<size_t>(request.top_tokens), token.chosen);
      sequence.token_ids.push_back(index);
      sequence.text += token.text;
      tokens.push_back(std::move(token));
    }
    on_tokens(std::move(tokens));
  }));
  return result;
}

absl::StatusOr<graph::AttributionGraph> FakeEngine::Attribute(const PreparedPrompt& prompt,
                                                              const AttributionRequest& request,
                                                              RunContext* context) {
  RETURN_IF_ERROR(Compute(context));
  MutexLock lock(&mutex_);
  return MakeGraph(prompt, request, features_per_layer_);
}

absl::StatusOr<TranscoderEvaluation> FakeEngine::EvaluateTranscoders(
    const std::vector<PreparedPrompt>& prompts, const EvaluationRequest& request,
    RunContext* context) {
  RETURN_IF_ERROR(Compute(context));
  features::LayerSums sums{.text = features::EmptySums(info_.d_model, 1000),
                           .image = features::EmptySums(info_.d_model, 1000)};
  for (const PreparedPrompt& prompt : prompts) sums.text.tokens += prompt.tokenized.n_positions();
  const auto tokens = static_cast<double>(sums.text.tokens);
  sums.text.squared_error = tokens * 0.25;
  sums.text.squared_output = tokens;
  sums.text.activations[0] = sums.text.tokens;
  TranscoderEvaluation evaluation{.first_layer = request.first_layer};
  evaluation.layers.assign(request.last_layer - request.first_layer + 1, sums);
  return evaluation;
}

absl::StatusOr<InterventionResult> FakeEngine::Intervene(const PreparedPrompt& prompt,
                                                         const InterventionRequest& request,
                                                         RunContext* context) {
  RETURN_IF_ERROR(Compute(context));
  InterventionResult result{.position = prompt.tokenized.n_positions() - 1,
                            .n_positions = prompt.tokenized.n_positions(),
                            .vocab_size = info_.vocab_size};
  const auto n_logits = static_cast<size_t>(result.n_positions * result.vocab_size);
  if (request.report.return_logits) result.clean_logits.assign(n_logits, 1);
  for (const intervention::EditSet& set : request.edit_sets) {
    const auto n_clamps = static_cast<double>(request.clamps.clamps.size());
    intervention::EditSetOutcome outcome{.label = set.label, .kl_divergence = 0.5 + n_clamps};
    if (request.clamps.unclamped_clean_run) outcome.kl_divergence *= -1;
    outcome.edited_top = {{7, " Austin", {2, 0.25F, 3}, {4, 0.75F, 1}}};
    for (const intervention::FeatureEdit& edit : set.features) {
      outcome.listed.push_back({edit.layer, edit.positions.first, edit.feature, -1, -2, -3, -4});
    }
    if (request.report.return_logits) outcome.logits.assign(n_logits, 2);
    result.sets.push_back(std::move(outcome));
  }
  return result;
}

absl::Status FakeEngine::Validate(const PatchPrompts&, const PatchRequest& request) const {
  if (!request.features.empty() || !request.suppressed.empty()) return absl::OkStatus();
  return InvalidField("features", "is empty");
}

int64_t FakeEngine::EstimateBytes(const PatchPrompts& prompts, const PatchRequest&) const {
  return (prompts.donor.tokenized.n_positions() + prompts.recipient.tokenized.n_positions()) *
         kBytesPerPosition;
}

absl::StatusOr<PatchResult> FakeEngine::PatchActivations(const PatchPrompts& prompts,
                                                         const PatchRequest& request,
                                                         RunContext* context) {
  RETURN_IF_ERROR(Compute(context));
  PatchResult result;
  const auto add = [&result](const intervention::FeaturePlace& place, bool is_suppressed) {
    const int32_t position = place.positions.first;
    result.features.push_back(
        {place.layer, place.feature, position, position, 3, 5, is_suppressed});
  };
  for (const intervention::FeaturePlace& place : request.features) add(place, false);
  for (const intervention::FeaturePlace& place : request.suppressed) add(place, true);
  result.recipient.position = prompts.recipient.tokenized.n_positions() - 1;
  const auto n_clamps = static_cast<double>(request.clamps.clamps.size());
  for (const float strength : request.strengths) {
    result.runs.push_back({-1, strength, static_cast<int32_t>(result.features.size())});
    result.recipient.sets.push_back(
        {.label = absl::StrCat("strength ", strength), .kl_divergence = n_clamps});
  }
  if (request.reverse) {
    result.donor = result.recipient;
    result.donor->position = prompts.donor.tokenized.n_positions() - 1;
  }
  return result;
}

absl::Status FakeEngine::Validate(const PreparedPrompt&, const CutRequest& request) const {
  for (const intervention::CutEdge& edge : request.edges) {
    if (edge.source.layer < kLayers) continue;
    return InvalidField("edges[0].source.layer", "must be 0 or 1");
  }
  return absl::OkStatus();
}

int64_t FakeEngine::EstimateBytes(const PreparedPrompt& prompt, const CutRequest&) const {
  return prompt.tokenized.n_positions() * kBytesPerPosition;
}

absl::StatusOr<CutResult> FakeEngine::CutEdges(const PreparedPrompt& prompt,
                                               const CutRequest& request, RunContext* context) {
  RETURN_IF_ERROR(Compute(context));
  CutResult result;
  for (const intervention::CutEdge& edge : request.edges) {
    result.weights.push_back(0.25F);
    result.targets.push_back({edge.target, 2, 1, 2, 1});
  }
  result.effect.position = prompt.tokenized.n_positions() - 1;
  result.effect.sets.push_back({.label = "cut", .kl_divergence = 0.5});
  return result;
}

absl::Status FakeEngine::Validate(const PreparedPrompt&, const AblationRequest& request) const {
  if (request.answer != "two tokens") return absl::OkStatus();
  return InvalidField("faithfulness.token", "must be exactly one token");
}

int64_t FakeEngine::EstimateBytes(const PreparedPrompt& prompt, const AblationRequest&) const {
  return prompt.tokenized.n_positions() * kBytesPerPosition;
}

absl::StatusOr<AblationResult> FakeEngine::MeasureAblations(const PreparedPrompt& prompt,
                                                            const AblationRequest& request,
                                                            RunContext* context) {
  RETURN_IF_ERROR(Compute(context));
  AblationResult result;
  result.frozen.assign(request.ablations.size() * request.targets.size(), 1);
  result.unfrozen.assign(request.ablations.size() * request.targets.size(), 2);
  result.answer_id = std::max<int64_t>(request.answer_id, 0);
  result.answer = " Austin";
  result.answer_position = prompt.tokenized.n_positions() - 1;
  result.clean = {4, 0.75F, 1};
  for (const intervention::Circuit& circuit : request.circuits) {
    const float probability = circuit.nodes.empty() ? 0 : 0.5F;
    result.circuits.push_back({{{3, probability, 1}, 0.125}, {{2, 0.25F, 2}, 0.5}});
  }
  return result;
}

absl::Status FakeEngine::Compute(RunContext* context, const std::string& phase, int32_t n_batches,
                                 const AfterBatch& after_batch) {
  {
    MutexLock lock(&mutex_);
    ++computations_;
    ++running_;
    CAJAL_CHECK(running_ == 1) << "the executor promises one computation at a time";
  }
  const absl::Status status = ComputeBatches(context, phase, n_batches, after_batch);
  MutexLock lock(&mutex_);
  --running_;
  changed_.NotifyAll();
  const std::string exception = std::exchange(next_exception_, "");
  if (!exception.empty()) throw std::runtime_error(exception);
  if (!next_failure_.ok()) return std::exchange(next_failure_, absl::OkStatus());
  return status;
}

absl::Status FakeEngine::ComputeBatches(RunContext* context, const std::string& phase,
                                        int32_t n_batches, const AfterBatch& after_batch) {
  context->BeginPhase(phase, n_batches);
  for (int32_t batch = 0; batch < n_batches; ++batch) {
    {
      MutexLock lock(&mutex_);
      while (gate_closed_ && passes_ == 0 && context->CheckStop().ok()) {
        if (!blocked_) changed_.NotifyAll();
        blocked_ = true;
        changed_.WaitUntil(&mutex_, std::chrono::steady_clock::now() + kStopPoll);
      }
      blocked_ = false;
      if (passes_ > 0) --passes_;
    }
    RETURN_IF_ERROR(context->CheckStop());
    {
      MutexLock lock(&mutex_);
      ++batches_;
    }
    after_batch(batch);
    context->Advance(batch + 1);
  }
  return absl::OkStatus();
}

absl::StatusOr<rollout::RolloutResult> FakeEngine::ComputeRollout(
    const PreparedPrompt& prompt, const rollout::RolloutRequest& request, RunContext* context) {
  RETURN_IF_ERROR(Compute(context));
  rollout::RolloutResult result{.patches_per_side = 2, .tokens_per_side = 1};
  for (const tokenizer::ImageSpan& span : prompt.tokenized.image_spans) {
    const auto position = static_cast<float>(span.begin);
    rollout::ImageMaps maps{.image = span.image, .crop = span.crop, .begin = span.begin};
    maps.layers = {{.layer = 3, .entropies = {2, 1}, .kept_heads = {1}}};
    const std::vector<float> map = {position, position + 1, position + 2, position + 3};
    if (!request.positions.has_value() || !request.positions->empty()) {
      maps.tokens = {0};
      maps.maps = map;
    }
    if (!request.weights.empty()) {
      maps.weight = request.weights[static_cast<size_t>(span.begin)];
      maps.mean_map = map;
    }
    if (request.return_matrix) maps.matrix.assign(16, position);
    result.images.push_back(std::move(maps));
  }
  return result;
}

}  // namespace cajal::server
