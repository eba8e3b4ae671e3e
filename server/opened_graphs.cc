#include "server/opened_graphs.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "model/base/status.h"
#include "server/errors.h"

namespace cajal::server {
namespace {

template <typename T>
int64_t BytesOf(const std::vector<T>& values) {
  return static_cast<int64_t>(values.capacity() * sizeof(T));
}

// What grows with the graph.
int64_t BytesOf(const graph::AttributionGraph& graph) {
  return BytesOf(graph.edges.row_begin) + BytesOf(graph.edges.columns) +
         BytesOf(graph.edges.weights) + BytesOf(graph.active_features) +
         BytesOf(graph.selected_features) + BytesOf(graph.bias) + BytesOf(graph.pre_activations) +
         BytesOf(graph.input_tokens) + BytesOf(graph.token_texts) + BytesOf(graph.logits);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const StoredGraph>> OpenedGraphs::Read(const std::string& id) {
  const std::string name = "graphs/" + id;
  absl::StatusOr<graph::GraphRecord> record = archive_->GetRecord(id);
  if (!record.ok()) {
    Forget(id);
    return WithResource(record.status(), "graph", name);
  }
  absl::StatusOr<SharedGraph> graph = Open(id);
  if (!graph.ok()) return WithResource(graph.status(), "graph", name);
  return std::make_shared<const StoredGraph>(*std::move(record), *std::move(graph));
}

absl::StatusOr<OpenedGraphs::SharedGraph> OpenedGraphs::Open(const std::string& id) {
  {
    MutexLock lock(&mutex_);
    while (being_read_.contains(id)) was_read_.Wait(&mutex_);
    if (SharedGraph graph = Find(id)) {
      ++counters_.hits;
      return graph;
    }
    ++counters_.misses;
    being_read_.insert(id);
  }
  absl::StatusOr<graph::AttributionGraph> read(absl::UnknownError("not read"));
  const absl::Status status = CatchExceptions([&] {
    read = archive_->Get(id);
    return read.status();
  });
  SharedGraph graph;
  if (status.ok()) graph = std::make_shared<const graph::AttributionGraph>(*std::move(read));
  MutexLock lock(&mutex_);
  being_read_.erase(id);
  was_read_.NotifyAll();
  if (!status.ok()) return status;
  Keep({.id = id, .graph = graph, .bytes = BytesOf(*graph)});
  return graph;
}

void OpenedGraphs::Forget(const std::string& id) {
  MutexLock lock(&mutex_);
  const auto found = std::find_if(opened_.begin(), opened_.end(),
                                  [&id](const Opened& opened) { return opened.id == id; });
  if (found != opened_.end()) Close(found);
}

OpenedGraphs::Counters OpenedGraphs::counters() const {
  MutexLock lock(&mutex_);
  return counters_;
}

OpenedGraphs::SharedGraph OpenedGraphs::Find(const std::string& id) {
  const auto found = std::find_if(opened_.begin(), opened_.end(),
                                  [&id](const Opened& opened) { return opened.id == id; });
  if (found == opened_.end()) return nullptr;
  opened_.splice(opened_.begin(), opened_, found);
  return opened_.front().graph;
}

void OpenedGraphs::Keep(Opened opened) {
  if (opened.bytes > budget_bytes_) return;
  while (counters_.bytes + opened.bytes > budget_bytes_) Close(std::prev(opened_.end()));
  counters_.bytes += opened.bytes;
  ++counters_.graphs;
  opened_.push_front(std::move(opened));
}

void OpenedGraphs::Close(std::list<Opened>::iterator opened) {
  counters_.bytes -= opened->bytes;
  --counters_.graphs;
  opened_.erase(opened);
}

}  // namespace cajal::server
