#include "model/graph/json_keys.h"

#include <cmath>

#include "absl/strings/escaping.h"

namespace cajal::graph {

using checkpoint::ObjectReader;
using nlohmann::json;

json TextToJson(const std::string& text) {
  // nlohmann replaces ill-formed UTF-8 when told to; nothing replaced means well-formed.
  const std::string quoted = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  if (json::parse(quoted).get<std::string>() == text) return text;
  return {{"hex", absl::BytesToHexString(text)}};
}

bool TextFromJson(const json& value, std::string* text) {
  if (value.is_string()) {
    *text = value.get<std::string>();
    return true;
  }
  const auto hex = value.is_object() ? value.find("hex") : value.end();
  if (hex == value.end() || !hex->is_string()) return false;
  const std::string digits = hex->get<std::string>();
  if (digits.size() % 2 != 0 || digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return false;
  }
  *text = absl::HexStringToBytes(digits);
  return true;
}

json TextsToJson(const std::vector<std::string>& texts) {
  json result = json::array();
  for (const std::string& text : texts) result.push_back(TextToJson(text));
  return result;
}

int64_t ReadInteger(ObjectReader& reader, const char* key, int64_t min, int64_t max) {
  if (!reader.Has(key)) reader.Fail(key, "is missing");
  return reader.Integer(key, min, min, max);
}

int32_t ReadInt32(ObjectReader& reader, const char* key, int64_t min) {
  return static_cast<int32_t>(ReadInteger(reader, key, min, kInt32Max));
}

double ReadNumber(ObjectReader& reader, const char* key) {
  const json* value = reader.Find(key);
  if (value == nullptr || !value->is_number() || !std::isfinite(value->get<double>())) {
    reader.Fail(key, "must be a finite number");
    return 0;
  }
  return value->get<double>();
}

std::string ReadText(ObjectReader& reader, const char* key) {
  std::string text;
  const json* value = reader.Find(key);
  if (value == nullptr || !TextFromJson(*value, &text)) reader.Fail(key, "must be a string");
  return text;
}

const json& ReadArray(ObjectReader& reader, const char* key) {
  static const json kEmpty = json::array();
  const json* value = reader.Find(key);
  if (value != nullptr && value->is_array()) return *value;
  reader.Fail(key, "must be an array");
  return kEmpty;
}

std::vector<std::string> ReadTexts(ObjectReader& reader, const char* key) {
  std::vector<std::string> texts;
  for (const json& element : ReadArray(reader, key)) {
    if (!TextFromJson(element, &texts.emplace_back())) reader.Fail(key, "must hold strings");
  }
  return texts;
}

const json& ReadObject(ObjectReader& reader, const char* key) {
  static const json kEmpty = json::object();
  const json* value = reader.Object(key);
  if (value != nullptr) return *value;
  reader.Fail(key, "must be an object");
  return kEmpty;
}

}  // namespace cajal::graph
