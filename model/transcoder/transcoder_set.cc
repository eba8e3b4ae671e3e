#include "model/transcoder/transcoder_set.h"

namespace cajal::transcoder {

std::string ActivationName(const TranscoderSetInfo& info) {
  switch (info.activation) {
    case ActivationKind::kRelu:
      return "relu";
    case ActivationKind::kReluTopK:
      return "relu_topk(" + std::to_string(info.k) + ")";
    case ActivationKind::kTopK:
      return "topk(" + std::to_string(info.k) + ")";
    case ActivationKind::kJumpRelu:
      return "jump_relu";
  }
  return "";
}

std::string SiteNameInBlock(gemma3::HookSite site) {
  return gemma3::HookName({site, 0}).substr(std::string("blocks.0.").size());
}

}  // namespace cajal::transcoder
