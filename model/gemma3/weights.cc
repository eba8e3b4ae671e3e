#include "model/gemma3/weights.h"

#include <ATen/ATen.h>

#include "model/base/status.h"
#include "model/gemma3/mapped_tensor.h"

namespace cajal::gemma3 {
namespace {

// Reads tensors below one prefix and remembers the first error, so that the structs above can be
// filled line by line.
class Reader {
 public:
  Reader(const checkpoint::Checkpoint& checkpoint, const Placement& placement, std::string prefix)
      : checkpoint_(checkpoint), placement_(placement), prefix_(std::move(prefix)) {}

  at::Tensor Read(const std::string& name, const Placement& placement) {
    const std::string full_name = prefix_ + name;
    auto tensor = MapTensor(checkpoint_.Get(full_name), placement);
    if (tensor.ok()) return *std::move(tensor);
    if (status_.ok()) status_ = WithContext(tensor.status(), checkpoint_.FileOf(full_name));
    return {};
  }
  at::Tensor Weight(const std::string& name) { return Read(name + ".weight", placement_); }
  LinearWeights Linear(const std::string& name) {
    return {Read(name + ".weight", placement_), Read(name + ".bias", placement_)};
  }
  // 1 + weight, in float32.
  at::Tensor Gain(const std::string& name) {
    const at::Tensor weight = Read(name + ".weight", {placement_.device, at::kFloat});
    return weight.defined() ? weight + 1 : weight;
  }

  [[nodiscard]] const absl::Status& status() const { return status_; }

 private:
  const checkpoint::Checkpoint& checkpoint_;
  const Placement placement_;
  const std::string prefix_;
  absl::Status status_;
};

absl::StatusOr<BlockWeights> ReadBlock(Reader reader) {
  BlockWeights block{
      .input_gain = reader.Gain("input_layernorm"),
      .post_attn_gain = reader.Gain("post_attention_layernorm"),
      .pre_mlp_gain = reader.Gain("pre_feedforward_layernorm"),
      .post_mlp_gain = reader.Gain("post_feedforward_layernorm"),
      .attn = {.q_proj = reader.Weight("self_attn.q_proj"),
               .k_proj = reader.Weight("self_attn.k_proj"),
               .v_proj = reader.Weight("self_attn.v_proj"),
               .o_proj = reader.Weight("self_attn.o_proj"),
               .q_gain = reader.Gain("self_attn.q_norm"),
               .k_gain = reader.Gain("self_attn.k_norm")},
      .mlp = {.gate_proj = reader.Weight("mlp.gate_proj"),
              .up_proj = reader.Weight("mlp.up_proj"),
              .down_proj = reader.Weight("mlp.down_proj")},
  };
  RETURN_IF_ERROR(reader.status());
  return block;
}

absl::StatusOr<VisionBlockWeights> ReadVisionBlock(Reader reader) {
  VisionBlockWeights block{
      .layer_norm1 = reader.Linear("layer_norm1"),
      .layer_norm2 = reader.Linear("layer_norm2"),
      .q_proj = reader.Linear("self_attn.q_proj"),
      .k_proj = reader.Linear("self_attn.k_proj"),
      .v_proj = reader.Linear("self_attn.v_proj"),
      .out_proj = reader.Linear("self_attn.out_proj"),
      .fc1 = reader.Linear("mlp.fc1"),
      .fc2 = reader.Linear("mlp.fc2"),
  };
  RETURN_IF_ERROR(reader.status());
  return block;
}

}  // namespace

absl::StatusOr<ModelWeights> LoadWeights(const checkpoint::Checkpoint& checkpoint,
                                         const Placement& placement, RunContext* context) {
  const checkpoint::Gemma3Config& config = checkpoint.config();
  const int64_t n_vision = config.vision.has_value() ? config.vision->num_hidden_layers : 0;
  context->BeginPhase("load", config.text.num_hidden_layers + n_vision);
  int64_t done = 0;

  ModelWeights weights{.placement = placement};
  Reader language(checkpoint, placement, "language_model.");
  weights.decoder.embedding = language.Weight("embed_tokens");
  weights.decoder.final_gain = language.Gain("norm");
  RETURN_IF_ERROR(language.status());
  weights.decoder.unembedding = weights.decoder.embedding;
  if (!config.text.tie_word_embeddings) {
    Reader head(checkpoint, placement, "");
    weights.decoder.unembedding = head.Weight("lm_head");
    RETURN_IF_ERROR(head.status());
  }
  for (int64_t layer = 0; layer < config.text.num_hidden_layers; ++layer) {
    ASSIGN_OR_RETURN(BlockWeights block,
                     ReadBlock(Reader(checkpoint, placement,
                                      "language_model.layers." + std::to_string(layer) + ".")));
    weights.decoder.blocks.push_back(std::move(block));
    context->Advance(++done);
    RETURN_IF_ERROR(context->CheckStop());
  }
  if (!config.vision.has_value()) return weights;

  Reader tower(checkpoint, placement, "vision_tower.");
  VisionWeights vision;
  vision.patch_embedding = tower.Linear("embeddings.patch_embedding");
  vision.position_embedding = tower.Weight("embeddings.position_embedding");
  vision.post_layernorm = tower.Linear("post_layernorm");
  RETURN_IF_ERROR(tower.status());
  for (int64_t layer = 0; layer < n_vision; ++layer) {
    ASSIGN_OR_RETURN(
        VisionBlockWeights block,
        ReadVisionBlock(Reader(checkpoint, placement,
                               "vision_tower.encoder.layers." + std::to_string(layer) + ".")));
    vision.blocks.push_back(std::move(block));
    context->Advance(++done);
    RETURN_IF_ERROR(context->CheckStop());
  }
  weights.vision = std::move(vision);

  Reader projector(checkpoint, placement, "multi_modal_projector.");
  weights.projector = ProjectorWeights{
      .soft_emb_gain = projector.Gain("mm_soft_emb_norm"),
      .projection = projector.Read("mm_input_projection_weight", placement),
  };
  RETURN_IF_ERROR(projector.status());
  return weights;
}

}  // namespace cajal::gemma3
