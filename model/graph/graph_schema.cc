#include "model/graph/graph_schema.h"

#include "model/graph/migrations.h"

namespace cajal::graph {
namespace {

// Step i brings version i to i + 1. Steps are only ever added: files in the field have run them.
constexpr const char* kMigrations[] = {
    // `sequence` orders graphs by arrival, whatever the clock does. The compressed graph is cut
    // into parts, because SQLite ends a value at 1 GB.
    R"sql(
      CREATE TABLE graphs (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        create_time_unix_ms INTEGER NOT NULL,
        owner TEXT NOT NULL,
        request_id TEXT NOT NULL,
        summary TEXT NOT NULL,
        content_bytes INTEGER NOT NULL,
        compressed_bytes INTEGER NOT NULL
      );
      CREATE UNIQUE INDEX graphs_by_request ON graphs (owner, request_id) WHERE request_id != '';
      CREATE TABLE graph_parts (
        sequence INTEGER NOT NULL REFERENCES graphs ON DELETE CASCADE,
        part INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (sequence, part)
      );
    )sql",
    // Graphs are kept in blocks (form 2; form 1 is one block cut anywhere), whose sizes before
    // compression the parts say. What people add to a graph lies in a table of its own, so that
    // lists read none of it; its revision counts their changes, and `labels` are the lines by which
    // lists find the graph. Events are numbered without gaps in the order of their commits; the
    // store's id tells its cursors from those of other stores.
    R"sql(
      ALTER TABLE graphs ADD COLUMN form INTEGER NOT NULL DEFAULT 1;
      ALTER TABLE graphs ADD COLUMN update_time_unix_ms INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE graphs ADD COLUMN annotations_revision INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE graphs ADD COLUMN model TEXT NOT NULL DEFAULT '';
      ALTER TABLE graphs ADD COLUMN prompt TEXT NOT NULL DEFAULT '';
      ALTER TABLE graphs ADD COLUMN labels TEXT NOT NULL DEFAULT '';
      UPDATE graphs SET update_time_unix_ms = create_time_unix_ms;
      UPDATE graphs SET model = coalesce(json_extract(summary, '$.model_name'), ''),
                        prompt = coalesce(json_extract(summary, '$.prompt'), '')
        WHERE json_valid(summary);
      CREATE INDEX graphs_by_owner ON graphs (owner, compressed_bytes);
      ALTER TABLE graph_parts ADD COLUMN content_bytes INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE graph_annotations (
        sequence INTEGER PRIMARY KEY REFERENCES graphs ON DELETE CASCADE,
        text TEXT NOT NULL
      );
      CREATE TABLE graph_events (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        kind INTEGER NOT NULL,
        graph_id TEXT NOT NULL,
        time_unix_ms INTEGER NOT NULL
      );
      CREATE TABLE store (id TEXT NOT NULL);
      INSERT INTO store VALUES (lower(hex(randomblob(6))));
    )sql",
};

}  // namespace

absl::Status MigrateSchema(Database* database, int64_t now_unix_ms) {
  return Migrate(database, "the graph store", kMigrations, now_unix_ms);
}

}  // namespace cajal::graph
