// Where finished rows are kept: on the device as they were swept, or in the host's memory where the
// device's does not hold all of a graph's.
//
// On their way to the host rows are copied by a thread of their own, on a stream beside the
// computing one, while the next batch is swept. At most one batch is on its way: whoever hands over
// the next waits for it. On the CPU, where both memories are one, the host's is another tensor.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <cstdint>
#include <deque>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/attribution/row_sweep.h"
#include "model/base/mutex.h"
#include "model/gemma3/device_to_host.h"

namespace cajal::attribution {

// RESOURCE_EXHAUSTED, DOES_NOT_FIT_NOW, when the host has not so much left.
absl::Status CheckHostMemory(const std::string& what, int64_t needed_bytes,
                             int64_t available_bytes);

// Owned by the thread that computes a graph; KeepOnHost and Wait are that thread's. Keep may be
// called by several at once.
class RowStorage {
 public:
  explicit RowStorage(const at::Device& device) : device_(device), download_(device) {}
  RowStorage(const RowStorage&) = delete;
  RowStorage& operator=(const RowStorage&) = delete;

  [[nodiscard]] bool on_host() const { return on_host_; }
  // From now on, and these rows, too. No Keep may be under way.
  void KeepOnHost(std::deque<RowBatch>* rows);

  // Rows that the current stream computes. On their way to the host they have the tensors that they
  // will arrive in, and nobody may read these before Wait.
  void Keep(std::vector<RowBatch>* rows);

  // Until all rows are where they are kept. Throws what copying threw, as Keep does.
  void Wait();

 private:
  struct Move {
    at::Tensor from;
    at::Tensor to;
  };

  // Exchanges the batch's rows for those to come.
  static Move MoveOf(RowBatch* batch);
  void Start(std::vector<Move> moves);
  // On the thread that copies. Lets go of the rows on the device.
  void Run(std::vector<Move> moves, const std::optional<c10::Event>& computed);

  const at::Device device_;
  bool on_host_ = false;
  // Of the thread that copies, one at a time.
  gemma3::TensorDownload download_;
  std::optional<c10::Stream> stream_;  // made when it is first needed; never on the CPU
  Mutex mutex_;
  // The last member: its destructor waits for that thread.
  std::future<void> under_way_ CAJAL_GUARDED_BY(mutex_);
};

}  // namespace cajal::attribution
