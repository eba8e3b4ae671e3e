#include "model/checkpoint/json.h"

#include <cmath>
#include <set>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/file_io.h"

namespace cajal::checkpoint {
namespace {

constexpr int kMaxDepth = 64;

// Watches a parse for repeated keys and deep nesting.
class Watcher {
 public:
  bool operator()(int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kMaxDepth) Complain(absl::StrCat("is nested deeper than ", kMaxDepth));
    if (event == Event::object_start) {
      keys_.emplace_back();
    } else if (event == Event::object_end) {
      keys_.pop_back();
    } else if (event == Event::key) {
      const auto key = parsed.get<std::string>();
      if (!keys_.back().insert(key).second) {
        Complain(absl::StrCat("has the key ", Quoted(key), " twice"));
      }
    }
    return complaint_.empty();  // nothing is kept once there is something to complain of
  }
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  void Complain(const std::string& what) {
    if (complaint_.empty()) complaint_ = what;
  }
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
  std::string complaint_;
};

}  // namespace

std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(text), "\"");
}

absl::StatusOr<nlohmann::json> ParseJsonObject(const std::string& text, const std::string& name) {
  // nlohmann's lexer takes a NUL for the end of the text.
  if (text.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": is not JSON: it holds a NUL byte"));
  }
  Watcher watcher;
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(text, std::ref(watcher));
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": is not JSON: ", error.what()));
  }
  if (!watcher.complaint().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", watcher.complaint()));
  }
  if (!json.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": is not a JSON object"));
  }
  return json;
}

absl::StatusOr<nlohmann::json> LoadJsonObject(const std::string& path, int64_t max_bytes) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, max_bytes));
  return ParseJsonObject(text, path);
}

const nlohmann::json* ObjectReader::Find(const std::string& key) const {
  const auto it = object_.find(key);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

int64_t ObjectReader::Integer(const std::string& key, int64_t default_value, int64_t min,
                              int64_t max) {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return default_value;
  const bool fits = value->is_number_integer() &&
                    (!value->is_number_unsigned() || value->get<uint64_t>() <= uint64_t{INT64_MAX});
  if (!fits || value->get<int64_t>() < min || value->get<int64_t>() > max) {
    Fail(key, absl::StrCat("is ", value->dump().substr(0, 100), "; a whole number from ", min,
                           " to ", max, " is expected"));
    return default_value;
  }
  return value->get<int64_t>();
}

double ObjectReader::Positive(const std::string& key, double default_value) {
  return OptionalPositive(key).value_or(default_value);
}

std::optional<double> ObjectReader::OptionalPositive(const std::string& key) {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const double number = value->is_number() ? value->get<double>() : 0;
  if (!std::isfinite(number) || number <= 0) {
    Fail(key, absl::StrCat("is ", value->dump().substr(0, 100), "; a number above 0 is expected"));
    return std::nullopt;
  }
  return number;
}

bool ObjectReader::Bool(const std::string& key, bool default_value) {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return default_value;
  if (!value->is_boolean()) {
    Fail(key, "must be true or false");
    return default_value;
  }
  return value->get<bool>();
}

std::string ObjectReader::String(const std::string& key, const std::string& default_value) {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return default_value;
  if (!value->is_string()) {
    Fail(key, "must be a string");
    return default_value;
  }
  return value->get<std::string>();
}

const nlohmann::json* ObjectReader::Object(const std::string& key) {
  const nlohmann::json* value = Find(key);
  if (value != nullptr && !value->is_object()) {
    Fail(key, "must be an object");
    return nullptr;
  }
  return value;
}

void ObjectReader::Fail(const std::string& key, const std::string& description) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(absl::StrCat(name_, ": ", key, " ", description));
  }
}

}  // namespace cajal::checkpoint
