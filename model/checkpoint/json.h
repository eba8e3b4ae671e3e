// JSON from files that others wrote: parsed strictly, read by key with the key named in errors.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "model/base/status.h"

namespace cajal::checkpoint {

// Parses an object. Refuses what nlohmann's parser lets pass: repeated keys, nesting deeper than
// 64, bytes after a NUL; and what it refuses itself: ill-formed UTF-8, trailing text. `name` begins
// the error's message.
absl::StatusOr<nlohmann::json> ParseJsonObject(const std::string& text, const std::string& name);

// The same from a file of at most `max_bytes`.
absl::StatusOr<nlohmann::json> LoadJsonObject(const std::string& path, int64_t max_bytes);

// "a\x01b" in quotes: names out of files, safe to print.
std::string Quoted(const std::string& text);

// Reads typed values of one object. A key that is absent or null gives the default. The first value
// of a wrong type or out of range is remembered, and status() returns it: read everything, then
// ask.
//
//   ObjectReader reader(json, "config.json");
//   config.hidden_size = reader.Integer("hidden_size", 2304, 1, 1 << 20);
//   RETURN_IF_ERROR(reader.status());
class ObjectReader {
 public:
  // `object` must outlive the reader. `name` begins every message.
  ObjectReader(const nlohmann::json& object, std::string name)
      : object_(object), name_(std::move(name)) {}

  [[nodiscard]] bool Has(const std::string& key) const { return Find(key) != nullptr; }
  [[nodiscard]] const nlohmann::json* Find(
      const std::string& key) const;  // nullptr when absent or null

  int64_t Integer(const std::string& key, int64_t default_value, int64_t min, int64_t max);
  // Finite, and greater than zero.
  double Positive(const std::string& key, double default_value);
  std::optional<double> OptionalPositive(const std::string& key);
  bool Bool(const std::string& key, bool default_value);
  std::string String(const std::string& key, const std::string& default_value);
  // An object below this one, with its path as name; nullptr when absent.
  const nlohmann::json* Object(const std::string& key);

  // Remembers `description` as the error of `key`, unless there is one already.
  void Fail(const std::string& key, const std::string& description);
  [[nodiscard]] const absl::Status& status() const { return status_; }

 private:
  const nlohmann::json& object_;
  std::string name_;
  absl::Status status_;
};

}  // namespace cajal::checkpoint
