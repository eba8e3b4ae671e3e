#include "model/attribution/row_storage.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

#include "model/base/status.h"

namespace cajal::attribution {

absl::Status CheckHostMemory(const std::string& what, int64_t needed_bytes,
                             int64_t available_bytes) {
  if (needed_bytes <= available_bytes) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(
                        what + " needs " + std::to_string(needed_bytes) +
                        " bytes of the host's memory for rows that the device does not hold, but " +
                        std::to_string(available_bytes) + " are free there now"),
                    "DOES_NOT_FIT_NOW");
}

void RowStorage::KeepOnHost(std::deque<RowBatch>* rows) {
  on_host_ = true;
  for (RowBatch& batch : *rows) Start({MoveOf(&batch)});
  Wait();
}

void RowStorage::Keep(std::vector<RowBatch>* rows) {
  if (!on_host_) return;
  std::vector<Move> moves;
  for (RowBatch& batch : *rows) moves.push_back(MoveOf(&batch));
  Start(std::move(moves));
}

void RowStorage::Wait() {
  MutexLock lock(&mutex_);
  if (under_way_.valid()) under_way_.get();
}

RowStorage::Move RowStorage::MoveOf(RowBatch* batch) {
  const at::Tensor to = at::empty(batch->values.sizes(), batch->values.options().device(at::kCPU));
  return {std::exchange(batch->values, to), to};
}

void RowStorage::Start(std::vector<Move> moves) {
  std::optional<c10::Event> computed;
  if (!device_.is_cpu()) {
    const c10::impl::VirtualGuardImpl device(device_.type());
    if (!stream_.has_value()) stream_ = device.getStreamFromGlobalPool(device_);
    computed.emplace(device_.type());
    computed->record(device.getStream(device_));
  }
  // Held while waiting: the others have rows to hand over, too, and would wait in any case.
  MutexLock lock(&mutex_);
  if (under_way_.valid()) under_way_.get();
  under_way_ = std::async(std::launch::async, [this, moves = std::move(moves),
                                               computed = std::move(computed)]() mutable {
    Run(std::move(moves), computed);
  });
}

void RowStorage::Run(std::vector<Move> moves, const std::optional<c10::Event>& computed) {
  const c10::InferenceMode no_autograd;
  std::optional<c10::StreamGuard> beside;
  if (computed.has_value()) {
    beside.emplace(*stream_);
    computed->block(*stream_);
  }
  for (Move& move : moves) {
    download_.Copy(move.from, &move.to);
    move.from.reset();  // the copy has ended, so the computing stream may have its memory
  }
}

}  // namespace cajal::attribution
