#include "model/graph/text_sink.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace cajal::graph {
namespace {

using nlohmann::json;

constexpr size_t kPieceBytes = 64 << 10;
constexpr char kReplacement[] = "\xef\xbf\xbd";  // U+FFFD

// nlohmann's writer replaces what is not UTF-8; its reader gives the text back.
std::string ValidUtf8(const std::string& text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace))
      .get<std::string>();
}

}  // namespace

PieceWriter& PieceWriter::operator<<(std::string_view text) {
  buffer_.append(text);
  return *this;
}

PieceWriter& PieceWriter::operator<<(int64_t number) { return *this << std::to_string(number); }

PieceWriter& PieceWriter::operator<<(float number) { return *this << static_cast<double>(number); }

PieceWriter& PieceWriter::operator<<(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), number).ptr;
  return *this << std::string_view(text, end - text);
}

absl::Status PieceWriter::FlushIfFull() {
  return buffer_.size() < kPieceBytes ? absl::OkStatus() : Flush();
}

absl::Status PieceWriter::Flush() {
  absl::Status status = sink_(buffer_);
  buffer_.clear();
  return status;
}

std::string PrintableText(const std::string& text) {
  std::string printable;
  for (const char character : ValidUtf8(text)) {
    const auto byte = static_cast<unsigned char>(character);
    const bool is_control =
        (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F;
    if (is_control) {
      printable += kReplacement;
    } else {
      printable += character;
    }
  }
  return printable;
}

}  // namespace cajal::graph
