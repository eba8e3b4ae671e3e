// Sequences from several data folders, mixed in given proportions for as long as they are asked
// for.
//
// The mixture is counted in sequences (blocks of packed text, or documents with pictures) and has
// no chance in it: the next sequence comes from the folder that is furthest behind its share, so
// weights 2:2:1 give the cycle a b a b c. A folder that comes to its end begins again with its
// documents in another order. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/corpus/folder_sequences.h"

namespace cajal::corpus {

struct WeightedFolder {
  std::string dir;
  double weight = 1;  // above 0; only the proportions matter
};

// Where each folder stands, and how many sequences have come from it; all in the order of the
// folders.
struct MixtureCursor {
  std::vector<FolderCursor> folders;
  std::vector<int64_t> drawn;

  friend bool operator==(const MixtureCursor&, const MixtureCursor&) = default;
};

class SequenceMixture {
 public:
  // `files` must outlive it. Each folder has an order of its own, from `seed` and its place in the
  // list.
  static absl::StatusOr<SequenceMixture> Open(const std::vector<WeightedFolder>& folders,
                                              const PromptFiles* files, int64_t context,
                                              uint64_t seed);

  // Goes to where a mixture of the same folders stood.
  void Seek(const MixtureCursor& cursor);
  [[nodiscard]] MixtureCursor cursor() const;

  absl::StatusOr<Sequence> Next();

  // Of all folders together.
  [[nodiscard]] int64_t n_documents() const;

 private:
  struct Source {
    std::shared_ptr<const DataFolder> folder;  // on the heap, so that `sequences` may point to it
    double weight = 1;
    SequenceOptions options;
    FolderSequences sequences;
    int64_t drawn = 0;
  };

  explicit SequenceMixture(const PromptFiles* files) : files_(files) {}

  const PromptFiles* files_;
  std::vector<Source> sources_;
};

}  // namespace cajal::corpus
