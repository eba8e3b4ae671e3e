#include "server/graph_watchers.h"

#include "server/errors.h"

namespace cajal::server {

GraphWatchers::GraphWatchers(GraphArchive* graphs, WorkPool* pool, CallTracker* calls,
                             std::chrono::milliseconds sign_of_life_interval)
    : graphs_(graphs), pool_(pool), calls_(calls), interval_(sign_of_life_interval) {
  graphs_->SetChangeListener([this] {
    std::vector<std::shared_ptr<GraphWatch>> open;
    {
      MutexLock lock(&mutex_);
      open = Open();
    }
    for (const auto& watch : open) watch->Wake();
  });
  signs_of_life_ = std::thread([this] { SendSignsOfLife(); });
}

GraphWatchers::~GraphWatchers() { Close(); }

grpc::ServerWriteReactor<grpc::ByteBuffer>* GraphWatchers::Watch(
    grpc::CallbackServerContext* call, const absl::StatusOr<std::string>& cursor) {
  const std::shared_ptr<GraphWatch> watch =
      GraphWatch::Create(graphs_, pool_, calls_, call, cursor.value_or(""));
  bool closed;
  {
    // Before its first look, so that no change falls between its first look and its place in the
    // list.
    MutexLock lock(&mutex_);
    closed = closed_;
    if (!closed && cursor.ok()) watches_.push_back(watch);
  }
  if (!cursor.ok()) {
    watch->End(cursor.status());
  } else if (closed) {
    watch->End(DrainingError());
  } else {
    watch->Wake();
  }
  return watch.get();
}

void GraphWatchers::Close() {
  graphs_->SetChangeListener(nullptr);
  std::vector<std::shared_ptr<GraphWatch>> open;
  {
    MutexLock lock(&mutex_);
    closed_ = true;
    open = Open();
    watches_.clear();
  }
  closing_.NotifyAll();
  if (signs_of_life_.joinable()) signs_of_life_.join();
  for (const auto& watch : open) watch->End(DrainingError());
}

std::vector<std::shared_ptr<GraphWatch>> GraphWatchers::Open() {
  std::erase_if(watches_, [](const auto& watch) { return watch.expired(); });
  std::vector<std::shared_ptr<GraphWatch>> open;
  for (const auto& weak : watches_) {
    if (auto watch = weak.lock()) open.push_back(std::move(watch));
  }
  return open;
}

void GraphWatchers::SendSignsOfLife() {
  auto next = std::chrono::steady_clock::now() + interval_;
  while (true) {
    std::vector<std::shared_ptr<GraphWatch>> open;
    {
      MutexLock lock(&mutex_);
      while (!closed_ && closing_.WaitUntil(&mutex_, next)) {
      }
      if (closed_) return;
      open = Open();
    }
    for (const auto& watch : open) watch->Beat();
    next += interval_;
  }
}

}  // namespace cajal::server
