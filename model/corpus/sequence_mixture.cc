#include "model/corpus/sequence_mixture.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "model/base/check.h"

namespace cajal::corpus {

absl::StatusOr<SequenceMixture> SequenceMixture::Open(const std::vector<WeightedFolder>& folders,
                                                      const PromptFiles* files, int64_t context,
                                                      uint64_t seed) {
  SequenceMixture mixture(files);
  for (const WeightedFolder& weighted : folders) {
    ASSIGN_OR_RETURN(DataFolder opened, DataFolder::Open(weighted.dir));
    auto folder = std::make_shared<const DataFolder>(std::move(opened));
    const SequenceOptions options{.context = context,
                                  .shuffle_seed = seed + mixture.sources_.size()};
    FolderSequences sequences(folder.get(), files, options);
    mixture.sources_.push_back({std::move(folder), weighted.weight, options, std::move(sequences)});
  }
  return mixture;
}

void SequenceMixture::Seek(const MixtureCursor& cursor) {
  CAJAL_CHECK(cursor.folders.size() == sources_.size() && cursor.drawn.size() == sources_.size())
      << "a cursor of other folders";
  for (size_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[i];
    source.sequences =
        FolderSequences(source.folder.get(), files_, source.options, cursor.folders[i]);
    source.drawn = cursor.drawn[i];
  }
}

MixtureCursor SequenceMixture::cursor() const {
  MixtureCursor cursor;
  for (const Source& source : sources_) {
    cursor.folders.push_back(source.sequences.cursor());
    cursor.drawn.push_back(source.drawn);
  }
  return cursor;
}

int64_t SequenceMixture::n_documents() const {
  int64_t n = 0;
  for (const Source& source : sources_) n += source.folder->n_documents();
  return n;
}

absl::StatusOr<Sequence> SequenceMixture::Next() {
  // The time at which each source's next sequence is due, if it gives `weight` of them a second.
  const auto due = [](const Source& source) {
    return static_cast<double>(source.drawn + 1) / source.weight;
  };
  Source& source =
      *std::min_element(sources_.begin(), sources_.end(),
                        [&due](const Source& a, const Source& b) { return due(a) < due(b); });
  ++source.drawn;
  for (;;) {  // twice at the end of an epoch: each has at least one sequence
    auto sequence = source.sequences.Next();
    if (!sequence.ok()) return sequence.status();
    if (sequence->has_value()) return **std::move(sequence);
  }
}

}  // namespace cajal::corpus
