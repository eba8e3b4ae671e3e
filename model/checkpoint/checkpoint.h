// A Gemma 3 checkpoint folder: config plus all tensors under canonical names.
//
// Tensors come in several name layouts for the same model (hub files, in-memory names of several
// Transformers releases, text-only files). Here each has one name, without leading "model.":
//   language_model.embed_tokens.weight, language_model.layers.{i}.self_attn.q_proj.weight, …,
//   language_model.norm.weight, lm_head.weight (only when not tied)
//   vision_tower.embeddings.patch_embedding.weight, vision_tower.encoder.layers.{i}.…,
//   vision_tower.post_layernorm.{weight,bias}
//   multi_modal_projector.mm_input_projection_weight, multi_modal_projector.mm_soft_emb_norm.weight
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/checkpoint/config.h"
#include "model/checkpoint/safetensors.h"
#include "model/checkpoint/tensor_names.h"

namespace cajal::checkpoint {

class Checkpoint {
 public:
  // Reads model.safetensors, or else model.safetensors.index.json with its shards, or else the only
  // *.safetensors of the folder; checks every expected tensor's presence, shape and type (BF16,
  // F16, F32). Errors name the file, the tensor and what is wrong. Finite values are checked when
  // the weights are put on the device, not here.
  static absl::StatusOr<Checkpoint> Open(const std::string& dir);

  [[nodiscard]] const Gemma3Config& config() const { return config_; }
  [[nodiscard]] const std::string& dir() const { return dir_; }

  // Aborts when `canonical_name` is not among ExpectedTensors: Open has checked those.
  [[nodiscard]] const TensorView& Get(const std::string& canonical_name) const;
  // The file that a tensor came from, for messages.
  [[nodiscard]] const std::string& FileOf(const std::string& canonical_name) const;

  // Oddities worth a log line: unknown tensors, an ignored lm_head, a total_size that disagrees.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Entry {
    TensorView view;
    std::string source_name;  // the name in its file
    std::string file;
  };

  Checkpoint() = default;
  absl::Status AddFile(const std::string& path, const std::set<std::string>* expected_names);
  absl::Status AddShards(const std::string& index_path);
  absl::Status CheckTensors();
  [[nodiscard]] const Entry& Find(const std::string& canonical_name) const;

  std::string dir_;
  Gemma3Config config_;
  std::map<std::string, Entry> entries_;  // by canonical name
  std::vector<std::string> warnings_;
};

}  // namespace cajal::checkpoint
