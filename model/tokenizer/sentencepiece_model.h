// libsentencepiece behind a wall: its header defines a string_view that clashes with Abseil's, so
// that only sentencepiece_model.cc, which includes nothing of Abseil, may see it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace cajal::tokenizer {

// Immutable after Load; any thread may call the rest.
class SentencePieceModel {
 public:
  // Reads tokenizer.model. Returns nullptr and sets `error` on failure.
  static std::unique_ptr<SentencePieceModel> Load(const std::string& path, std::string* error);
  ~SentencePieceModel();

  [[nodiscard]] std::vector<int64_t> Encode(const std::string& text) const;
  [[nodiscard]] int64_t size() const;
  [[nodiscard]] std::string Piece(int64_t id) const;
  [[nodiscard]] bool IsControl(int64_t id) const;  // <bos>, <eos>, …: never found in text

 private:
  class Processor;
  explicit SentencePieceModel(std::unique_ptr<Processor> processor);
  std::unique_ptr<Processor> processor_;
};

}  // namespace cajal::tokenizer
