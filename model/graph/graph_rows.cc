#include "model/graph/graph_rows.h"

#include <utility>

#include "model/graph/graph_json.h"

namespace cajal::graph {
namespace {

constexpr char kSelectRow[] =
    "SELECT id, create_time_unix_ms, owner, request_id, summary, compressed_bytes, sequence, form, "
    "content_bytes, update_time_unix_ms, annotations_revision FROM graphs ";

// Of a row selected with kSelectRow. A summary that is damaged is the graph's own misfortune.
GraphRow ReadRow(const Statement& select) {
  GraphRow row;
  row.record.id = select.Text(0);
  row.record.create_time_unix_ms = select.Integer(1);
  row.record.origin = {select.Text(2), select.Text(3)};
  row.record.size_bytes = select.Integer(5);
  row.sequence = select.Integer(6);
  row.form = static_cast<GraphForm>(select.Integer(7));
  row.content_bytes = select.Integer(8);
  row.record.update_time_unix_ms = select.Integer(9);
  row.record.annotations_revision = select.Integer(10);
  absl::StatusOr<GraphSummary> summary = SummaryFromJson(select.Text(4));
  if (summary.ok()) {
    row.record.summary = *std::move(summary);
  } else {
    row.record.damage = std::string(summary.status().message());
  }
  return row;
}

std::string Lines(const std::vector<std::string>& labels) {
  std::string lines;
  for (const std::string& label : labels) lines += label + "\n";
  return lines;
}

// Parameters 1 to 8; each condition is met by a parameter that asks for nothing.
constexpr char kWhereFilter[] =
    "WHERE (?1 OR owner = ?2) AND (?3 = '' OR request_id = ?3) "
    "AND (?4 = '' OR instr(lower(model), lower(?4))) "
    "AND (?5 = '' OR instr(lower(prompt), lower(?5))) "
    "AND (?6 = '' OR instr(lower(labels), lower(?6))) "
    "AND create_time_unix_ms >= ?7 AND create_time_unix_ms < ?8 ";
constexpr int kFilterParameters = 8;

void BindFilter(const GraphFilter& filter, Statement* statement) {
  statement->Bind(1, static_cast<int64_t>(filter.owner.has_value() ? 0 : 1));
  statement->Bind(2, filter.owner.value_or(""));
  statement->Bind(3, filter.request_id);
  statement->Bind(4, filter.model);
  statement->Bind(5, filter.prompt);
  statement->Bind(6, filter.label);
  statement->Bind(7, filter.created_from_unix_ms);
  statement->Bind(8, filter.created_before_unix_ms);
}

}  // namespace

absl::Status NoSuchGraph(const std::string& id) {
  return absl::NotFoundError("graphs/" + id + ": there is no such graph");
}

absl::StatusOr<GraphRow> FindRow(const Database& database, const std::string& id) {
  Statement select(database, std::string(kSelectRow) + "WHERE id = ?");
  select.Bind(1, id);
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return NoSuchGraph(id);
  return ReadRow(select);
}

absl::StatusOr<std::optional<GraphRow>> FindRowByRequest(const Database& database,
                                                         const GraphOrigin& origin) {
  if (origin.request_id.empty()) return std::nullopt;
  // The last condition is that of the index.
  Statement select(database, std::string(kSelectRow) +
                                 "WHERE owner = ? AND request_id = ? AND request_id != ''");
  select.Bind(1, origin.owner);
  select.Bind(2, origin.request_id);
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::nullopt;
  return ReadRow(select);
}

absl::StatusOr<std::vector<GraphRow>> SelectRows(const Database& database,
                                                 const GraphFilter& filter, int64_t before,
                                                 int64_t limit) {
  Statement select(database, std::string(kSelectRow) + kWhereFilter +
                                 "AND sequence < ?9 ORDER BY sequence DESC LIMIT ?10");
  BindFilter(filter, &select);
  select.Bind(kFilterParameters + 1, before);
  select.Bind(kFilterParameters + 2, limit);
  std::vector<GraphRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return rows;
    rows.push_back(ReadRow(select));
  }
}

absl::StatusOr<int64_t> CountRows(const Database& database, const GraphFilter& filter) {
  Statement count(database, std::string("SELECT count(*) FROM graphs ") + kWhereFilter);
  BindFilter(filter, &count);
  RETURN_IF_ERROR(count.Step().status());
  return count.Integer(0);
}

