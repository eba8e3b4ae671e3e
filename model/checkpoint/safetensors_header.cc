#include "model/checkpoint/safetensors_header.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/json.h"

namespace cajal::checkpoint {
namespace {

constexpr std::array<std::pair<const char*, ElementType>, 13> kTypes = {{
    {"BOOL", ElementType::kBool},
    {"U8", ElementType::kU8},
    {"I8", ElementType::kI8},
    {"I16", ElementType::kI16},
    {"U16", ElementType::kU16},
    {"F16", ElementType::kF16},
    {"BF16", ElementType::kBF16},
    {"I32", ElementType::kI32},
    {"U32", ElementType::kU32},
    {"F32", ElementType::kF32},
    {"F64", ElementType::kF64},
    {"I64", ElementType::kI64},
    {"U64", ElementType::kU64},
}};

// The handler of nlohmann's event parser. Every event returns false to stop, with error() set.
//
// The grammar has three levels: the object of tensors; the object of one tensor, or of the
// metadata; and the arrays `shape` and `data_offsets`.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader&& TakeHeader() { return std::move(header_); }
  const std::string& error() const { return error_; }

  bool start_object(std::size_t) override {
    if (state_ == State::kBeforeTop) return Enter(State::kTop);
    if (state_ != State::kTop) return Unexpected("an object");
    if (name_ == "__metadata__") return Enter(State::kMetadata);
    entry_ = {};
    entry_.name = name_;
    seen_ = {};
    return Enter(State::kTensor);
  }

  bool end_object() override {
    if (state_ == State::kTop) return Enter(State::kAfterTop);
    if (state_ == State::kTensor) {
      if (!seen_.dtype || !seen_.shape || !seen_.offsets) {
        return Fail("lacks one of dtype, shape and data_offsets");
      }
      header_.entries.push_back(std::move(entry_));
    }
    return Enter(State::kTop);
  }

  bool key(std::string& text) override {
    if (text.size() > kMaxNameBytes) {
      return Fail(absl::StrCat("a name is longer than ", kMaxNameBytes, " bytes"));
    }
    if (state_ == State::kTop) {
      if (!names_.insert(text).second) {
        name_ = text;
        return Fail("appears twice");
      }
      if (names_.size() > kMaxTensors) {
        return Fail(absl::StrCat("there are more than ", kMaxTensors, " tensors"));
      }
      name_ = text;
      return true;
    }
    key_ = text;
    if (state_ == State::kMetadata) {
      return header_.metadata.emplace(text, "").second ||
             Fail(absl::StrCat("has the key ", Quoted(text), " twice"));
    }
    bool* seen = key_ == "dtype"          ? &seen_.dtype
                 : key_ == "shape"        ? &seen_.shape
                 : key_ == "data_offsets" ? &seen_.offsets
                                          : nullptr;
    if (seen == nullptr) return Fail(absl::StrCat("has the unknown key ", Quoted(text)));
    if (*seen) return Fail(absl::StrCat("has the key ", Quoted(text), " twice"));
    *seen = true;
    return true;
  }

  bool string(std::string& text) override {
    if (state_ == State::kMetadata) {
      header_.metadata[key_] = text;
      return true;
    }
    if (state_ != State::kTensor || key_ != "dtype") return Unexpected("a string");
    for (const auto& [name, type] : kTypes) {
      if (text == name) {
        entry_.type = type;
        return true;
      }
    }
    return Fail(absl::StrCat("has the element type ", Quoted(text), ", which is not supported"));
  }

  bool start_array(std::size_t) override {
    if (state_ != State::kTensor || key_ == "dtype") return Unexpected("a list");
    numbers_.clear();
    return Enter(State::kNumbers);
  }

  bool end_array() override {
    if (key_ == "shape") {
      entry_.shape = numbers_;
    } else if (numbers_.size() == 2) {
      entry_.begin = numbers_[0];
      entry_.end = numbers_[1];
    } else {
      return Fail("data_offsets is not a pair of numbers");
    }
    return Enter(State::kTensor);
  }

  bool number_unsigned(uint64_t value) override {
    if (state_ != State::kNumbers) return Unexpected("a number");
    if (value > uint64_t{INT64_MAX}) return Fail(absl::StrCat(key_, " holds a number above 2^63"));
    if (numbers_.size() == kMaxRank) {
      return Fail(absl::StrCat(key_, " holds more than ", kMaxRank, " numbers"));
    }
    numbers_.push_back(static_cast<int64_t>(value));
    return true;
  }

  // Only numbers with a minus sign come here; only those with a fraction, an exponent or more than
  // 64 bits come to number_float.
  bool number_integer(int64_t) override { return Unexpected("a negative number"); }
  bool number_float(double, const std::string&) override {
    return Unexpected("a number that is no 64-bit integer");
  }
  bool null() override { return Unexpected("null"); }
  bool boolean(bool) override { return Unexpected("true or false"); }
  bool binary(nlohmann::json::binary_t&) override { return Unexpected("binary data"); }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    error_ = absl::StrCat("the header is not JSON: ", error.what());
    return false;
  }

 private:
  enum class State { kBeforeTop, kTop, kMetadata, kTensor, kNumbers, kAfterTop };

  bool Enter(State state) {
    state_ = state;
    return true;
  }

  bool Fail(const std::string& what) {
    error_ = name_.empty() ? absl::StrCat("header: ", what)
                           : absl::StrCat("tensor ", Quoted(name_), ": ", what);
    return false;
  }

  bool Unexpected(const char* what) {
    return Fail(absl::StrCat("the header has ", what, " where none may stand"));
  }

  State state_ = State::kBeforeTop;
  std::unordered_set<std::string> names_;  // keys of the top object
  std::string name_;                       // the key at work of the top object
  std::string key_;                        // the key at work below it
  HeaderEntry entry_;
  struct {
    bool dtype = false;
    bool shape = false;
    bool offsets = false;
  } seen_;
  std::vector<int64_t> numbers_;
  SafetensorsHeader header_;
  std::string error_;
};

}  // namespace

const char* ElementName(ElementType type) {
  for (const auto& [name, candidate] : kTypes) {
    if (candidate == type) return name;
  }
  return "unknown";
}

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(std::string_view text) {
  if (text.empty() || text.front() != '{') {
    return absl::InvalidArgumentError("the header does not begin with {");
  }
  // nlohmann's lexer takes a NUL for the end of the text.
  if (text.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError("the header is not JSON: it holds a NUL byte");
  }
  HeaderHandler handler;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &handler)) {
    return absl::InvalidArgumentError(handler.error());
  }
  return handler.TakeHeader();
}

}  // namespace cajal::checkpoint
