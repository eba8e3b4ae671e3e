// The store of graphs as the server uses it: a seam, so that tests can put a full or broken disk in
// its place. The functions are those of graph::GraphStore (model/graph/graph_store.h), with the
// same errors. Thread-safe; calls may block on the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/graph/graph_store.h"

namespace cajal::server {

class GraphArchive {
 public:
  virtual ~GraphArchive() = default;

  virtual absl::StatusOr<graph::GraphRecord> Put(const graph::AttributionGraph& graph,
                                                 const graph::GraphOrigin& origin,
                                                 const graph::GraphCost& cost,
                                                 const graph::AnnotationsText& annotations) = 0;
  [[nodiscard]] virtual absl::StatusOr<graph::GraphRecord> GetRecord(
      const std::string& id) const = 0;
  [[nodiscard]] virtual absl::StatusOr<graph::AttributionGraph> Get(
      const std::string& id) const = 0;
  [[nodiscard]] virtual absl::StatusOr<std::optional<graph::GraphRecord>> FindByRequest(
      const std::string& owner, const std::string& request_id) const = 0;
  [[nodiscard]] virtual absl::StatusOr<graph::GraphPage> List(
      int32_t page_size, const std::string& page_token, const graph::GraphFilter& filter) const = 0;
  [[nodiscard]] virtual absl::Status CheckQuota(const std::string& owner) const = 0;
  [[nodiscard]] virtual absl::StatusOr<std::vector<graph::GraphEvent>> EventsAfter(
      const std::string& cursor, int32_t limit) const = 0;
  [[nodiscard]] virtual absl::StatusOr<std::string> NewestCursor() const = 0;
  virtual void SetChangeListener(std::function<void()> listener) = 0;
  virtual absl::StatusOr<graph::GraphRecord> SetAnnotations(
      const std::string& id, const std::string& text, std::optional<int64_t> expected_revision,
      const std::vector<std::string>& labels) = 0;
  [[nodiscard]] virtual absl::StatusOr<graph::StoredAnnotations> GetAnnotations(
      const std::string& id) const = 0;
  virtual absl::Status Delete(const std::string& id) = 0;
};

// The real one, under `data_dir`. Errors as of GraphStore::Open.
absl::StatusOr<std::unique_ptr<GraphArchive>> OpenGraphArchive(const std::string& data_dir,
                                                               const graph::GraphQuota& quota = {});

}  // namespace cajal::server
