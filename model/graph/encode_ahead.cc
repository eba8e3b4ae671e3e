#include "model/graph/encode_ahead.h"

#include <utility>

namespace cajal::graph {
namespace {

constexpr size_t kAhead = 2;

}  // namespace

EncodeAhead::EncodeAhead(GraphBlocks blocks) : blocks_(std::move(blocks)) { Start(); }

std::optional<GraphBlock> EncodeAhead::Next() {
  if (started_.empty()) return std::nullopt;
  GraphBlock block = started_.front().get();
  started_.pop_front();
  Start();
  return block;
}

void EncodeAhead::Start() {
  for (; started_.size() < kAhead && next_ < blocks_.size(); ++next_) {
    started_.push_back(
        std::async(std::launch::async, [this, i = next_] { return blocks_.Encode(i); }));
  }
}

}  // namespace cajal::graph
