#include "model/tokenizer/sentencepiece_model.h"

#include <sentencepiece_processor.h>

#include <utility>

namespace cajal::tokenizer {

class SentencePieceModel::Processor : public sentencepiece::SentencePieceProcessor {};

std::unique_ptr<SentencePieceModel> SentencePieceModel::Load(const std::string& path,
                                                             std::string* error) {
  auto processor = std::make_unique<Processor>();
  const sentencepiece::util::Status status = processor->Load(path);
  if (!status.ok()) {
    *error = status.error_message();
    return nullptr;
  }
  return std::unique_ptr<SentencePieceModel>(new SentencePieceModel(std::move(processor)));
}

SentencePieceModel::SentencePieceModel(std::unique_ptr<Processor> processor)
    : processor_(std::move(processor)) {}

SentencePieceModel::~SentencePieceModel() = default;

std::vector<int64_t> SentencePieceModel::Encode(const std::string& text) const {
  const std::vector<int> ids = processor_->EncodeAsIds(text);
  return {ids.begin(), ids.end()};
}

int64_t SentencePieceModel::size() const { return processor_->GetPieceSize(); }

std::string SentencePieceModel::Piece(int64_t id) const {
  return processor_->IdToPiece(static_cast<int>(id));
}

bool SentencePieceModel::IsControl(int64_t id) const {
  return processor_->IsControl(static_cast<int>(id));
}

}  // namespace cajal::tokenizer
