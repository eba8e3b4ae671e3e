#include "model/corpus/folder_sequences.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/corpus/permutation.h"

namespace cajal::corpus {
namespace {

// Text is cut into blocks after it is tokenised, so its own length has no limit but this.
constexpr int64_t kMaxDocumentPositions = 1 << 24;

// Cuts a document with pictures at `context`.
absl::StatusOr<Sequence> WholeDocument(PreparedPrompt prepared, int64_t context) {
  Sequence sequence{.token_ids = std::move(prepared.tokenized.token_ids),
                    .image_spans = std::move(prepared.tokenized.image_spans),
                    .pixels = std::move(prepared.pixels)};
  if (static_cast<int64_t>(sequence.token_ids.size()) > context) {
    if (sequence.image_spans.back().end > context) {
      return absl::InvalidArgumentError(absl::StrCat("its last picture ends at position ",
                                                     sequence.image_spans.back().end,
                                                     ", beyond the context of ", context));
    }
    sequence.token_ids.resize(static_cast<size_t>(context));
  }
  return sequence;
}

}  // namespace

FolderSequences::FolderSequences(const DataFolder* folder, const PromptFiles* files,
                                 const SequenceOptions& options, const FolderCursor& cursor)
    : folder_(folder), files_(files), options_(options), cursor_(cursor) {}

absl::Status FolderSequences::Prepare() {
  if (current_.has_value()) return absl::OkStatus();
  if (options_.shuffle_seed.has_value() && order_epoch_ != cursor_.epoch) {
    order_ = SeededPermutation(folder_->n_documents(), *options_.shuffle_seed,
                               static_cast<uint64_t>(cursor_.epoch));
    order_epoch_ = cursor_.epoch;
  }
  const int64_t index =
      order_.empty() ? cursor_.document : order_[static_cast<size_t>(cursor_.document)];
  ASSIGN_OR_RETURN(const tokenizer::Prompt prompt, folder_->ReadDocument(index));
  auto prepared = PreparePrompt(*files_, {.max_positions = kMaxDocumentPositions}, prompt);
  if (!prepared.ok()) return WithContext(prepared.status(), folder_->PlaceOf(index));
  current_ = *std::move(prepared);
  current_index_ = index;
  return absl::OkStatus();
}

void FolderSequences::FinishDocument() {
  current_.reset();
  ++cursor_.document;
  cursor_.token = 0;
}

absl::StatusOr<std::optional<Sequence>> FolderSequences::Next() {
  const int64_t bos = files_->config.bos_token_id;
  const int64_t eos = files_->config.eos_token_ids.front();
  Sequence block{.token_ids = {bos}};
  const auto room = [&] { return options_.context - static_cast<int64_t>(block.token_ids.size()); };
  while (cursor_.document < folder_->n_documents()) {
    RETURN_IF_ERROR(Prepare());
    const bool is_empty = block.token_ids.size() == 1;
    if (!current_->tokenized.image_spans.empty()) {
      if (!is_empty) return block;
      auto sequence = WholeDocument(*std::move(current_), options_.context);
      if (!sequence.ok()) return WithContext(sequence.status(), folder_->PlaceOf(current_index_));
      FinishDocument();
      return *std::move(sequence);
    }
    if (room() < (is_empty ? 1 : 2)) return block;
    if (!is_empty) block.token_ids.push_back(eos);
    const std::vector<int64_t>& ids = current_->tokenized.token_ids;
    const int64_t begin = (ids.front() == bos ? 1 : 0) + cursor_.token;
    const int64_t end = std::min<int64_t>(static_cast<int64_t>(ids.size()), begin + room());
    block.token_ids.insert(block.token_ids.end(), ids.begin() + begin, ids.begin() + end);
    if (end < static_cast<int64_t>(ids.size())) {
      cursor_.token += end - begin;
      return block;
    }
    FinishDocument();
  }
  if (block.token_ids.size() > 1) return block;
  cursor_ = {.epoch = cursor_.epoch + 1};
  return std::optional<Sequence>();
}

}  // namespace cajal::corpus
