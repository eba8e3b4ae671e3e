// Reading and writing single keys of the JSON that graphs are stored with. See graph_json.h.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/checkpoint/json.h"

namespace cajal::graph {

inline constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();
inline constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();

// Strings, to the byte: a JSON string where it is valid UTF-8, else {"hex": "…"}.
nlohmann::json TextToJson(const std::string& text);
bool TextFromJson(const nlohmann::json& value, std::string* text);
nlohmann::json TextsToJson(const std::vector<std::string>& texts);

// Readers of one key. A missing key is an error, which the reader remembers, because Cajal wrote
// the text.
int64_t ReadInteger(checkpoint::ObjectReader& reader, const char* key, int64_t min, int64_t max);
int32_t ReadInt32(checkpoint::ObjectReader& reader, const char* key, int64_t min);
double ReadNumber(checkpoint::ObjectReader& reader, const char* key);
std::string ReadText(checkpoint::ObjectReader& reader, const char* key);
std::vector<std::string> ReadTexts(checkpoint::ObjectReader& reader, const char* key);
// Empty when the key is at fault.
const nlohmann::json& ReadArray(checkpoint::ObjectReader& reader, const char* key);
const nlohmann::json& ReadObject(checkpoint::ObjectReader& reader, const char* key);

}  // namespace cajal::graph
