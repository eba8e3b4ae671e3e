#include "server/graph_archive.h"

#include "model/base/status.h"

namespace cajal::server {
namespace {

class StoredGraphArchive final : public GraphArchive {
 public:
  explicit StoredGraphArchive(std::unique_ptr<graph::GraphStore> store)
      : store_(std::move(store)) {}

  absl::StatusOr<graph::GraphRecord> Put(const graph::AttributionGraph& graph,
                                         const graph::GraphOrigin& origin,
                                         const graph::GraphCost& cost,
                                         const graph::AnnotationsText& annotations) override {
    return store_->Put(graph, origin, cost, annotations);
  }
  absl::StatusOr<graph::GraphRecord> GetRecord(const std::string& id) const override {
    return store_->GetRecord(id);
  }
  absl::StatusOr<graph::AttributionGraph> Get(const std::string& id) const override {
    return store_->Get(id);
  }
  absl::StatusOr<std::optional<graph::GraphRecord>> FindByRequest(
      const std::string& owner, const std::string& request_id) const override {
    return store_->FindByRequest(owner, request_id);
  }
  absl::StatusOr<graph::GraphPage> List(int32_t page_size, const std::string& page_token,
                                        const graph::GraphFilter& filter) const override {
    return store_->List(page_size, page_token, filter);
  }
  absl::Status CheckQuota(const std::string& owner) const override {
    return store_->CheckQuota(owner);
  }
  absl::StatusOr<std::vector<graph::GraphEvent>> EventsAfter(const std::string& cursor,
                                                             int32_t limit) const override {
    return store_->EventsAfter(cursor, limit);
  }
  absl::StatusOr<std::string> NewestCursor() const override { return store_->NewestCursor(); }
  void SetChangeListener(std::function<void()> listener) override {
    store_->SetChangeListener(std::move(listener));
  }
  absl::StatusOr<graph::GraphRecord> SetAnnotations(
      const std::string& id, const std::string& text, std::optional<int64_t> expected_revision,
      const std::vector<std::string>& labels) override {
    return store_->SetAnnotations(id, text, expected_revision, labels);
  }
  absl::StatusOr<graph::StoredAnnotations> GetAnnotations(const std::string& id) const override {
    return store_->GetAnnotations(id);
  }
  absl::Status Delete(const std::string& id) override { return store_->Delete(id); }

 private:
  const std::unique_ptr<graph::GraphStore> store_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GraphArchive>> OpenGraphArchive(const std::string& data_dir,
                                                               const graph::GraphQuota& quota) {
  ASSIGN_OR_RETURN(auto store, graph::GraphStore::Open({.data_dir = data_dir, .quota = quota}));
  return std::make_unique<StoredGraphArchive>(std::move(store));
}

}  // namespace cajal::server