absl::StatusOr<GraphUsage> UsageOf(const Database& database, const std::string& owner) {
  Statement select(
      database, "SELECT count(*), coalesce(sum(compressed_bytes), 0) FROM graphs WHERE owner = ?");
  select.Bind(1, owner);
  RETURN_IF_ERROR(select.Step().status());
  return GraphUsage{select.Integer(0), select.Integer(1)};
}

absl::StatusOr<int64_t> InsertRow(Database* database, const GraphRecord& record) {
  Statement insert(*database,
                   "INSERT INTO graphs (id, create_time_unix_ms, owner, request_id, summary, "
                   "content_bytes, compressed_bytes, form, update_time_unix_ms, model, prompt) "
                   "VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?)");
  insert.Bind(1, record.id);
  insert.Bind(2, record.create_time_unix_ms);
  insert.Bind(3, record.origin.owner);
  insert.Bind(4, record.origin.request_id);
  insert.Bind(5, SummaryToJson(record.summary));
  insert.Bind(6, static_cast<int64_t>(GraphForm::kBlocks));
  insert.Bind(7, record.update_time_unix_ms);
  insert.Bind(8, record.summary.model_name);
  insert.Bind(9, record.summary.prompt);
  RETURN_IF_ERROR(insert.Run());
  return database->LastInsertRow();
}

absl::Status InsertPart(Database* database, int64_t sequence, int64_t part,
                        const GraphBlock& block) {
  Statement insert(*database,
                   "INSERT INTO graph_parts (sequence, part, bytes, content_bytes) "
                   "VALUES (?, ?, ?, ?)");
  insert.Bind(1, sequence);
  insert.Bind(2, part);
  insert.BindBlob(3, block.frame.data(), block.frame.size());
  insert.Bind(4, block.content_bytes);
  return insert.Run();
}

absl::Status SetSizes(Database* database, int64_t sequence, int64_t content_bytes,
                      int64_t compressed_bytes) {
  Statement update(*database,
                   "UPDATE graphs SET content_bytes = ?, compressed_bytes = ? WHERE sequence = ?");
  update.Bind(1, content_bytes);
  update.Bind(2, compressed_bytes);
  update.Bind(3, sequence);
  return update.Run();
}

absl::StatusOr<std::optional<GraphBlock>> ReadPart(const Database& database, int64_t sequence,
                                                   int64_t part) {
  Statement select(database,
                   "SELECT bytes, content_bytes FROM graph_parts WHERE sequence = ? AND part = ?");
  select.Bind(1, sequence);
  select.Bind(2, part);
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return std::nullopt;
  GraphBlock block;
  select.AppendBlob(0, &block.frame);
  block.content_bytes = select.Integer(1);
  return block;
}

absl::Status DeleteRow(Database* database, const std::string& id) {
  Statement remove(*database, "DELETE FROM graphs WHERE id = ?");
  remove.Bind(1, id);
  RETURN_IF_ERROR(remove.Run());
  return database->Changes() > 0 ? absl::OkStatus() : NoSuchGraph(id);
}

absl::StatusOr<StoredAnnotations> ReadAnnotations(const Database& database, const std::string& id) {
  Statement select(database,
                   "SELECT coalesce(text, ''), annotations_revision FROM graphs "
                   "LEFT JOIN graph_annotations USING (sequence) WHERE id = ?");
  select.Bind(1, id);
  ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return NoSuchGraph(id);
  return StoredAnnotations{select.Text(0), select.Integer(1)};
}

absl::Status WriteAnnotations(Database* database, const GraphRow& row, const std::string& text,
                              const std::vector<std::string>& labels) {
  Statement replace(*database, "INSERT OR REPLACE INTO graph_annotations VALUES (?, ?)");
  replace.Bind(1, row.sequence);
  replace.Bind(2, text);
  RETURN_IF_ERROR(replace.Run());
  Statement update(*database,
                   "UPDATE graphs SET annotations_revision = ?, labels = ?, "
                   "update_time_unix_ms = ? WHERE sequence = ?");
  update.Bind(1, row.record.annotations_revision);
  update.Bind(2, Lines(labels));
  update.Bind(3, row.record.update_time_unix_ms);
  update.Bind(4, row.sequence);
  return update.Run();
}

}  // namespace cajal::graph
