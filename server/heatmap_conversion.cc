#include "server/heatmap_conversion.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/status.h"
#include "server/job_conversion.h"
#include "server/node_conversion.h"
#include "server/prompt_conversion.h"
#include "server/request_conversion.h"

namespace cajal::server {
namespace {

constexpr int32_t kDefaultLastLayers = 4;
constexpr int32_t kLeastSide = 16;
constexpr int32_t kMostSide = 4096;

absl::StatusOr<rollout::Method> MethodFromProto(v1::RolloutMethod method) {
  switch (method) {
    case v1::ROLLOUT_METHOD_UNSPECIFIED:
    case v1::ROLLOUT_METHOD_ROLLOUT:
      return rollout::Method::kRollout;
    case v1::ROLLOUT_METHOD_ATTENTION:
      return rollout::Method::kAttention;
    case v1::ROLLOUT_METHOD_SIMILARITY:
      return rollout::Method::kSimilarity;
    default:
      return InvalidField("settings.method", "is none of the listed methods");
  }
}

absl::StatusOr<rollout::Pooling> PoolingFromProto(v1::RolloutPooling pooling) {
  switch (pooling) {
    case v1::ROLLOUT_POOLING_UNSPECIFIED:
    case v1::ROLLOUT_POOLING_MAX:
      return rollout::Pooling::kMax;
    case v1::ROLLOUT_POOLING_MEAN:
      return rollout::Pooling::kMean;
    default:
      return InvalidField("settings.pooling", "is neither max nor mean");
  }
}

absl::StatusOr<image::ColorMap> ColorsFromProto(v1::HeatmapColors colors) {
  switch (colors) {
    case v1::HEATMAP_COLORS_UNSPECIFIED:
    case v1::HEATMAP_COLORS_RELEASED:
      return image::ColorMap::kReleased;
    case v1::HEATMAP_COLORS_GRAY:
      return image::ColorMap::kGray;
    case v1::HEATMAP_COLORS_VIRIDIS:
      return image::ColorMap::kViridis;
    case v1::HEATMAP_COLORS_INFERNO:
      return image::ColorMap::kInferno;
    case v1::HEATMAP_COLORS_MAGMA:
      return image::ColorMap::kMagma;
    case v1::HEATMAP_COLORS_CIVIDIS:
      return image::ColorMap::kCividis;
    case v1::HEATMAP_COLORS_TURBO:
      return image::ColorMap::kTurbo;
    default:
      return InvalidField("pictures.colors", "is none of the listed colours");
  }
}

absl::StatusOr<rollout::RolloutSettings> SettingsFromProto(const v1::RolloutSettings& proto,
                                                           int32_t n_vision_layers) {
  rollout::RolloutSettings settings;
  ASSIGN_OR_RETURN(settings.method, MethodFromProto(proto.method()));
  ASSIGN_OR_RETURN(settings.pooling, PoolingFromProto(proto.pooling()));
  settings.last_layers = proto.has_last_layers()
                             ? proto.last_layers()
                             : std::clamp(n_vision_layers, 1, kDefaultLastLayers);
  if (proto.has_head_fraction()) settings.head_fraction = proto.head_fraction();
  if (proto.has_layer()) settings.layer = proto.layer();
  settings.head = proto.head();
  return settings;
}

v1::RolloutSettings ToProto(const rollout::RolloutSettings& settings) {
  v1::RolloutSettings proto;
  switch (settings.method) {
    case rollout::Method::kRollout:
      proto.set_method(v1::ROLLOUT_METHOD_ROLLOUT);
      proto.set_last_layers(settings.last_layers);
      proto.set_head_fraction(settings.head_fraction);
      break;
    case rollout::Method::kAttention:
      proto.set_method(v1::ROLLOUT_METHOD_ATTENTION);
      proto.set_layer(settings.layer);
      proto.set_head(settings.head);
      break;
    case rollout::Method::kSimilarity:
      proto.set_method(v1::ROLLOUT_METHOD_SIMILARITY);
      break;
  }
  proto.set_pooling(settings.pooling == rollout::Pooling::kMax ? v1::ROLLOUT_POOLING_MAX
                                                               : v1::ROLLOUT_POOLING_MEAN);
  return proto;
}

absl::StatusOr<HeatmapOptions> PicturesFromProto(const v1::HeatmapPictures& proto) {
  HeatmapOptions options{.maps = proto.maps(), .sheet = proto.sheet(), .legend = proto.legend()};
  ASSIGN_OR_RETURN(options.style.color_map, ColorsFromProto(proto.colors()));
  if (proto.has_opacity()) options.style.opacity = proto.opacity();
  if (!(options.style.opacity >= 0 && options.style.opacity <= 1)) {
    return InvalidField("pictures.opacity", "must be from 0 to 1");
  }
  if (proto.has_clip_top_percent()) options.style.clip_top_percent = proto.clip_top_percent();
  if (!(options.style.clip_top_percent >= 0 && options.style.clip_top_percent < 100)) {
    return InvalidField("pictures.clip_top_percent", "must be from 0 to below 100");
  }
  if (proto.has_max_side()) options.max_side = proto.max_side();
  if (options.max_side < kLeastSide || options.max_side > kMostSide) {
    return InvalidField("pictures.max_side",
                        absl::StrCat("is ", options.max_side, "; must be from ", kLeastSide, " to ",
                                     kMostSide, " pixels"));
  }
  return options;
}

v1::RolloutImage ImageToProto(const rollout::ImageMaps& maps, const corpus::ImageView& view) {
  v1::RolloutImage proto;
  proto.set_image(maps.image);
  proto.set_crop(maps.crop);
  proto.set_begin(maps.begin);
  proto.set_width(static_cast<int32_t>(view.width));
  proto.set_height(static_cast<int32_t>(view.height));
  for (const int64_t side : {view.box.left, view.box.top, view.box.width, view.box.height}) {
    proto.add_box(static_cast<int32_t>(side));
  }
  proto.mutable_tokens()->Add(maps.tokens.begin(), maps.tokens.end());
  for (const rollout::LayerHeads& heads : maps.layers) {
    v1::VisionLayerHeads* layer = proto.add_layers();
    layer->set_layer(heads.layer);
    layer->mutable_entropies()->Add(heads.entropies.begin(), heads.entropies.end());
    layer->mutable_kept_heads()->Add(heads.kept_heads.begin(), heads.kept_heads.end());
  }
  proto.set_weight(maps.weight);
  return proto;
}

}  // namespace

absl::StatusOr<ComputeRolloutCall> FromProto(v1::ComputeRolloutRequest&& proto,
                                             int32_t n_vision_layers) {
  ComputeRolloutCall call;
  ASSIGN_OR_RETURN(call.request.settings, SettingsFromProto(proto.settings(), n_vision_layers));
  if (proto.omit_maps()) {
    if (proto.weighting_case() == v1::ComputeRolloutRequest::WEIGHTING_NOT_SET &&
        !proto.return_matrix()) {
      return InvalidField("omit_maps", "leaves nothing to send without a weighting");
    }
    call.request.positions.emplace();
  } else if (!proto.positions().empty()) {
    call.request.positions.emplace(proto.positions().begin(), proto.positions().end());
  }
  switch (proto.weighting_case()) {
    case v1::ComputeRolloutRequest::kWeights:
      call.request.weights.assign(proto.weights().values().begin(), proto.weights().values().end());
      if (call.request.weights.empty()) {
        return InvalidField("weights", "must have one number for each position");
      }
      break;
    case v1::ComputeRolloutRequest::kFeature:
      call.request.feature = {.layer = proto.feature().layer(), .index = proto.feature().index()};
      break;
    case v1::ComputeRolloutRequest::kGraph:
      RETURN_IF_ERROR(IdFromName(proto.graph().graph(), "graphs", "graph.graph").status());
      RETURN_IF_ERROR(CheckNodeIds(proto.graph().node_ids(), "graph.node_ids"));
      call.graph = proto.graph();
      break;
    case v1::ComputeRolloutRequest::WEIGHTING_NOT_SET:
      break;
  }
  call.request.return_matrix = proto.return_matrix();
  call.half_precision = proto.half_precision();
  ASSIGN_OR_RETURN(call.pictures, PicturesFromProto(proto.pictures()));
  ASSIGN_OR_RETURN(call.prompt, PromptFromProto(std::move(*proto.mutable_prompt())));
  return call;
}

RolloutMessages::RolloutMessages(const JobInfo& job, const JobResult& result)
    : answer_(result.rollout) {
  header_.set_job("jobs/" + job.id);
  header_.set_patches_per_side(answer_->rollout.patches_per_side);
  header_.set_tokens_per_side(answer_->rollout.tokens_per_side);
  for (size_t i = 0; i < answer_->rollout.images.size(); ++i) {
    *header_.add_images() = ImageToProto(answer_->rollout.images[i], answer_->views[i]);
    AddTensors(i);
  }
  subjects_ = SubjectsOf(*answer_);
  for (const HeatmapSubject& subject : subjects_) {
    v1::HeatmapPicture* picture = header_.add_pictures();
    picture->set_image(static_cast<int32_t>(subject.image));
    picture->set_subject(NameOf(subject));
    picture->set_token(std::max(subject.token, -1));
  }
  *header_.mutable_settings() = ToProto(answer_->settings);
  *header_.mutable_phases() = ToProto(result.phases);
  header_.set_seconds(TotalSeconds(result.phases));
  *header_.mutable_tokenized_prompt() = ToProto(answer_->prompt);
  header_.mutable_tokenized_prompt()->clear_text();
}

void RolloutMessages::AddTensors(size_t image) {
  const rollout::ImageMaps& maps = answer_->rollout.images[image];
  const int64_t side = answer_->rollout.patches_per_side;
  const int64_t patches = side * side;
  const std::string prefix = absl::StrCat(image, ".");
  const auto add = [&](const char* name, const std::vector<int64_t>& shape, const auto& values,
                       v1::TensorType type) {
    tensors_.Add(prefix + name, type, shape, values.data(),
                 static_cast<int64_t>(values.size() * sizeof(values[0])),
                 header_.mutable_tensors());
  };
  if (!maps.tokens.empty()) {
    const std::vector<int64_t> shape = {std::ssize(maps.tokens), patches};
    if (answer_->half_maps.empty()) {
      add("pooled", shape, maps.maps, v1::TENSOR_TYPE_F32);
    } else {
      add("pooled", shape, answer_->half_maps[image], v1::TENSOR_TYPE_F16);
    }
  }
  if (!maps.mean_map.empty()) add("mean", {patches}, maps.mean_map, v1::TENSOR_TYPE_F32);
  if (!maps.matrix.empty()) add("rollout", {patches, patches}, maps.matrix, v1::TENSOR_TYPE_F32);
}

bool RolloutMessages::Next(v1::ComputeRolloutResponse* message) {
  if (!std::exchange(has_sent_header_, true)) {
    *message->mutable_header() = header_;
    return true;
  }
  if (tensors_.Next(message->mutable_chunk())) return true;
  if (picture_ == subjects_.size()) return false;
  if (png_.empty()) png_ = MakePicture(*answer_, subjects_[picture_]);
  v1::HeatmapPictureChunk* chunk = message->mutable_picture();
  const size_t size =
      std::min(static_cast<size_t>(TensorChunks::kBytesPerChunk), png_.size() - offset_bytes_);
  chunk->set_picture(static_cast<int32_t>(picture_));
  chunk->set_data(png_.substr(offset_bytes_, size));
  offset_bytes_ += size;
  chunk->set_last(offset_bytes_ == png_.size());
  if (chunk->last()) {
    ++picture_;
    offset_bytes_ = 0;
    png_.clear();
  }
  return true;
}

}  // namespace cajal::server
