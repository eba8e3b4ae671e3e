// The engine through its torch-free face: real files, real pictures.
#include "model/engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "model/graph/graph_file.h"
#include "tests/golden_util.h"
#include "tests/support/status_matchers.h"

namespace cajal {
namespace {

using testing::FailsWith;
using testing::HasField;
using testing::HasReason;
using testing::IsOk;
using tokenizer::Prompt;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

EngineOptions Options() {
  return {.model_dir = "golden/tiny",
          .transcoder_dir = "golden/transcoders/plt_topk",
          .device = DeviceChoice::kCpu};
}

// Loading takes a while under sanitizers; one engine serves all tests, as it serves all calls.
Engine& SharedEngine() {
  static std::unique_ptr<Engine>* engine = [] {
    RunContext context;
    auto loaded = LoadEngine(Options(), &context);
    EXPECT_THAT(loaded, IsOk());
    return new std::unique_ptr<Engine>(*std::move(loaded));
  }();
  return **engine;
}

graph::Target Named(const std::string& token) { return {.what = graph::NamedToken{token}}; }

Prompt TextPrompt(const std::string& text) { return {.parts = {{.text = text}}}; }

Prompt OneImage() {
  return {.parts = {{.text = "<start_of_image> This is"},
                    {.image = tokenizer::EncodedImage{
                         golden::ReadBytes("golden/images/shapes_97x61.png")}}}};
}

TEST(Engine, SaysWhatItHasLoaded) {
  const EngineInfo& info = SharedEngine().info();
  EXPECT_EQ(info.model_name, "tiny");
  EXPECT_EQ(info.model_type, "gemma3");
  EXPECT_EQ(info.device, "cpu");
  EXPECT_EQ(info.n_layers, 6);
  EXPECT_EQ(info.d_model, 64);
  EXPECT_EQ(info.vocab_size, 520);
  EXPECT_EQ(info.image_size, 56);
  EXPECT_EQ(info.tokens_per_image, 4);
  EXPECT_EQ(info.max_positions, 4096);  // the model's own limit is lower than the default
  EXPECT_EQ(info.activation, "relu_topk(16)");
  EXPECT_EQ(info.feature_output_hook, "mlp.hook_out");
  EXPECT_GT(info.budget_bytes, 0);
}

TEST(Engine, GivesTheSameGraphWhereverItsTranscodersLive) {
  AttributionRequest request;
  std::vector<std::vector<float>> weights;
  for (const auto& [residency, name] : {std::pair(transcoder::Residency::kAuto, "device"),
                                        std::pair(transcoder::Residency::kEncoders, "encoders"),
                                        std::pair(transcoder::Residency::kStream, "stream")}) {
    SCOPED_TRACE(name);
    EngineOptions options = Options();
    options.transcoder_dir = "golden/formats/clt_native";
    options.residency = residency;
    RunContext context;
    const auto engine = LoadEngine(options, &context);
    ASSERT_THAT(engine, IsOk());
    EXPECT_EQ((*engine)->info().transcoder_residency, name);
    EXPECT_EQ((*engine)->info().transcoder_format, "cross-layer (circuit-tracer layout)");
    const auto prepared = (*engine)->Prepare(TextPrompt("This is"));
    ASSERT_THAT(prepared, IsOk());
    const auto graph = (*engine)->Attribute(*prepared, request, &context);
    ASSERT_THAT(graph, IsOk());
    weights.push_back(graph->edges.weights);
  }
  EXPECT_FALSE(weights[0].empty());
  EXPECT_EQ(weights[0], weights[1]);
  EXPECT_EQ(weights[0], weights[2]);
}

TEST(Engine, TracesAPictureAndATextFromTheirFilesToTheGraph) {
  auto prepared = SharedEngine().Prepare(OneImage());
  ASSERT_THAT(prepared, IsOk());
  const auto golden =
      golden::OpenSafetensors("golden/graphs/graph_one_image__plt_topk.safetensors");
  EXPECT_EQ(prepared->tokenized.token_ids, golden::Values<int64_t>(*golden, "input_ids"));
  RunContext context;
  AttributionRequest request;
  request.settings.max_feature_nodes = 0;
  const auto graph = SharedEngine().Attribute(*prepared, request, &context);
  ASSERT_THAT(graph, IsOk());
  EXPECT_EQ(graph->n_nodes(), 1246);
  EXPECT_EQ(graph->token_texts.size(), 13u);
  EXPECT_EQ(graph->token_texts[1], "\n\n");
  ASSERT_EQ(graph->image_runs.size(), 1u);
  EXPECT_EQ(graph->image_runs[0].begin, 3);
  EXPECT_EQ(graph->image_runs[0].end, 7);
  EXPECT_LE(graph->additivity.max_relative_error, 1e-4);
  // A row of the golden adjacency, chosen among the logits.
  const auto expected = golden::Values<float>(*golden, "adjacency");
  const int64_t n = graph->n_nodes();
  const int64_t row = graph->first_logit();
  for (int64_t e = graph->edges.row_begin[row]; e < graph->edges.row_begin[row + 1]; ++e) {
    EXPECT_NEAR(graph->edges.weights[e], expected[row * n + graph->edges.columns[e]], 2e-5);
  }
}

TEST(Engine, GivesTheSameBytesForTheSameRequest) {
  auto prepared = SharedEngine().Prepare(OneImage());
  ASSERT_THAT(prepared, IsOk());
  RunContext context;
  const auto first = SharedEngine().Attribute(*prepared, {}, &context);
  const auto second = SharedEngine().Attribute(*prepared, {}, &context);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(graph::SerializeStoredGraph(*first), graph::SerializeStoredGraph(*second));
}

// A selection in several rankings, so that a last bit in one place would choose other features.
TEST(Engine, GivesTheSameBytesOnAnyNumberOfThreads) {
  std::vector<std::string> graphs;
  for (const int32_t threads : {1, 2, 2}) {
    EngineOptions options = Options();
    options.threads = threads;
    RunContext context;
    const auto engine = LoadEngine(options, &context);
    ASSERT_THAT(engine, IsOk());
    const auto prepared = (*engine)->Prepare(OneImage());
    ASSERT_THAT(prepared, IsOk());
    AttributionRequest request;
    request.settings.max_feature_nodes = 400;
    request.settings.batch_size = 16;
    request.settings.update_interval = 2;
    const auto graph = (*engine)->Attribute(*prepared, request, &context);
    ASSERT_THAT(graph, IsOk());
    graphs.push_back(graph::SerializeStoredGraph(*graph));
  }
  EXPECT_EQ(graphs[0], graphs[1]);
  EXPECT_EQ(graphs[1], graphs[2]);
}

TEST(Engine, TracesNamedTokensOnly) {
  auto prepared = SharedEngine().Prepare(TextPrompt("The capital of France is"));
  ASSERT_THAT(prepared, IsOk());
  AttributionRequest request;
  request.settings.targets = {Named(" the"), Named(" capital")};
  RunContext context;
  const auto graph = SharedEngine().Attribute(*prepared, request, &context);
  ASSERT_THAT(graph, IsOk());
  ASSERT_EQ(graph->n_logits(), 2);
  std::vector<std::string> tokens = {graph->logits[0].token, graph->logits[1].token};
  std::sort(tokens.begin(), tokens.end());
  EXPECT_EQ(tokens, (std::vector<std::string>{" capital", " the"}));
  EXPECT_GE(graph->logits[0].probability, graph->logits[1].probability);
}

TEST(Engine, RefusesTargetsThatAreNotOneToken) {
  AttributionRequest request;
  request.settings.targets = {Named(" the"), Named("two tokens")};
  EXPECT_THAT(SharedEngine().Validate(request), FailsWith(kInvalid, "a target is exactly one"));
  EXPECT_THAT(SharedEngine().Validate(request), HasField("targets[1].token"));
}

TEST(Engine, RefusesTargetsThatTheModelCannotHave) {
  const auto status_of = [](graph::Target target) {
    AttributionRequest request;
    request.settings.targets = {Named(" the"), std::move(target)};
    return SharedEngine().Validate(request);
  };
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> vector(64, 0);
  EXPECT_THAT(status_of({.what = graph::TokenSum{}}), HasField("targets[1].token_sum.terms"));
  EXPECT_THAT(status_of({.what = graph::TokenSum{{{" the", 1}, {"two tokens", 1}}}}),
              HasField("targets[1].token_sum.terms[1].token"));
  EXPECT_THAT(status_of({.what = graph::TokenSum{{{" the", kNaN}}}}),
              HasField("targets[1].token_sum.terms[0].weight"));
  EXPECT_THAT(status_of({.what = graph::TokenSum{{{" the", 0}}}}),
              HasField("targets[1].token_sum.terms[0].weight"));
  EXPECT_THAT(status_of({.what = graph::TokenSum{{{" the", 1}, {" the", -1}}}}),
              FailsWith(kInvalid, "twice"));
  EXPECT_THAT(status_of({.what = graph::Direction{vector}}),
              FailsWith(kInvalid, "zero everywhere"));
  vector[3] = kNaN;
  EXPECT_THAT(status_of({.what = graph::Direction{vector}}),
              HasField("targets[1].direction.vector"));
  EXPECT_THAT(status_of({.what = graph::Direction{{1, 2}}}), FailsWith(kInvalid, "64, not 2"));
  EXPECT_THAT(status_of({.what = graph::TargetFeature{6, 0}}),
              HasField("targets[1].feature.layer"));
  EXPECT_THAT(status_of({.what = graph::TargetFeature{5, 256}}),
              FailsWith(kInvalid, "from 0 to 255 in layer 5"));
  EXPECT_THAT(status_of({.what = graph::TargetFeature{5, -1}}),
              HasField("targets[1].feature.index"));
  EXPECT_THAT(status_of({.what = graph::TopTokens{}, .weight = 0.0F}),
              HasField("targets[1].weight"));
  EXPECT_THAT(status_of({.what = graph::TopTokens{}, .weight = kNaN}),
              HasField("targets[1].weight"));
}

TEST(Engine, RefusesTargetsThatThePromptCannotHave) {
  const auto prepared = SharedEngine().Prepare(TextPrompt("The capital of France is"));
  ASSERT_THAT(prepared, IsOk());
  ASSERT_EQ(prepared->tokenized.n_positions(), 8);
  const auto status_of = [&](std::vector<graph::Target> targets) {
    AttributionRequest request;
    request.settings.targets = std::move(targets);
    return SharedEngine().Validate(*prepared, request);
  };
  const auto token_at = [](int32_t position) {
    return graph::Target{.what = graph::NamedToken{" the"}, .position = position};
  };
  EXPECT_THAT(status_of({token_at(7), token_at(-8), token_at(1)}), IsOk());
  EXPECT_THAT(status_of({token_at(0), token_at(8)}), HasField("targets[1].position"));
  EXPECT_THAT(status_of({token_at(-9)}), FailsWith(kInvalid, "from 0 to 7, or from -8 to -1"));
  EXPECT_THAT(status_of({token_at(7), token_at(-1)}), FailsWith(kInvalid, "twice"));
  EXPECT_THAT(status_of({token_at(7), token_at(-1)}), HasField("targets[1].token"));
  EXPECT_THAT(status_of({{.what = graph::TargetFeature{0, 0}, .position = 8}}),
              HasField("targets[0].feature.position"));
  // Whether a feature is active shows when the prompt is run.
  AttributionRequest request;
  request.settings.targets = {{.what = graph::TargetFeature{2, 3}, .position = 0}};
  RunContext context;
  EXPECT_THAT(SharedEngine().Attribute(*prepared, request, &context),
              HasReason("FEATURE_NOT_ACTIVE"));
  EXPECT_THAT(SharedEngine().Attribute(*prepared, request, &context),
              FailsWith(kInvalid, "the first 1 positions have no features"));
}

TEST(Engine, TracesWhatFollowsThePrefixOfTheAnswer) {
  const tokenizer::Prompt prompt{
      .turns = {{.role = "user", .parts = {{.text = "The capital of France"}}}},
      .assistant_prefix = "It is"};
  const auto prepared = SharedEngine().Prepare(prompt);
  ASSERT_THAT(prepared, IsOk());
  const auto ids = SharedEngine().Prepare({.token_ids = prepared->tokenized.token_ids});
  ASSERT_THAT(ids, IsOk());
  AttributionRequest request;
  request.settings.targets = {Named(" the")};
  RunContext context;
  const auto graph = SharedEngine().Attribute(*prepared, request, &context);
  const auto of_ids = SharedEngine().Attribute(*ids, request, &context);
  ASSERT_THAT(graph, IsOk());
  ASSERT_THAT(of_ids, IsOk());
  EXPECT_EQ(graph->token_texts.back(), " is");
  EXPECT_EQ(graph->logits[0].position, graph->n_positions() - 1);
  EXPECT_EQ(graph->edges.weights, of_ids->edges.weights);
}

TEST(Engine, RefusesSettingsOutOfRange) {
  const auto status_of = [](auto edit) {
    AttributionRequest request;
    edit(&request.settings);
    return SharedEngine().Validate(request);
  };
  EXPECT_THAT(status_of([](auto* s) { s->max_n_logits = 0; }), HasField("settings.max_n_logits"));
  EXPECT_THAT(status_of([](auto* s) { s->desired_logit_prob = std::nan(""); }),
              HasField("settings.desired_logit_prob"));
  EXPECT_THAT(status_of([](auto* s) { s->desired_logit_prob = 1.5; }),
              HasField("settings.desired_logit_prob"));
  EXPECT_THAT(status_of([](auto* s) { s->max_feature_nodes = -1; }),
              HasField("settings.max_feature_nodes"));
  EXPECT_THAT(status_of([](auto* s) { s->batch_size = 0; }), HasField("settings.batch_size"));
  EXPECT_THAT(status_of([](auto* s) { s->update_interval = 0; }),
              HasField("settings.update_interval"));
  EXPECT_THAT(status_of([](auto* s) { s->zero_positions = -1; }),
              HasField("settings.zero_positions"));
  EXPECT_THAT(status_of([](auto*) {}), IsOk());
}

TEST(Engine, RefusesPicturesThatItCannotRead) {
  const auto prepare = [](const std::string& bytes) {
    return SharedEngine().Prepare({.parts = {{.image = tokenizer::EncodedImage{bytes}}}});
  };
  EXPECT_THAT(prepare("not a picture"), HasReason("IMAGE_FORMAT"));
  std::string truncated = golden::ReadBytes("golden/images/noise_56x56.png");
  truncated.resize(truncated.size() / 2);
  EXPECT_THAT(prepare(truncated), HasReason("IMAGE_UNREADABLE"));
  EXPECT_THAT(prepare(truncated), HasField("prompt.parts[0].image"));
  EXPECT_THAT(SharedEngine().Prepare(OneImage()), IsOk());
}

// Every picture takes 4 of 4096 positions. Pictures that cannot be read show that none was decoded.
TEST(Engine, RefusesMorePicturesThanAPromptHasRoomForBeforeItDecodesThem) {
  const auto prepare = [](size_t n_pictures) {
    Prompt prompt;
    prompt.parts.resize(n_pictures, {.image = tokenizer::EncodedImage{"not a picture"}});
    return SharedEngine().Prepare(prompt);
  };
  EXPECT_THAT(prepare(1025), HasReason("PROMPT_TOO_LONG"));
  EXPECT_THAT(prepare(1025), HasField("prompt"));
  EXPECT_THAT(prepare(1024), HasReason("IMAGE_FORMAT"));
}

TEST(Engine, RunsForwardWithHooksAndLogits) {
  auto prepared = SharedEngine().Prepare(OneImage());
  ASSERT_THAT(prepared, IsOk());
  RunContext context;
  const auto result = SharedEngine().Forward(
      *prepared,
      {.hooks = {"blocks.5.hook_resid_post", "projector.*"}, .top_k = 3, .return_logits = true},
      &context);
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->arrays.size(), 3u);
  EXPECT_EQ(result->arrays[0].name, "projector.hook_out");
  EXPECT_EQ(result->arrays[0].shape, (std::vector<int64_t>{1, 4, 64}));
  EXPECT_EQ(result->arrays[1].name, "blocks.5.hook_resid_post");
  EXPECT_EQ(result->arrays[2].name, "logits");
  const auto golden = golden::OpenSafetensors("golden/forward/forward_one_image.safetensors");
  const auto logits = golden::Values<float>(*golden, "logits");
  for (size_t i = 0; i < logits.size(); ++i) {
    ASSERT_NEAR(result->arrays[2].values[i], logits[i], 1e-4);
  }
  ASSERT_EQ(result->top.size(), 3u);
  EXPECT_EQ(result->top[0].token_id, 296);  // cases.json
  EXPECT_NEAR(result->top[0].probability, 0.37904, 1e-4);
}

TEST(Engine, StopsWithinABatchWhenAsked) {
  auto prepared = SharedEngine().Prepare(OneImage());
  ASSERT_THAT(prepared, IsOk());
  auto stop = std::make_shared<StopFlag>();
  unsigned batches_after_stop = 0;
  RunContext context(stop, std::chrono::steady_clock::time_point::max(),
                     [&](const Progress& progress) {
                       if (progress.phase != "feature_rows") return;
                       if (stop->stop_requested()) ++batches_after_stop;
                       if (progress.done > 100) stop->RequestStop(absl::StatusCode::kCancelled);
                     });
  AttributionRequest request;
  request.settings.max_feature_nodes = 0;
  EXPECT_THAT(SharedEngine().Attribute(*prepared, request, &context),
              FailsWith(absl::StatusCode::kCancelled, "in phase feature_rows"));
  // Each thread may finish the batch that it was in.
  EXPECT_LE(batches_after_stop, std::thread::hardware_concurrency());
  RunContext fresh;
  EXPECT_THAT(SharedEngine().Attribute(*prepared, {}, &fresh), IsOk());
}

TEST(Engine, StopsBetweenTheLayersThatItEncodes) {
  auto prepared = SharedEngine().Prepare(TextPrompt("The capital of France is"));
  ASSERT_THAT(prepared, IsOk());
  auto stop = std::make_shared<StopFlag>();
  RunContext context(stop, std::chrono::steady_clock::time_point::max(),
                     [&](const Progress& progress) {
                       if (progress.phase == "encode" && progress.done == 1) {
                         stop->RequestStop(absl::StatusCode::kCancelled);
                       }
                     });
  EXPECT_THAT(SharedEngine().Attribute(*prepared, {}, &context),
              FailsWith(absl::StatusCode::kCancelled, "in phase encode, 1 of 6 done"));
}

TEST(Engine, EvaluatesItsTranscodersOverPrompts) {
  const auto text = SharedEngine().Prepare(TextPrompt("The capital of France is"));
  const auto picture = SharedEngine().Prepare(OneImage());
  ASSERT_THAT(text, IsOk());
  ASSERT_THAT(picture, IsOk());
  std::vector<int64_t> done;
  RunContext context(std::make_shared<StopFlag>(), std::chrono::steady_clock::time_point::max(),
                     [&done](const Progress& progress) {
                       EXPECT_EQ(progress.phase, "evaluate");
                       EXPECT_EQ(progress.total, 2);
                       done.push_back(progress.done);
                     });
  const auto evaluation = SharedEngine().EvaluateTranscoders(
      {*text, *picture}, {.first_layer = 4, .last_layer = 5}, &context);
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_EQ(done, (std::vector<int64_t>{0, 1, 2}));  // prompts
  EXPECT_EQ(evaluation->first_layer, 4);
  ASSERT_EQ(evaluation->layers.size(), 2u);
  // 8 and 13 positions, 4 of them of the picture, less the first of each prompt.
  EXPECT_EQ(evaluation->layers[1].text.tokens, 7 + 8);
  EXPECT_EQ(evaluation->layers[1].image.tokens, 4);
}

TEST(Engine, StopsBetweenThePromptsThatItEvaluates) {
  const auto prompt = SharedEngine().Prepare(TextPrompt("The capital of France is"));
  ASSERT_THAT(prompt, IsOk());
  auto stop = std::make_shared<StopFlag>();
  RunContext context(stop, std::chrono::steady_clock::time_point::max(),
                     [&](const Progress& progress) {
                       if (progress.done == 1) stop->RequestStop(absl::StatusCode::kCancelled);
                     });
  EXPECT_THAT(
      SharedEngine().EvaluateTranscoders({*prompt, *prompt, *prompt}, {.last_layer = 5}, &context),
      FailsWith(absl::StatusCode::kCancelled, "in phase evaluate, 1 of 3 done"));
}

TEST(Engine, RefusesLayersThatItDoesNotHave) {
  const auto status_of = [](int32_t first, int32_t last) {
    return SharedEngine().Validate(EvaluationRequest{.first_layer = first, .last_layer = last});
  };
  EXPECT_THAT(status_of(-1, 5), HasField("first_layer"));
  EXPECT_THAT(status_of(6, 6), HasField("first_layer"));
  EXPECT_THAT(status_of(0, 6), HasField("last_layer"));
  EXPECT_THAT(status_of(3, 2), HasField("last_layer"));
  EXPECT_THAT(status_of(5, 5), IsOk());
}

TEST(Engine, EstimatesThePixelsOfAllPromptsOfAnEvaluation) {
  const auto prompt = SharedEngine().Prepare(OneImage());
  ASSERT_THAT(prompt, IsOk());
  const EvaluationRequest request{.last_layer = 5};
  EXPECT_EQ(SharedEngine().EstimateBytes({*prompt, *prompt, *prompt}, request) -
                SharedEngine().EstimateBytes({*prompt}, request),
            2 * 4 * 3 * 56 * 56);
}

TEST(Engine, RefusesWhatTurnsOutBeyondItsBudget) {
  const auto attribute_within = [](int64_t budget_bytes, int32_t max_feature_nodes) {
    const auto prepared = SharedEngine().Prepare(OneImage());
    EXPECT_THAT(prepared, IsOk());
    AttributionRequest request;
    request.settings.max_feature_nodes = max_feature_nodes;
    MemoryBudget budget(budget_bytes);
    auto memory = budget.Reserve(budget_bytes, "test");
    EXPECT_THAT(memory, IsOk());
    RunContext context;
    context.set_memory(&*memory);
    return SharedEngine().Attribute(*prepared, request, &context);
  };
  // The vectors of 1314 sources of width 64 take 336 kB, rows of all features 3 MB more.
  EXPECT_THAT(attribute_within(100'000, 2), HasReason("NEVER_FITS"));
  EXPECT_THAT(attribute_within(100'000, 2), HasField("prompt"));
  EXPECT_THAT(attribute_within(1'000'000, 0), HasReason("NEVER_FITS"));
  EXPECT_THAT(attribute_within(1'000'000, 0), HasField("settings.max_feature_nodes"));
  EXPECT_THAT(attribute_within(1'000'000, 2), IsOk());
}

TEST(Engine, EstimatesMoreBytesThanTheRowsTake) {
  auto prepared = SharedEngine().Prepare(OneImage());
  ASSERT_THAT(prepared, IsOk());
  AttributionRequest request;
  request.settings.max_feature_nodes = 0;
  // 1145 active features, 10 logits, 13 tokens, 78 errors and as many biases.
  const int64_t estimate = SharedEngine().EstimateGraph(*prepared, request).bytes;
  const int64_t rows = (1145 / 2 + 10) * (1145 + 13 + 156) * 4;
  EXPECT_GT(estimate, rows);
  EXPECT_LT(estimate, 10 * rows);
}

TEST(Engine, EstimatesWhatHooksWillTake) {
  auto prepared = SharedEngine().Prepare(OneImage());
  ASSERT_THAT(prepared, IsOk());
  const int64_t without = SharedEngine().EstimateBytes(*prepared, ForwardRequest{});
  // Three layers of [1, 4, 16, 16], once on the device and once in the result.
  EXPECT_EQ(SharedEngine().EstimateBytes(
                *prepared, ForwardRequest{.hooks = {"vision.blocks.*.attn.hook_pattern"}}) -
                without,
            2 * 4 * 3 * 4 * 16 * 16);
}

TEST(Engine, NamesTheFolderThatIsNoCheckpoint) {
  EngineOptions options = Options();
  options.model_dir = "golden/transcoders";
  RunContext context;
  const auto engine = LoadEngine(options, &context);
  EXPECT_FALSE(engine.ok());
  EXPECT_NE(std::string(engine.status().message()).find("golden/transcoders"), std::string::npos);
}

TEST(Engine, RunsInBFloat16WithTheSameTopToken) {
  EngineOptions options = Options();
  options.dtype = DType::kBFloat16;
  RunContext context;
  auto engine = LoadEngine(options, &context);
  ASSERT_THAT(engine, IsOk());
  auto prepared = (*engine)->Prepare(OneImage());
  ASSERT_THAT(prepared, IsOk());
  const auto graph = (*engine)->Attribute(*prepared, {}, &context);
  ASSERT_THAT(graph, IsOk());
  EXPECT_EQ(graph->logits[0].token_id, 296);
}

}  // namespace
}  // namespace cajal
