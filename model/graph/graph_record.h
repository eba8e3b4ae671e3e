// What the store says of a graph without reading it: who made it and when, its summary, and what
// happened to it. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/graph/graph_summary.h"

namespace cajal::graph {

// Who asked for a graph.
struct GraphOrigin {
  std::string owner;
  std::string request_id;  // at most one graph for each (owner, request_id); empty = none
};

struct GraphRecord {
  std::string id;  // 12 characters of [a-z2-9]
  int64_t create_time_unix_ms = 0;
  int64_t update_time_unix_ms = 0;  // of the newest annotations; at first create_time_unix_ms
  GraphOrigin origin;
  GraphSummary summary;
  int64_t size_bytes = 0;            // on disk, compressed, annotations apart
  int64_t annotations_revision = 0;  // times that they were written
  // Why `summary` cannot be read and is empty; empty = it can.
  std::string damage;

  [[nodiscard]] std::string name() const { return "graphs/" + id; }
};

// What people have added to a graph; to the store the text is opaque.
struct StoredAnnotations {
  std::string text;      // empty until there are some
  int64_t revision = 0;  // 0 until there are some, then 1, 2, …
};

// Annotations on their way into the store.
struct AnnotationsText {
  std::string text;                 // empty = none
  std::vector<std::string> labels;  // the words in them by which lists find the graph
};

// Which graphs to list: those that meet every condition that is set. Texts are found anywhere in
// what they are compared with, ASCII letters in either case; empty = any.
struct GraphFilter {
  std::optional<std::string> owner;  // the whole name, as it is
  std::string request_id;            // the whole id, as it is
  std::string model;                 // in the model's name
  std::string prompt;                // in the prompt
  std::string label;                 // in one of the labels that came with the annotations
  int64_t created_from_unix_ms = INT64_MIN;
  int64_t created_before_unix_ms = INT64_MAX;
};

struct GraphPage {
  std::vector<GraphRecord> records;  // newest first
  std::string next_page_token;       // empty on the last page
  int64_t total_size = 0;            // of the whole list
  // Where to go on with EventsAfter to learn of everything that has happened since this page was
  // read.
  std::string cursor;
};

enum class GraphEventKind { kCreated = 1, kUpdated = 2, kDeleted = 3 };

// A committed change.
struct GraphEvent {
  std::string cursor;  // EventsAfter(cursor) goes on with the next one
  GraphEventKind kind = GraphEventKind::kCreated;
  std::string graph_id;
  int64_t time_unix_ms = 0;
  // As the graph is now, which later events may have changed; not set when it is deleted by now.
  std::optional<GraphRecord> record;
};

}  // namespace cajal::graph
