#include "client/cli/edit_flags.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "client/cli/flag_checks.h"
#include "model/checkpoint/file_io.h"

namespace cajal::cli {

const char kPositionHelp[] =
    "POSITION is a position (negative counts from the end), A..B, * for all, or imageI for the "
    "soft tokens of image I; imageI.R.C means row R and column C of them, each a number or *; or "
    "generated for each new token of `cajal generate`";

namespace {

using intervention::FeaturePlace;
using intervention::Operation;
using intervention::OperationKind;
using intervention::PositionKind;
using intervention::Positions;

constexpr int64_t kMaxFileBytes = 256 << 20;

std::vector<std::string> Split(const std::string& text, const std::string& separator) {
  return absl::StrSplit(text, separator);
}

// "image0", "image0.2.*".
std::optional<Positions> ParseImage(const std::string& text) {
  const std::vector<std::string> parts = Split(text.substr(std::string("image").size()), ".");
  Positions positions{.kind = PositionKind::kImage};
  const auto parse_cell = [](const std::string& cell, int32_t* value) {
    return cell == "*" || (absl::SimpleAtoi(cell, value) && *value >= 0);
  };
  if (!absl::SimpleAtoi(parts[0], &positions.image)) return std::nullopt;
  if (parts.size() == 1) return positions;
  const bool has_cell = parts.size() == 3 && parse_cell(parts[1], &positions.row) &&
                        parse_cell(parts[2], &positions.column);
  return has_cell ? std::optional(positions) : std::nullopt;
}

// What an assignment says: "4:-1:17*=2" is "4:-1:17", kScale, "2".
struct Assignment {
  std::string left;
  OperationKind kind = OperationKind::kSet;
  std::string right;
};

std::optional<Assignment> ParseAssignment(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  Assignment assignment{.left = text.substr(0, equals), .right = text.substr(equals + 1)};
  if (assignment.left.back() == '*') assignment.kind = OperationKind::kScale;
  if (assignment.left.back() == '+') assignment.kind = OperationKind::kAdd;
  if (assignment.left.back() == '<') assignment.kind = OperationKind::kAtMost;
  if (assignment.left.back() == '>') assignment.kind = OperationKind::kAtLeast;
  if (assignment.kind != OperationKind::kSet) assignment.left.pop_back();
  return assignment;
}

std::optional<Operation> ParseOperation(const Assignment& assignment) {
  Operation operation{.kind = assignment.kind};
  return absl::SimpleAtof(assignment.right, &operation.value) ? std::optional(operation)
                                                              : std::nullopt;
}

absl::Status Malformed(const std::string& flag, const std::string& form, const std::string& text) {
  return UsageError(absl::StrCat(flag, ": must be ", form, "; got '", text, "'"));
}

absl::Status AddSet(const std::string& text, const std::string& flag, client::EditSet* set) {
  const std::optional<Assignment> assignment = ParseAssignment(text);
  const std::optional<FeaturePlace> place =
      assignment ? ParseFeaturePlace(assignment->left) : std::nullopt;
  const std::optional<Operation> operation =
      assignment ? ParseOperation(*assignment) : std::nullopt;
  if (!place || !operation) {
    return Malformed(
        flag, "LAYER:POSITION:FEATURE=VALUE, or with *=FACTOR, +=DELTA, <=MOST or >=LEAST", text);
  }
  set->features.push_back({place->layer, place->feature, place->positions, *operation});
  return absl::OkStatus();
}

absl::Status AddAblation(const std::string& text, const std::string& flag, client::EditSet* set) {
  const std::optional<FeaturePlace> place = ParseFeaturePlace(text);
  if (!place) return Malformed(flag, "LAYER:POSITION:FEATURE", text);
  set->features.push_back({place->layer, place->feature, place->positions, {}});
  return absl::OkStatus();
}

absl::Status AddSupernode(const std::string& text, const std::string& flag, client::EditSet* set) {
  const std::optional<Assignment> assignment = ParseAssignment(text);
  const std::optional<Operation> operation =
      assignment ? ParseOperation(*assignment) : std::nullopt;
  const size_t slash = operation ? assignment->left.find('/') : std::string::npos;
  if (slash == std::string::npos || slash == 0) {
    return Malformed(flag, "GRAPH/NAME=VALUE or GRAPH/NAME@POSITION=VALUE", text);
  }
  client::SupernodeEdit edit{.graph = ResourceName("graphs", assignment->left.substr(0, slash)),
                             .supernode = assignment->left.substr(slash + 1),
                             .operation = *operation};
  if (const size_t at = edit.supernode.rfind('@'); at != std::string::npos) {
    edit.positions = ParsePositions(edit.supernode.substr(at + 1));
    if (edit.positions.has_value()) edit.supernode.resize(at);
  }
  set->supernodes.push_back(std::move(edit));
  return absl::OkStatus();
}

absl::StatusOr<nlohmann::json> ReadJson(const std::string& flag, const std::string& path) {
  const absl::StatusOr<std::string> text = checkpoint::ReadFile(path, kMaxFileBytes);
  if (!text.ok()) {
    return UsageError(absl::StrCat(flag, ": ", std::string(text.status().message())));
  }
  auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return UsageError(absl::StrCat(flag, ": ", path, " is no JSON"));
  return json;
}

// "donor", "donor:POSITION" or a file with a JSON list of numbers; each may have "FACTOR*" before
// it.
absl::Status ParseSource(const std::string& flag, std::string source, const Positions& positions,
                         intervention::HookEdit* edit) {
  if (const size_t star = source.find('*'); star != std::string::npos) {
    if (absl::SimpleAtof(source.substr(0, star), &edit->strength)) source.erase(0, star + 1);
  }
  if (source == "donor" || absl::StartsWith(source, "donor:")) {
    edit->from_donor = true;
    edit->donor_positions = positions;
    if (source == "donor") return absl::OkStatus();
    const std::optional<Positions> parsed = ParsePositions(source.substr(6));
    if (!parsed) return Malformed(flag, "donor:POSITION", source);
    edit->donor_positions = *parsed;
    return absl::OkStatus();
  }
  const absl::StatusOr<nlohmann::json> json = ReadJson(flag, source);
  if (!json.ok()) return json.status();
  const auto is_number = [](const nlohmann::json& item) { return item.is_number(); };
  if (!json->is_array() || !std::all_of(json->begin(), json->end(), is_number)) {
    return UsageError(absl::StrCat(flag, ": ", source, " must hold a JSON list of numbers"));
  }
  edit->vector = json->get<std::vector<float>>();
  return absl::OkStatus();
}

absl::Status AddHook(const std::string& text, const std::string& flag, client::EditSet* set) {
  constexpr char kForm[] =
      "NAME:POSITION=SOURCE or NAME:POSITION+=SOURCE; SOURCE is a file with a JSON list of "
      "numbers, donor, or donor:POSITION, with FACTOR* before it if wanted";
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return Malformed(flag, kForm, text);
  std::string left = text.substr(0, equals);
  intervention::HookEdit edit{.add = left.back() == '+'};
  if (edit.add) left.pop_back();
  const size_t colon = left.rfind(':');
  const std::optional<Positions> positions =
      colon == std::string::npos ? std::nullopt : ParsePositions(left.substr(colon + 1));
  if (!positions) return Malformed(flag, kForm, text);
  edit.hook = left.substr(0, colon);
  edit.positions = *positions;
  if (absl::Status source = ParseSource(flag, text.substr(equals + 1), *positions, &edit);
      !source.ok()) {
    return source;
  }
  set->hooks.push_back(std::move(edit));
  return absl::OkStatus();
}

using AddEdit = absl::Status (*)(const std::string&, const std::string&, client::EditSet*);
struct EditForm {
  const char* name;
  AddEdit add;
};
constexpr EditForm kForms[] = {
    {"set", AddSet}, {"ablate", AddAblation}, {"supernode", AddSupernode}, {"hook", AddHook}};

absl::Status AddAll(const std::vector<std::string>& texts, const std::string& flag,
                    const AddEdit& add, client::EditSet* set) {
  for (const std::string& text : texts) {
    if (absl::Status status = add(text, flag, set); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// {"label": "…", "set": ["4:-1:17=0"], …}.
absl::StatusOr<client::EditSet> ParseSet(const nlohmann::json& json, const std::string& place) {
  const absl::Status malformed = UsageError(absl::StrCat(
      place,
      R"( must be like {"label": "…", "set": ["4:-1:17=0"], "ablate": ["5:*:2"]}, with the )",
      "flags' texts in lists; its keys are label, set, ablate, supernode and hook"));
  if (!json.is_object()) return malformed;
  client::EditSet set;
  for (const auto& [key, value] : json.items()) {
    if (key == "label" && value.is_string()) {
      set.label = value;
      continue;
    }
    const auto* form = std::find_if(std::begin(kForms), std::end(kForms),
                                    [&key = key](const EditForm& f) { return key == f.name; });
    const auto is_text = [](const nlohmann::json& item) { return item.is_string(); };
    if (form == std::end(kForms) || !value.is_array() ||
        !std::all_of(value.begin(), value.end(), is_text)) {
      return malformed;
    }
    const absl::Status added = AddAll(value.get<std::vector<std::string>>(),
                                      absl::StrCat(place, ".", key), form->add, &set);
    if (!added.ok()) return added;
  }
  return set;
}

}  // namespace

std::optional<Positions> ParsePositions(const std::string& text) {
  if (text == "*") return Positions{.kind = PositionKind::kAll};
  if (text == "generated") return Positions{.kind = PositionKind::kGenerated};
  if (absl::StartsWith(text, "image")) return ParseImage(text);
  const std::vector<std::string> ends = Split(text, "..");
  Positions positions;
  const bool is_range = ends.size() <= 2 && absl::SimpleAtoi(ends.front(), &positions.first) &&
                        absl::SimpleAtoi(ends.back(), &positions.last);
  return is_range ? std::optional(positions) : std::nullopt;
}

std::optional<FeaturePlace> ParseFeaturePlace(const std::string& text) {
  const std::vector<std::string> parts = Split(text, ":");
  if (parts.size() != 3) return std::nullopt;
  const std::optional<Positions> positions = ParsePositions(parts[1]);
  FeaturePlace place;
  if (!positions || !absl::SimpleAtoi(parts[0], &place.layer) ||
      !absl::SimpleAtoi(parts[2], &place.feature)) {
    return std::nullopt;
  }
  place.positions = *positions;
  return place;
}

void AddEditFlags(CLI::App* app, EditFlags* flags) {
  app->add_option("--set", flags->set,
                  absl::StrCat("LAYER:POSITION:FEATURE=VALUE sets a feature's activation, *=FACTOR "
                               "scales it, +=DELTA adds to it, <=MOST and >=LEAST keep it within a "
                               "bound; repeat the flag for more. ",
                               kPositionHelp))
      ->type_name("EDIT")
      ->allow_extra_args(false);
  app->add_option("--ablate", flags->ablate, "LAYER:POSITION:FEATURE, the same as =0; repeat")
      ->type_name("PLACE")
      ->allow_extra_args(false);
  app->add_option(
         "--supernode", flags->supernode,
         "GRAPH/NAME=VALUE (also *=, +=, <= and >=) edits all features of a supernode of a stored "
         "graph where they are in it; GRAPH/NAME@POSITION=VALUE elsewhere; repeat")
      ->type_name("EDIT")
      ->allow_extra_args(false);
  app->add_option("--hook", flags->hook,
                  "NAME:POSITION=SOURCE replaces the tensor at a hook point, += adds to it. SOURCE "
                  "is a file with a JSON list of d_model numbers, donor, or donor:POSITION; "
                  "FACTOR* before it scales the change; repeat")
      ->type_name("EDIT")
      ->allow_extra_args(false);
  app->add_option("--edits", flags->edits,
                  "JSON file with more sets of edits, which run beside: a list of {\"label\": …, "
                  "\"set\": […], \"ablate\": […], \"supernode\": […], \"hook\": […]} with texts "
                  "as above")
      ->type_name("FILE");
}

void AddRunFlags(CLI::App* app, RunFlags* flags) {
  app->add_option("--freeze", flags->freeze,
                  "What is held at the clean run's values: none; attention (its patterns); "
                  "layers=A-B (those, and the MLP outputs of layers A to B); all (and the norms' "
                  "scales: exact direct effects)")
      ->type_name("none|attention|layers=A-B|all")
      ->capture_default_str();
  app->add_option("--baseline", flags->baseline,
                  "The run whose activation an edit starts from: clean, running, or auto: clean "
                  "when MLP outputs are frozen, else running")
      ->check(CLI::IsMember({"auto", "clean", "running"}))
      ->capture_default_str();
  AddActivationFlags(app, flags);
}

void AddActivationFlags(CLI::App* app, RunFlags* flags) {
  app->add_flag("--plain-relu", flags->plain_relu,
                "Start from ReLU of the pre-activation, without TopK or threshold, as the paper's "
                "code does");
  app->add_option("--zero-positions", flags->zero_positions,
                  "Leading positions where activations count as 0 [default: the transcoders']")
      ->type_name("N")
      ->check(AtLeast(0));
}

absl::StatusOr<std::vector<client::EditSet>> MakeEditSets(const EditFlags& flags) {
  client::EditSet given;
  const std::vector<std::string>* texts[] = {&flags.set, &flags.ablate, &flags.supernode,
                                             &flags.hook};
  for (size_t i = 0; i < std::size(kForms); ++i) {
    const absl::Status added =
        AddAll(*texts[i], absl::StrCat("--", kForms[i].name), kForms[i].add, &given);
    if (!added.ok()) return added;
  }
  std::vector<client::EditSet> sets;
  if (!given.features.empty() || !given.supernodes.empty() || !given.hooks.empty()) {
    sets.push_back(std::move(given));
  }
  if (!flags.edits.empty()) {
    const absl::StatusOr<nlohmann::json> json = ReadJson("--edits", flags.edits);
    if (!json.ok()) return json.status();
    if (!json->is_array()) {
      return UsageError(absl::StrCat("--edits: ", flags.edits, " must hold a list of edit sets"));
    }
    for (size_t i = 0; i < json->size(); ++i) {
      absl::StatusOr<client::EditSet> set =
          ParseSet((*json)[i], absl::StrCat("--edits: ", flags.edits, "[", i, "]"));
      if (!set.ok()) return set.status();
      sets.push_back(*std::move(set));
    }
  }
  return sets;
}

absl::StatusOr<intervention::RunSettings> MakeRunSettings(const RunFlags& flags) {
  using intervention::FreezeKind;
  intervention::RunSettings settings{.plain_relu_baseline = flags.plain_relu};
  constexpr char kLayers[] = "layers=";
  if (flags.freeze == "attention") {
    settings.freeze.kind = FreezeKind::kAttention;
  } else if (flags.freeze == "all") {
    settings.freeze.kind = FreezeKind::kAll;
  } else if (absl::StartsWith(flags.freeze, kLayers)) {
    const std::optional<LayerRange> range =
        ParseLayers(flags.freeze.substr(std::string(kLayers).size()));
    if (!range) return Malformed("--freeze", "none, attention, layers=A-B or all", flags.freeze);
    settings.freeze = {FreezeKind::kLayers, range->first, range->last};
  } else if (flags.freeze != "none") {
    return Malformed("--freeze", "none, attention, layers=A-B or all", flags.freeze);
  }
  if (flags.baseline == "clean") settings.baseline = intervention::Baseline::kClean;
  if (flags.baseline == "running") settings.baseline = intervention::Baseline::kRunning;
  if (flags.zero_positions >= 0) settings.zero_positions = flags.zero_positions;
  return settings;
}

}  // namespace cajal::cli
