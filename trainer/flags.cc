#include "trainer/flags.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "model/base/status.h"
#include "model/checkpoint/config.h"

namespace cajal::trainer {
namespace {

using training::RunOptions;
using training::TrainingSettings;

constexpr char kDescription[] =
    "cajal-train makes transcoders for a Gemma 3 model. A run that was stopped or killed goes on\n"
    "from its last checkpoint when the same command is given again. docs/training.md is the guide.";
constexpr char kFooter[] =
    "\nExit codes: 0 the layers are trained, 1 the run failed or was stopped, 2 wrong usage.\n"
    "SIGINT and SIGTERM write a checkpoint and end the run; a second one ends it at once.";

const std::map<std::string, training::FloatType> kFloatTypes = {
    {"float32", training::FloatType::kFloat32}, {"bfloat16", training::FloatType::kBFloat16}};
const std::map<std::string, training::DecoderStart> kDecoderStarts = {
    {"zero", training::DecoderStart::kZero}, {"tied", training::DecoderStart::kTied}};
const std::map<std::string, training::Decay> kDecays = {{"none", training::Decay::kNone},
                                                        {"linear", training::Decay::kLinear},
                                                        {"cosine", training::Decay::kCosine}};
const std::map<std::string, gemma3::HookSite> kOutputHooks = {
    {"mlp.hook_out", gemma3::HookSite::kMlpOutRaw}, {"hook_mlp_out", gemma3::HookSite::kMlpOut}};

// Fields of the model's errors that have a flag of another spelling; the others only change their
// underscores.
const std::map<std::string, std::string> kFlagsOfFields = {
    {"n_features", "--features"},
    {"skip_connection", "--skip"},
    {"auxk_coefficient", "--auxk"},
    {"k_aux", "--auxk-features"},
    {"dead_after_tokens", "--dead-after"},
    {"warm_up_steps", "--warmup-steps"},
    {"gradient_clip_norm", "--clip"},
    {"tied_decoder_scale", "--decoder-scale"},
    {"epsilon", "--adam-epsilon"},
    {"beta1", "--adam-beta1"},
    {"beta2", "--adam-beta2"}};

constexpr int64_t kMaxInt64 = std::numeric_limits<int64_t>::max();

CLI::Validator Between(int64_t least, int64_t most) {
  return CLI::Validator(
      [least, most](const std::string& value) -> std::string {
        int64_t number = 0;
        if (absl::SimpleAtoi(value, &number) && number >= least && number <= most) return "";
        return absl::StrCat("must be an integer from ", least, " to ", most, ", not '", value, "'");
      },
      "");
}

// "DIR" or "DIR=WEIGHT"; a weight of 0 stands for none.
absl::StatusOr<corpus::WeightedFolder> ParseFolder(const std::string& text) {
  const size_t at = text.rfind('=');
  if (at == std::string::npos) return corpus::WeightedFolder{text, 0};
  double weight = 0;
  if (!absl::SimpleAtod(text.substr(at + 1), &weight) || !(weight > 0 && weight < 1e9)) {
    return InvalidField("data", absl::StrCat("the weight in '", text, "' must be above 0"));
  }
  return corpus::WeightedFolder{text.substr(0, at), weight};
}

// "3" or "2-5".
absl::StatusOr<std::pair<int, int>> ParseLayers(const std::string& text) {
  const size_t dash = text.find('-');
  std::pair<int, int> layers;
  const bool is_range =
      absl::SimpleAtoi(text.substr(0, dash), &layers.first) &&
      absl::SimpleAtoi(text.substr(dash == std::string::npos ? 0 : dash + 1), &layers.second);
  if (is_range) return layers;
  return InvalidField("layers", absl::StrCat("'", text, "' is given; expected is 3 or 2-5"));
}

// The command line as it is read. What changes the settings waits until the preset is known.
struct Line {
  Flags flags;
  std::vector<std::string> data;
  std::string layers;
  std::string preset;
  std::vector<std::function<void(TrainingSettings*)>> changes;
};

// Adds a flag for a field of TrainingSettings.
template <typename Value>
CLI::Option* AddSetting(CLI::App* app, Line* line, const std::string& name,
                        Value TrainingSettings::*field, const std::string& description) {
  return app->add_option_function<Value>(
      name,
      [line, field](const Value& value) {
        line->changes.push_back([field, value](TrainingSettings* s) { s->*field = value; });
      },
      description);
}

template <typename Value>
CLI::Option* AddChoice(CLI::App* app, const std::string& name,
                       const std::map<std::string, Value>& choices,
                       std::function<void(Value)> choose, const std::string& description) {
  return app
      ->add_option_function<std::string>(
          name,
          [&choices, choose = std::move(choose)](const std::string& choice) {
            choose(choices.at(choice));
          },
          description)
      ->check(CLI::IsMember(choices));
}

void AddFileFlags(CLI::App* app, Line* line) {
  RunOptions* run = &line->flags.run;
  app->add_option("--model", run->model_dir,
                  "Folder of a Gemma 3 checkpoint in Hugging Face layout")
      ->required()
      ->type_name("DIR");
  app->add_option(
         "--data", line->data,
         "Folder of training data, with the weight of its sequences in the mixture; repeat "
         "for more folders. Default weight: 1")
      ->required()
      ->type_name("DIR[=WEIGHT]");
  app->add_option("--output", run->output_dir,
                  "Folder of the transcoders, and of checkpoints and logs below training/")
      ->required()
      ->type_name("DIR");
  app->add_option("--layers", line->layers,
                  "Layers to train, first and last. Layers are independent: trained together or "
                  "apart they become the same files. Default: all")
      ->type_name("A-B");
  app->add_option("--held-out", run->held_out_dirs,
                  "Folder of data to be judged on, by modality; repeat for more. Default: none")
      ->type_name("DIR");
  app->add_option("--held-out-tokens", run->held_out_tokens,
                  "Judge on so many tokens of each; 0 = all. Default: 65536")
      ->check(Between(0, kMaxInt64))
      ->type_name("N");
}

void AddTranscoderFlags(CLI::App* app, Line* line) {
  using S = TrainingSettings;
  app->add_option("--preset", line->preset,
                  "paper: the recipe of arXiv 2602.20330, 64 features per dimension of the model, "
                  "k 48; three --data folders without weights count 2:2:1. Other flags change it")
      ->check(CLI::IsMember(std::vector<std::string>{"paper"}))
      ->type_name("NAME");
  AddSetting(app, line, "--features", &S::n_features, "Features of each layer. Default: 16384")
      ->type_name("N");
  AddSetting(app, line, "--k", &S::k, "Features active at a token, at most. Default: 48")
      ->type_name("N");
  app->add_flag_function(
      "--skip,!--no-skip",
      [line](int64_t count) {
        line->changes.push_back([count](S* s) { s->skip_connection = count > 0; });
      },
      "Add a linear path from input to output, W_skip");
  AddChoice<training::DecoderStart>(
      app, "--decoder-start", kDecoderStarts,
      [line](training::DecoderStart start) {
        line->changes.push_back([start](S* s) { s->decoder_start = start; });
      },
      "W_dec before the first step: zero, or tied to the encoder. Default: zero")
      ->type_name("START");
  AddSetting(app, line, "--decoder-scale", &S::tied_decoder_scale,
             "With --decoder-start tied, W_dec is so many times W_enc. Default: 0.1")
      ->type_name("X");
  AddSetting(app, line, "--auxk", &S::auxk_coefficient,
             "Weight of the loss that revives dead features; 0 = without. Default: 0.03125")
      ->type_name("X");
  AddSetting(app, line, "--auxk-features", &S::k_aux,
             "Dead features that it uses at a token, at most. Default: 64")
      ->type_name("N");
  AddSetting(app, line, "--dead-after", &S::dead_after_tokens,
             "Tokens without activity after which a feature counts as dead. Default: 1000000")
      ->type_name("N");
}

void AddOptimiserFlags(CLI::App* app, Line* line) {
  using S = TrainingSettings;
  AddSetting(app, line, "--steps", &S::steps, "Default: 30000")->type_name("N");
  AddSetting(app, line, "--batch-tokens", &S::batch_tokens, "Tokens of a step. Default: 4096")
      ->type_name("N");
  app->add_option_function<double>(
         "--learning-rate",
         [line](double rate) {
           line->changes.push_back([rate](S* s) { s->learning_rate = rate; });
         },
         "Highest learning rate. Default: 2e-4 * sqrt(16384 / features)")
      ->type_name("X");
  AddSetting(app, line, "--warmup-steps", &S::warm_up_steps,
             "Steps over which the learning rate rises. Default: 1000")
      ->type_name("N");
  AddChoice<training::Decay>(
      app, "--decay", kDecays,
      [line](training::Decay decay) {
        line->changes.push_back([decay](S* s) { s->decay = decay; });
      },
      "How it falls to 0 towards the end. Default: linear")
      ->type_name("KIND");
  AddSetting(app, line, "--decay-start", &S::decay_start,
             "Share of the steps after which it begins to fall. Default: 0.8")
      ->type_name("X");
  AddSetting(app, line, "--weight-decay", &S::weight_decay, "AdamW's, decoupled. Default: 0")
      ->type_name("X");
  AddSetting(app, line, "--clip", &S::gradient_clip_norm,
             "Largest norm of a layer's gradient; 0 = no limit. Default: 1")
      ->type_name("X");
  AddSetting(app, line, "--adam-beta1", &S::beta1, "Default: 0.9")->type_name("X");
  AddSetting(app, line, "--adam-beta2", &S::beta2, "Default: 0.999")->type_name("X");
  AddSetting(app, line, "--adam-epsilon", &S::epsilon, "Default: 1e-8")->type_name("X");
  AddSetting(app, line, "--seed", &S::seed, "Of initial values and of every order. Default: 0")
      ->type_name("N");
}

void AddActivationFlags(CLI::App* app, Line* line) {
  RunOptions* run = &line->flags.run;
  app->add_option("--context", run->context,
                  "Longest sequence, in positions; text is packed up to it. Default: 2048, or the "
                  "model's limit if that is less")
      ->type_name("N");
  app->add_option("--skip-positions", run->skip_positions,
                  "Positions left out at the beginning of each sequence. Default: 1, the <bos>")
      ->type_name("N");
  AddChoice<gemma3::HookSite>(
      app, "--output-hook", kOutputHooks, [run](gemma3::HookSite site) { run->output_site = site; },
      "What is reconstructed from mlp.hook_in: mlp.hook_out, before the post-feed-forward norm, or "
      "hook_mlp_out, after it. Default: mlp.hook_out")
      ->type_name("HOOK");
  app->add_option("--buffer-bytes", run->buffer_bytes,
                  "Size of the shuffling buffer, in bytes, as if it held all layers: a run over "
                  "some takes its share. Default: 2147483648")
      ->type_name("BYTES");
  app->add_option("--buffer-dir", run->buffer_dir,
                  "Folder for a buffer on disk. Default: the buffer is in memory")
      ->type_name("DIR");
}

void AddRunFlags(CLI::App* app, Line* line) {
  RunOptions* run = &line->flags.run;
  app->add_option("--evaluate-every", run->evaluate_every,
                  "Judge on --held-out after so many steps; 0 = at the end only. Default: 0")
      ->type_name("STEPS");
  app->add_option("--checkpoint-every", run->checkpoint_every,
                  "Write a checkpoint after so many steps; 0 = only when stopped. Default: 1000")
      ->type_name("STEPS");
  app->add_option("--log-every", line->flags.log_every,
                  "Write one step of so many into the logs. Default: 10")
      ->check(Between(1, kMaxInt64))
      ->type_name("STEPS");
  app->add_flag("--restart", run->restart,
                "Begin again even if there is a checkpoint, and delete it");
  app->add_option(
         "--device", run->device,
         "Where to compute: auto, cpu or cuda; auto = a GPU if there is one. Default: auto")
      ->check(CLI::IsMember(std::vector<std::string>{"auto", "cpu", "cuda"}))
      ->type_name("DEVICE");
  AddChoice<training::FloatType>(
      app, "--dtype", kFloatTypes, [run](training::FloatType type) { run->dtype = type; },
      "Type of the model's weights, and of the buffer; transcoders are trained in float32. "
      "Default: float32")
      ->type_name("TYPE");
  AddChoice<training::FloatType>(
      app, "--export-dtype", kFloatTypes,
      [run](training::FloatType type) { run->export_dtype = type; },
      "Type of the finished files: float32 or bfloat16. Default: float32")
      ->type_name("TYPE");
  app->add_option("--threads", run->threads,
                  "Threads of the CPU's matrix products. Default: 0 = all cores")
      ->check(Between(0, std::numeric_limits<int32_t>::max()))
      ->type_name("N");
}

absl::Status AddFolders(const Line& line, RunOptions* run) {
  bool has_weight = false;
  for (const std::string& text : line.data) {
    ASSIGN_OR_RETURN(corpus::WeightedFolder folder, ParseFolder(text));
    has_weight = has_weight || folder.weight > 0;
    run->data.push_back(std::move(folder));
  }
  const bool is_papers = line.preset == "paper" && !has_weight && run->data.size() == 3;
  for (corpus::WeightedFolder& folder : run->data) {
    if (folder.weight == 0) folder.weight = is_papers && &folder != &run->data.back() ? 2 : 1;
  }
  return absl::OkStatus();
}

absl::StatusOr<Flags> Complete(Line line) {
  RunOptions* run = &line.flags.run;
  RETURN_IF_ERROR(AddFolders(line, run));
  if (!line.layers.empty()) {
    ASSIGN_OR_RETURN(run->layers, ParseLayers(line.layers));
  }
  if (line.preset == "paper") {
    ASSIGN_OR_RETURN(const checkpoint::Gemma3Config config, checkpoint::LoadConfig(run->model_dir));
    run->settings = training::PaperPreset(config.text.hidden_size);
  }
  for (const auto& change : line.changes) change(&run->settings);
  RETURN_IF_ERROR(training::Validate(run->settings));
  return line.flags;
}

std::string FlagOf(const std::string& field) {
  const auto known = kFlagsOfFields.find(field);
  if (known != kFlagsOfFields.end()) return known->second;
  std::string flag = "--" + field;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

// Fields of prompts are about the data, and no flags.
bool IsAboutFlag(const absl::Status& status) {
  const std::string field = FieldOf(status);
  return !field.empty() && field.rfind("prompt", 0) != 0;
}

}  // namespace

std::string MessageOf(const absl::Status& status) {
  const std::string message(status.message());
  const std::string field = FieldOf(status);
  if (!IsAboutFlag(status) || message.rfind(field + ": ", 0) != 0) return message;
  return FlagOf(field) + message.substr(field.size());
}

int ExitCodeOf(const absl::Status& status) {
  return IsAboutFlag(status) && ReasonOf(status).empty() ? 2 : 1;
}

ParsedFlags ParseFlags(int argc, const char* const* argv) {
  ParsedFlags parsed;
  Line line;
  CLI::App app(kDescription, "cajal-train");
  app.footer(kFooter);
  AddFileFlags(&app, &line);
  AddTranscoderFlags(&app, &line);
  AddOptimiserFlags(&app, &line);
  AddActivationFlags(&app, &line);
  AddRunFlags(&app, &line);
  app.set_config("--config", "", "TOML file that sets the same names: features = 16384")
      ->type_name("FILE");
  app.set_version_flag("--version", std::string("cajal-train ") + CAJAL_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = app.exit(error) == 0 ? 0 : 2;
    return parsed;
  }
  auto flags = Complete(std::move(line));
  if (!flags.ok()) {
    std::fprintf(stderr, "cajal-train: %s\n", MessageOf(flags.status()).c_str());
    parsed.exit_code = ExitCodeOf(flags.status());
    return parsed;
  }
  parsed.flags = *std::move(flags);
  parsed.train = true;
  return parsed;
}

}  // namespace cajal::trainer
