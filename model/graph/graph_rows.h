// The rows of the graph store's tables: graphs, their parts, their annotations. What is SQL here is
// a plain function there.
//
// Every function works within the caller's transaction, if there is one, and on the thread that
// uses the database. Errors are those of sqlite.h; NOT_FOUND names "graphs/{id}".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/graph_blocks.h"
#include "model/graph/graph_record.h"
#include "model/graph/sqlite.h"

namespace cajal::graph {

// How a graph's parts are to be read.
enum class GraphForm {
  kOneFrame = 1,  // one zstd frame of the stored form (graph_file.h), cut anywhere
  kBlocks = 2,    // a block each (graph_blocks.h)
};

// A row of graphs as the store needs it inside.
struct GraphRow {
  GraphRecord record;
  int64_t sequence = 0;  // by order of arrival; never used again
  GraphForm form = GraphForm::kBlocks;
  int64_t content_bytes = 0;  // before compression
};

absl::Status NoSuchGraph(const std::string& id);

absl::StatusOr<GraphRow> FindRow(const Database& database, const std::string& id);
absl::StatusOr<std::optional<GraphRow>> FindRowByRequest(const Database& database,
                                                         const GraphOrigin& origin);

// Rows with sequence < before, newest first, at most `limit`; and how many meet the filter in all.
absl::StatusOr<std::vector<GraphRow>> SelectRows(const Database& database,
                                                 const GraphFilter& filter, int64_t before,
                                                 int64_t limit);
absl::StatusOr<int64_t> CountRows(const Database& database, const GraphFilter& filter);

// What an owner's graphs take.
struct GraphUsage {
  int64_t n_graphs = 0;
  int64_t bytes = 0;
};
absl::StatusOr<GraphUsage> UsageOf(const Database& database, const std::string& owner);

// Inserts a graph without parts, of 0 bytes, and returns its sequence.
absl::StatusOr<int64_t> InsertRow(Database* database, const GraphRecord& record);
absl::Status InsertPart(Database* database, int64_t sequence, int64_t part,
                        const GraphBlock& block);
absl::Status SetSizes(Database* database, int64_t sequence, int64_t content_bytes,
                      int64_t compressed_bytes);

// Nothing when there is no such part.
absl::StatusOr<std::optional<GraphBlock>> ReadPart(const Database& database, int64_t sequence,
                                                   int64_t part);

// With its parts and annotations.
absl::Status DeleteRow(Database* database, const std::string& id);

absl::StatusOr<StoredAnnotations> ReadAnnotations(const Database& database, const std::string& id);
// The revision and time are those of row.record.
absl::Status WriteAnnotations(Database* database, const GraphRow& row, const std::string& text,
                              const std::vector<std::string>& labels);

}  // namespace cajal::graph
