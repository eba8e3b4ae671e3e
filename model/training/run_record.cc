#include "model/training/run_record.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/training/content_hash.h"
#include "model/training/learning_rate.h"
#include "model/transcoder/transcoder_set.h"

namespace cajal::training {
namespace {

using nlohmann::ordered_json;

const char* Name(DecoderStart start) { return start == DecoderStart::kZero ? "zero" : "tied"; }

const char* Name(Decay decay) {
  switch (decay) {
    case Decay::kNone:
      return "none";
    case Decay::kLinear:
      return "linear";
    case Decay::kCosine:
      return "cosine";
  }
  return "";
}

ordered_json Settings(const RunOptions& options, int64_t block_tokens) {
  const TrainingSettings& s = options.settings;
  return {
      {"n_features", s.n_features},
      {"k", s.k},
      {"skip_connection", s.skip_connection},
      {"decoder_start", Name(s.decoder_start)},
      {"tied_decoder_scale", s.tied_decoder_scale},
      {"auxk_coefficient", s.auxk_coefficient},
      {"k_aux", s.k_aux},
      {"dead_after_tokens", s.dead_after_tokens},
      {"learning_rate", PeakLearningRate(s)},
      {"beta1", s.beta1},
      {"beta2", s.beta2},
      {"epsilon", s.epsilon},
      {"weight_decay", s.weight_decay},
      {"gradient_clip_norm", s.gradient_clip_norm},
      {"warm_up_steps", s.warm_up_steps},
      {"decay", Name(s.decay)},
      {"decay_start", s.decay_start},
      {"batch_tokens", s.batch_tokens},
      {"steps", s.steps},
      {"seed", s.seed},
      {"model_dtype", FloatTypeName(options.dtype)},
      {"export_dtype", FloatTypeName(options.export_dtype)},
      {"feature_input_hook", transcoder::SiteNameInBlock(gemma3::HookSite::kMlpIn)},
      {"feature_output_hook", transcoder::SiteNameInBlock(options.output_site)},
      {"context", options.context},
      {"skip_positions", options.skip_positions},
      {"block_tokens", block_tokens},
  };
}

void Compare(const std::string& key, const ordered_json& before, const ordered_json& now,
             std::vector<std::string>* differences) {
  if (before.is_structured() && now.is_structured()) {
    const ordered_json a = before.flatten();
    const ordered_json b = now.flatten();
    for (const auto& [path, value] : a.items()) {
      Compare(absl::StrCat(key, path), value, b.value(path, ordered_json()), differences);
    }
    for (const auto& [path, value] : b.items()) {
      if (!a.contains(path)) Compare(absl::StrCat(key, path), nullptr, value, differences);
    }
  } else if (before != now) {
    differences->push_back(absl::StrCat(key, " was ", before.dump(), " and is now ", now.dump()));
  }
}

}  // namespace

absl::StatusOr<ordered_json> MakeRunRecord(const RunOptions& options,
                                           const checkpoint::Gemma3Config& config,
                                           int64_t block_tokens) {
  ordered_json record;
  ASSIGN_OR_RETURN(std::string hash, Sha256OfModelFolder(options.model_dir));
  record["model"] = {{"name", config.model_name}, {"sha256", hash}};
  record["data"] = ordered_json::array();
  for (const corpus::WeightedFolder& folder : options.data) {
    ASSIGN_OR_RETURN(hash, Sha256OfDataFolder(folder.dir));
    record["data"].push_back({{"sha256", hash}, {"weight", folder.weight}});
  }
  record["held_out"] = ordered_json::array();
  for (const std::string& dir : options.held_out_dirs) {
    ASSIGN_OR_RETURN(hash, Sha256OfDataFolder(dir));
    record["held_out"].push_back({{"sha256", hash}, {"at_most_tokens", options.held_out_tokens}});
  }
  record["settings"] = Settings(options, block_tokens);
  return record;
}

absl::Status CheckSameRecord(const ordered_json& before, const ordered_json& now,
                             const std::string& what) {
  std::vector<std::string> differences;
  for (const char* part : {"model", "data", "held_out", "settings"}) {
    Compare(part, before.value(part, ordered_json()), now.value(part, ordered_json()),
            &differences);
  }
  if (differences.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(what, ": ", absl::StrJoin(differences, "; ")));
}

}  // namespace cajal::training
