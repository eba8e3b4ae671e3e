// Where the text of an export goes, and a buffer in front of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace cajal::graph {

// Takes the document's next piece, some 64 KiB. An error ends the export.
using TextSink = std::function<absl::Status(std::string_view piece)>;

// Gathers text and hands it on in pieces. Nothing is handed on but by the two Flush functions. One
// thread at a time; `sink` must outlive it.
class PieceWriter {
 public:
  explicit PieceWriter(const TextSink& sink) : sink_(sink) {}

  PieceWriter& operator<<(std::string_view text);
  PieceWriter& operator<<(int64_t number);
  // The shortest text that reads back as the same float64, hence as the same float32.
  PieceWriter& operator<<(float number);
  PieceWriter& operator<<(double number);

  // To be asked after each small part of a document.
  absl::Status FlushIfFull();
  absl::Status Flush();

 private:
  const TextSink& sink_;
  std::string buffer_;
};

// `text` for documents that allow neither ill-formed UTF-8 nor control characters (XML, DOT): each
// such byte becomes U+FFFD. Tab, line feed and carriage return stay.
std::string PrintableText(const std::string& text);

}  // namespace cajal::graph
