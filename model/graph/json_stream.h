// Reads JSON from a stream by events, with a bound on what one event may take, so that a hostile
// file cannot make the reader hold more than its handler chooses to keep.
#pragma once

#include <cstdint>
#include <istream>
#include <nlohmann/json.hpp>
#include <string>

#include "model/base/status.h"

namespace cajal::graph {

// The handler's side of ReadJsonStream. Each function returns OK to go on; an error ends the
// reading and is its result. Objects and arrays may nest up to 64 deep.
class JsonHandler {
 public:
  virtual ~JsonHandler() = default;

  virtual absl::Status Key(std::string key) = 0;
  // A null, a boolean, a number or a string. Numbers are finite.
  virtual absl::Status Value(nlohmann::json value) = 0;
  virtual absl::Status StartObject() = 0;
  virtual absl::Status EndObject() = 0;
  virtual absl::Status StartArray() = 0;
  virtual absl::Status EndArray() = 0;
};

// One string, number or stretch of white space may take this much.
inline constexpr int64_t kMaxJsonTokenBytes = 4 << 20;

// Reads one document to its end. What is no JSON (NaN and Infinity are not) is INVALID_ARGUMENT,
// MALFORMED_GRAPH, with the byte where reading ended.
absl::Status ReadJsonStream(std::istream& stream, JsonHandler& handler);

}  // namespace cajal::graph
