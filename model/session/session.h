// A session: clamps of one user that hold together in all calls that name it. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/intervention/clamp.h"

namespace cajal::session {

struct Session {
  std::string id;
  std::string owner;
  // What the clamps' features are of; calls with others loaded refuse the session.
  std::string model;
  std::string transcoders;
  std::vector<intervention::Clamp> clamps;  // ascending names
  int64_t create_time_unix_ms = 0;
  int64_t update_time_unix_ms = 0;
  int64_t expire_time_unix_ms = 0;

  [[nodiscard]] std::string name() const { return "sessions/" + id; }
};

struct NewSession {
  std::string
      id;  // 1 to 40 of a-z, 0-9 and '-', the first one a letter; empty = the store's choice
  std::string owner;
  std::string model;
  std::string transcoders;
  int64_t ttl_ms = 0;
  std::vector<intervention::Clamp> clamps;
};

struct SessionChange {
  std::vector<std::string> remove;       // names of clamps
  std::vector<intervention::Clamp> set;  // each replaces the one of its name
  std::optional<int64_t> ttl_ms;         // from now; not set = it expires when it did
};

struct SessionPage {
  std::vector<Session> sessions;
  std::string next_page_token;
};

}  // namespace cajal::session
