#include "trainer/tensorboard_event.h"

#include <cstring>

namespace cajal::trainer {
namespace {

// Wire types of protobuf.dev/programming-guides/encoding.
enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void AddVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

void AddKey(uint32_t field, WireType type, std::string* out) { AddVarint(field << 3 | type, out); }

void AddBytes(uint32_t field, std::string_view bytes, std::string* out) {
  AddKey(field, kBytes, out);
  AddVarint(bytes.size(), out);
  out->append(bytes);
}

// Little-endian, as is every machine that this runs on.
template <typename Number>
void AddFixed(uint32_t field, WireType type, Number value, std::string* out) {
  AddKey(field, type, out);
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  out->append(bytes, sizeof(value));
}

// One field of a message; `number` for varints, `bytes` for all else.
struct Field {
  uint32_t field = 0;
  uint32_t type = 0;
  uint64_t number = 0;
  std::string_view bytes;

  template <typename Number>
  [[nodiscard]] Number Fixed() const {
    Number value = 0;
    if (bytes.size() == sizeof(value)) std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
  }
};

// Goes through a message field by field.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}

  // The next field; nothing at the end, and at damage.
  std::optional<Field> Next() {
    if (rest_.empty()) return std::nullopt;
    const uint64_t key = Varint();
    Field field{.field = static_cast<uint32_t>(key >> 3), .type = static_cast<uint32_t>(key & 7)};
    if (field.type == kVarint) {
      field.number = Varint();
    } else if (field.type == kFixed64) {
      field.bytes = Take(sizeof(uint64_t));
    } else if (field.type == kFixed32) {
      field.bytes = Take(sizeof(uint32_t));
    } else if (field.type == kBytes) {
      field.bytes = Take(Varint());
    } else {
      is_damaged_ = true;
    }
    if (is_damaged_) return std::nullopt;
    return field;
  }
  [[nodiscard]] bool is_damaged() const { return is_damaged_; }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    is_damaged_ = true;
    return 0;
  }

  std::string_view Take(uint64_t size) {
    is_damaged_ = is_damaged_ || size > rest_.size();
    if (is_damaged_) return {};
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool is_damaged_ = false;
};

Scalar DecodeScalar(std::string_view bytes) {
  Scalar scalar;
  FieldReader reader(bytes);
  while (const auto field = reader.Next()) {
    if (field->field == 1) scalar.tag = field->bytes;
    if (field->field == 2) scalar.value = field->Fixed<float>();
  }
  return scalar;
}

}  // namespace

std::string EncodeEvent(const TensorBoardEvent& event) {
  std::string summary;
  for (const Scalar& scalar : event.scalars) {
    std::string value;
    AddBytes(1, scalar.tag, &value);
    AddFixed(2, kFixed32, scalar.value, &value);
    AddBytes(1, value, &summary);
  }
  std::string bytes;
  AddFixed(1, kFixed64, event.wall_time, &bytes);
  AddKey(2, kVarint, &bytes);
  AddVarint(static_cast<uint64_t>(event.step), &bytes);
  if (!event.file_version.empty()) AddBytes(3, event.file_version, &bytes);
  if (!summary.empty()) AddBytes(5, summary, &bytes);
  return bytes;
}

std::optional<TensorBoardEvent> DecodeEvent(std::string_view bytes) {
  TensorBoardEvent event;
  FieldReader reader(bytes);
  while (const auto field = reader.Next()) {
    if (field->field == 1) event.wall_time = field->Fixed<double>();
    if (field->field == 2) event.step = static_cast<int64_t>(field->number);
    if (field->field == 3) event.file_version = field->bytes;
    if (field->field != 5) continue;
    FieldReader summary(field->bytes);
    while (const auto value = summary.Next()) {
      if (value->field == 1) event.scalars.push_back(DecodeScalar(value->bytes));
    }
    if (summary.is_damaged()) return std::nullopt;
  }
  if (reader.is_damaged()) return std::nullopt;
  return event;
}

}  // namespace cajal::trainer
