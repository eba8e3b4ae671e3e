// Which graphs a server has, and what happens to them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/cpp/graph.h"

namespace cajal::client {

// Graphs that meet every condition that is set. Texts are found anywhere in what they are compared
// with, ASCII letters in either case; empty = any.
struct GraphFilter {
  std::optional<std::string> owner = {};  // the whole name, as it is
  std::string request_id = {};            // the whole id, as it is
  std::string model = {};                 // in the model's name
  std::string prompt = {};                // in the prompt
  std::string label = {};                 // in a label of its nodes or a name of its supernodes
  absl::Time created_from = absl::InfinitePast();
  absl::Time created_before = absl::InfiniteFuture();
};

struct ListGraphsRequest {
  int32_t page_size = 0;        // 0 = the server's default, 50; at most 500
  std::string page_token = {};  // next_page_token of the page before; empty = the first
  GraphFilter filter = {};
};

struct GraphPage {
  std::vector<GraphInfo> graphs;  // newest first
  std::string next_page_token;    // empty = this was the last page
  int64_t total_size = 0;         // graphs in all pages
  std::string watch_cursor;       // WatchGraphsRequest::cursor, for all that happens from here on
};

enum class GraphEventKind {
  kAlive,    // nothing happened: the watch is in place, and may go on from `cursor`
  kCreated,  // a graph was stored
  kUpdated,  // its annotations were changed
  kDeleted,  // it was deleted
};

struct GraphEvent {
  std::string cursor;  // WatchGraphsRequest::cursor to go on after this
  GraphEventKind kind = GraphEventKind::kAlive;
  // Of all but kAlive:
  std::string name;  // "graphs/{id}"
  absl::Time time;
  std::optional<GraphInfo> graph;  // as lists show it now; not set when it is deleted by now
};

struct WatchGraphsRequest {
  std::string cursor = {};  // where to go on; empty = from now on
  // Called on a thread of the library, never twice at a time; must not block. False ends the watch
  // with OK.
  std::function<bool(const GraphEvent&)> on_event = {};
};

}  // namespace cajal::client
