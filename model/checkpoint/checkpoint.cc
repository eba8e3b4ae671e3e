#include "model/checkpoint/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/check.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/json.h"

namespace cajal::checkpoint {
namespace {

constexpr int64_t kMaxIndexBytes = 256 << 20;
constexpr size_t kMaxNamesInWarning = 5;

// The only *.safetensors of a folder that has neither of the usual names.
absl::StatusOr<std::string> OnlySafetensorsFile(const std::string& dir) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    if (entry.path().extension() == ".safetensors") found.push_back(entry.path().string());
  }
  if (found.size() == 1) return found.front();
  return absl::NotFoundError(absl::StrCat(
      dir, ": holds neither model.safetensors nor model.safetensors.index.json, and ", found.size(),
      " other .safetensors files; weights in other formats must be converted to safetensors"));
}

bool IsPlainFileName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\\') == std::string::npos && name.find('\0') == std::string::npos;
}

// The names that the index assigns to each shard.
absl::StatusOr<std::map<std::string, std::set<std::string>>> NamesByShard(
    const nlohmann::json& index, const std::string& index_path) {
  const auto weight_map = index.find("weight_map");
  if (weight_map == index.end() || !weight_map->is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(index_path, ": weight_map is no object"));
  }
  std::map<std::string, std::set<std::string>> names;
  for (const auto& [tensor, file] : weight_map->items()) {
    if (!file.is_string() || !IsPlainFileName(file.get<std::string>())) {
      return absl::InvalidArgumentError(absl::StrCat(index_path, ": tensor ", Quoted(tensor),
                                                     " is assigned to ", file.dump().substr(0, 200),
                                                     ", which is no plain file name"));
    }
    names[file.get<std::string>()].insert(tensor);
  }
  return names;
}

// A pooling head, which towers saved by others have and Gemma 3 does not use.
bool IsHarmless(const std::string& canonical_name) {
  return absl::StartsWith(canonical_name, "vision_tower.head.");
}

}  // namespace

absl::StatusOr<Checkpoint> Checkpoint::Open(const std::string& dir) {
  Checkpoint checkpoint;
  checkpoint.dir_ = dir;
  ASSIGN_OR_RETURN(checkpoint.config_, LoadConfig(dir));
  const std::string single = dir + "/model.safetensors";
  const std::string index = dir + "/model.safetensors.index.json";
  if (FileExists(single)) {
    RETURN_IF_ERROR(checkpoint.AddFile(single, nullptr));
  } else if (FileExists(index)) {
    RETURN_IF_ERROR(checkpoint.AddShards(index));
  } else {
    ASSIGN_OR_RETURN(const std::string path, OnlySafetensorsFile(dir));
    RETURN_IF_ERROR(checkpoint.AddFile(path, nullptr));
  }
  RETURN_IF_ERROR(checkpoint.CheckTensors());
  return checkpoint;
}

absl::Status Checkpoint::AddShards(const std::string& index_path) {
  ASSIGN_OR_RETURN(const nlohmann::json index, LoadJsonObject(index_path, kMaxIndexBytes));
  ASSIGN_OR_RETURN(const auto names_by_shard, NamesByShard(index, index_path));
  for (const auto& [file, names] : names_by_shard) {
    RETURN_IF_ERROR(AddFile(dir_ + "/" + file, &names));
  }
  const nlohmann::json total =
      index.value(nlohmann::json::json_pointer("/metadata/total_size"), nlohmann::json());
  int64_t sum = 0;
  for (const auto& [name, entry] : entries_) sum += entry.view.size_bytes;
  if (total.is_number() && total != sum) {
    warnings_.push_back(absl::StrCat(index_path, ": states a total_size of ", total.dump(),
                                     " bytes, but the tensors have ", sum));
  }
  return absl::OkStatus();
}

// `expected_names`: what the file must hold, neither more nor less; nullptr when anything goes.
absl::Status Checkpoint::AddFile(const std::string& path,
                                 const std::set<std::string>* expected_names) {
  ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(path));
  if (expected_names != nullptr) {
    for (const std::string& name : *expected_names) {
      if (file->Find(name) == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat(path, ": lacks tensor ", Quoted(name), ", which the index assigns to it"));
      }
    }
  }
  for (const auto& [name, view] : file->tensors()) {
    if (expected_names != nullptr && !expected_names->contains(name)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": holds tensor ", Quoted(name),
                                                     ", which the index does not assign to it"));
    }
    const std::string canonical = CanonicalName(name);
    const auto [it, inserted] = entries_.emplace(canonical, Entry{view, name, path});
    if (!inserted) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": tensor ", Quoted(name), " and tensor ", Quoted(it->second.source_name), " of ",
          it->second.file, " are two names for ", canonical));
    }
  }
  return absl::OkStatus();
}

absl::Status Checkpoint::CheckTensors() {
  std::set<std::string> known;
  for (const ExpectedTensor& expected : ExpectedTensors(config_)) {
    const auto it = entries_.find(expected.name);
    if (it == entries_.end()) {
      return absl::InvalidArgumentError(absl::StrCat(dir_, ": tensor ", expected.name, " ",
                                                     ShapeString(expected.shape),
                                                     " is missing, which config.json demands"));
    }
    const TensorView& view = it->second.view;
    const std::string where = absl::StrCat(it->second.file, ": tensor ", Quoted(view.name));
    if (view.shape != expected.shape) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, " has the shape ", ShapeString(view.shape), "; config.json demands ",
                       ShapeString(expected.shape)));
    }
    if (view.type != ElementType::kBF16 && view.type != ElementType::kF16 &&
        view.type != ElementType::kF32) {
      return absl::InvalidArgumentError(absl::StrCat(
          where, " has the type ", ElementName(view.type), "; BF16, F16 or F32 is expected"));
    }
    known.insert(expected.name);
  }
  if (config_.text.tie_word_embeddings && entries_.contains("lm_head.weight")) {
    known.insert("lm_head.weight");
    warnings_.push_back(absl::StrCat(Find("lm_head.weight").file,
                                     ": lm_head.weight is ignored, because config.json ties the "
                                     "unembedding to the embedding"));
  }
  std::vector<std::string> unknown;
  for (const auto& [name, entry] : entries_) {
    if (!known.contains(name) && !IsHarmless(name)) unknown.push_back(Quoted(entry.source_name));
  }
  if (!unknown.empty()) {
    const size_t n = std::min(unknown.size(), kMaxNamesInWarning);
    warnings_.push_back(absl::StrCat(
        dir_, ": ", unknown.size(), " unknown tensors are ignored: ",
        absl::StrJoin(unknown.begin(), unknown.begin() + static_cast<std::ptrdiff_t>(n), ", "),
        unknown.size() > n ? ", …" : ""));
  }
  return absl::OkStatus();
}

const Checkpoint::Entry& Checkpoint::Find(const std::string& canonical_name) const {
  const auto it = entries_.find(canonical_name);
  CAJAL_CHECK(it != entries_.end()) << "the checkpoint has no tensor " << canonical_name;
  return it->second;
}

const TensorView& Checkpoint::Get(const std::string& canonical_name) const {
  return Find(canonical_name).view;
}

const std::string& Checkpoint::FileOf(const std::string& canonical_name) const {
  return Find(canonical_name).file;
}

}  // namespace cajal::checkpoint
