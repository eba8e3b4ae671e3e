// What a forward pass is asked to keep. Made by the caller, filled by the pass, read by the caller;
// used by one thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <vector>

#include "model/base/check.h"
#include "model/gemma3/hook_point.h"

namespace cajal::gemma3 {

class Recording {
 public:
  Recording() = default;
  explicit Recording(const std::vector<HookPoint>& wanted) {
    for (const HookPoint& point : wanted) tensors_.emplace(point, at::Tensor());
  }

  [[nodiscard]] bool Wants(HookSite site, int layer = 0) const {
    return tensors_.count({site, layer}) > 0;
  }

  // Keeps `tensor` if the point is wanted. Tensors are shared, not copied: the pass never writes to
  // one that it has put.
  void Put(HookSite site, int layer, const at::Tensor& tensor) {
    const auto entry = tensors_.find({site, layer});
    if (entry != tensors_.end()) entry->second = tensor;
  }

  [[nodiscard]] const at::Tensor& Get(HookSite site, int layer = 0) const {
    const auto entry = tensors_.find({site, layer});
    CAJAL_CHECK(entry != tensors_.end()) << HookName({site, layer}) << " was not asked for";
    return entry->second;
  }

  // Defined only for points that the pass reached: a text prompt has no vision tensors.
  [[nodiscard]] const std::map<HookPoint, at::Tensor>& tensors() const { return tensors_; }

 private:
  std::map<HookPoint, at::Tensor> tensors_;
};

}  // namespace cajal::gemma3
