#include "client/cpp/wire_heatmap.h"

#include <utility>

#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

v1::RolloutMethod ToProto(RolloutMethod method) {
  switch (method) {
    case RolloutMethod::kRollout:
      return v1::ROLLOUT_METHOD_ROLLOUT;
    case RolloutMethod::kAttention:
      return v1::ROLLOUT_METHOD_ATTENTION;
    case RolloutMethod::kSimilarity:
      return v1::ROLLOUT_METHOD_SIMILARITY;
  }
  return v1::ROLLOUT_METHOD_UNSPECIFIED;
}

v1::HeatmapColors ToProto(HeatmapColors colors) {
  switch (colors) {
    case HeatmapColors::kReleased:
      return v1::HEATMAP_COLORS_RELEASED;
    case HeatmapColors::kGray:
      return v1::HEATMAP_COLORS_GRAY;
    case HeatmapColors::kViridis:
      return v1::HEATMAP_COLORS_VIRIDIS;
    case HeatmapColors::kInferno:
      return v1::HEATMAP_COLORS_INFERNO;
    case HeatmapColors::kMagma:
      return v1::HEATMAP_COLORS_MAGMA;
    case HeatmapColors::kCividis:
      return v1::HEATMAP_COLORS_CIVIDIS;
    case HeatmapColors::kTurbo:
      return v1::HEATMAP_COLORS_TURBO;
  }
  return v1::HEATMAP_COLORS_UNSPECIFIED;
}

v1::RolloutSettings ToProto(const RolloutSettings& settings) {
  v1::RolloutSettings proto;
  proto.set_method(ToProto(settings.method));
  if (settings.last_layers.has_value()) proto.set_last_layers(*settings.last_layers);
  if (settings.head_fraction.has_value()) proto.set_head_fraction(*settings.head_fraction);
  proto.set_pooling(settings.pooling == RolloutPooling::kMax ? v1::ROLLOUT_POOLING_MAX
                                                             : v1::ROLLOUT_POOLING_MEAN);
  proto.set_layer(settings.layer);
  proto.set_head(settings.head);
  return proto;
}

v1::HeatmapPictures ToProto(const HeatmapPictures& pictures) {
  v1::HeatmapPictures proto;
  proto.set_maps(pictures.maps);
  proto.set_sheet(pictures.sheet);
  proto.set_colors(ToProto(pictures.colors));
  proto.set_opacity(pictures.opacity);
  proto.set_clip_top_percent(pictures.clip_top_percent);
  proto.set_max_side(pictures.max_side);
  proto.set_legend(pictures.legend);
  return proto;
}

void AddWeighting(const ComputeRolloutRequest& request, v1::ComputeRolloutRequest* proto) {
  if (const auto* weights = std::get_if<PositionWeights>(&request.weighting)) {
    proto->mutable_weights()->mutable_values()->Add(weights->values.begin(), weights->values.end());
  } else if (const auto* feature = std::get_if<FeatureOfLayer>(&request.weighting)) {
    proto->mutable_feature()->set_layer(feature->layer);
    proto->mutable_feature()->set_index(feature->index);
  } else if (const auto* graph = std::get_if<GraphWeights>(&request.weighting)) {
    proto->mutable_graph()->set_graph(graph->graph);
    for (const std::string& id : graph->node_ids) proto->mutable_graph()->add_node_ids(id);
  }
}

RolloutImage FromProto(const v1::RolloutImage& proto) {
  RolloutImage image{.image = proto.image(),
                     .crop = proto.crop(),
                     .begin = proto.begin(),
                     .width = proto.width(),
                     .height = proto.height(),
                     .box = {proto.box().begin(), proto.box().end()},
                     .tokens = {proto.tokens().begin(), proto.tokens().end()},
                     .weight = proto.weight()};
  for (const v1::VisionLayerHeads& layer : proto.layers()) {
    image.layers.push_back({.layer = layer.layer(),
                            .entropies = {layer.entropies().begin(), layer.entropies().end()},
                            .kept_heads = {layer.kept_heads().begin(), layer.kept_heads().end()}});
  }
  return image;
}

}  // namespace

absl::StatusOr<v1::ComputeRolloutRequest> ToProto(const ComputeRolloutRequest& request) {
  absl::StatusOr<v1::Prompt> prompt = ToProto(request.prompt);
  if (!prompt.ok()) return prompt.status();
  v1::ComputeRolloutRequest proto;
  *proto.mutable_prompt() = *std::move(prompt);
  *proto.mutable_settings() = ToProto(request.settings);
  proto.mutable_positions()->Add(request.positions.begin(), request.positions.end());
  proto.set_omit_maps(request.omit_maps);
  AddWeighting(request, &proto);
  proto.set_return_matrix(request.return_matrix);
  proto.set_half_precision(request.half_precision);
  *proto.mutable_pictures() = ToProto(request.pictures);
  return proto;
}

RolloutSettings FromProto(const v1::RolloutSettings& proto) {
  RolloutSettings settings{.pooling = proto.pooling() == v1::ROLLOUT_POOLING_MEAN
                                          ? RolloutPooling::kMean
                                          : RolloutPooling::kMax,
                           .head = proto.head()};
  if (proto.method() == v1::ROLLOUT_METHOD_ATTENTION) settings.method = RolloutMethod::kAttention;
  if (proto.method() == v1::ROLLOUT_METHOD_SIMILARITY) settings.method = RolloutMethod::kSimilarity;
  if (proto.has_last_layers()) settings.last_layers = proto.last_layers();
  if (proto.has_head_fraction()) settings.head_fraction = proto.head_fraction();
  if (proto.has_layer()) settings.layer = proto.layer();
  return settings;
}

Rollout FromProto(const v1::RolloutHeader& header) {
  Rollout rollout{.job = header.job(),
                  .settings = FromProto(header.settings()),
                  .patches_per_side = header.patches_per_side(),
                  .tokens_per_side = header.tokens_per_side(),
                  .prompt = FromProto(header.tokenized_prompt()),
                  .seconds = header.seconds()};
  for (const v1::RolloutImage& image : header.images()) {
    rollout.images.push_back(FromProto(image));
  }
  for (const v1::HeatmapPicture& picture : header.pictures()) {
    rollout.pictures.push_back(
        {.image = picture.image(), .subject = picture.subject(), .token = picture.token()});
  }
  for (const v1::PhaseTime& phase : header.phases()) {
    rollout.phases.push_back({phase.phase(), phase.seconds()});
  }
  return rollout;
}

}  // namespace cajal::client
