// The sequences that one data folder gives to a model, one after the other.
//
// A document with pictures is one sequence. Documents without pictures that follow each other are
// packed into blocks: <bos>, then the documents with <eos> between them, cut at the context; what
// was cut off goes on after the <bos> of the next block. A block ends early before a document with
// pictures and at the end of the epoch, and nothing is filled up: sequences are run one at a time,
// so that there is no padding at all.
//
// Where it stands is a cursor of three numbers; a reader that starts from a saved cursor gives the
// same sequences as the one that saved it went on to give. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/corpus/data_folder.h"
#include "model/corpus/prepare_prompt.h"

namespace cajal::corpus {

struct Sequence {
  std::vector<int64_t> token_ids;                 // [T], with <bos> in front
  std::vector<tokenizer::ImageSpan> image_spans;  // in order of position
  std::vector<float> pixels;                      // [images, 3, image_size, image_size]
};

// Where in a folder the next sequence begins.
struct FolderCursor {
  int64_t epoch = 0;
  int64_t document = 0;  // how many of the epoch's order have been used up
  int64_t token = 0;     // how many tokens of the next one, <bos> not counted

  friend bool operator==(const FolderCursor&, const FolderCursor&) = default;
};

struct SequenceOptions {
  int64_t context = 2048;  // longest sequence, in positions
  // The order of the documents, another in each epoch; without a seed, as they lie in the files.
  std::optional<uint64_t> shuffle_seed;
};

class FolderSequences {
 public:
  // `folder` and `files` must outlive it.
  FolderSequences(const DataFolder* folder, const PromptFiles* files,
                  const SequenceOptions& options, const FolderCursor& cursor = {});

  // The next sequence; nothing, once, at the end of each epoch. Errors begin with the file and the
  // line of the document. A document with pictures that is longer than the context is cut; if the
  // cut would go through a picture or lose one, it is an error.
  absl::StatusOr<std::optional<Sequence>> Next();

  [[nodiscard]] const FolderCursor& cursor() const { return cursor_; }

 private:
  // Makes the cursor's document current_.
  absl::Status Prepare();
  void FinishDocument();

  const DataFolder* folder_;
  const PromptFiles* files_;
  SequenceOptions options_;
  FolderCursor cursor_;
  std::vector<int64_t> order_;  // of the cursor's epoch; empty: as they lie, or not yet made
  int64_t order_epoch_ = -1;
  std::optional<PreparedPrompt> current_;  // the cursor's document, once it was looked at
  int64_t current_index_ = 0;              // its number in the folder
};

}  // namespace cajal::corpus
