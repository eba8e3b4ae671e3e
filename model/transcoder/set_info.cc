#include "model/transcoder/set_info.h"

#include "model/base/check.h"

namespace cajal::transcoder {

bool TranscoderSetInfo::is_cross_layer() const {
  for (int layer = 0; layer < n_layers(); ++layer) {
    if (LastWrittenLayer(layer) > layer) return true;
  }
  return false;
}

bool HasK(ActivationKind kind) {
  return kind != ActivationKind::kRelu && kind != ActivationKind::kJumpRelu;
}

std::string ActivationName(const TranscoderSetInfo& info) {
  const std::string k = "(" + std::to_string(info.k) + ")";
  switch (info.activation) {
    case ActivationKind::kRelu:
      return "relu";
    case ActivationKind::kReluTopK:
      return "relu_topk" + k;
    case ActivationKind::kTopK:
      return "topk" + k;
    case ActivationKind::kJumpRelu:
      return "jump_relu";
    case ActivationKind::kGroupMax:
      return "groupmax" + k;
    case ActivationKind::kBatchTopK:
      return "batchtopk" + k;
  }
  return "";
}

std::string SiteNameInBlock(gemma3::HookSite site) {
  switch (site) {
    case gemma3::HookSite::kMlpIn:
      return "mlp.hook_in";
    case gemma3::HookSite::kMlpOutRaw:
      return "mlp.hook_out";
    case gemma3::HookSite::kMlpOut:
      return "hook_mlp_out";
    default:
      CAJAL_CHECK(false) << "no transcoder reads or writes there";
      return "";
  }
}

}  // namespace cajal::transcoder
