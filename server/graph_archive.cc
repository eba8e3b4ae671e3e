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
                                         const graph::GraphCost& cost) override {
    return store_->Put(graph, origin, cost);
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
  absl::StatusOr<graph::GraphPage> List(int32_t page_size,
                                        const std::string& page_token) const override {
    return store_->List(page_size, page_token);
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

absl::StatusOr<std::unique_ptr<GraphArchive>> OpenGraphArchive(const std::string& data_dir) {
  ASSIGN_OR_RETURN(auto store, graph::GraphStore::Open({.data_dir = data_dir}));
  return std::make_unique<StoredGraphArchive>(std::move(store));
}

}  // namespace cajal::server
