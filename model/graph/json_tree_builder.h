// Makes a JSON value of JsonHandler's events, as large as it may become.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/graph/json_stream.h"

namespace cajal::graph {

class JsonTreeBuilder final : public JsonHandler {
 public:
  // `name` begins the errors' messages. What the value takes in memory is estimated from its parts.
  JsonTreeBuilder(std::string name, int64_t max_bytes)
      : name_(std::move(name)), max_bytes_(max_bytes) {}

  absl::Status Key(std::string key) override;
  absl::Status Value(nlohmann::json value) override;
  absl::Status StartObject() override { return Start(nlohmann::json::object()); }
  absl::Status EndObject() override { return End(); }
  absl::Status StartArray() override { return Start(nlohmann::json::array()); }
  absl::Status EndArray() override { return End(); }

  // Whether the value is complete.
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const nlohmann::json& value() const { return root_; }

 private:
  absl::Status Charge(size_t bytes);
  // Puts a value where the next one belongs.
  absl::StatusOr<nlohmann::json*> Place(nlohmann::json value);
  absl::Status Start(nlohmann::json container);
  absl::Status End();

  const std::string name_;
  const int64_t max_bytes_;
  int64_t bytes_ = 0;
  bool done_ = false;
  nlohmann::json root_;
  std::vector<nlohmann::json*> open_;  // from the root down; stable, since only the last one grows
  std::string key_;                    // of the value to come, in an object
};

}  // namespace cajal::graph
