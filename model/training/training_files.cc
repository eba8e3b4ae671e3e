#include "model/training/training_files.h"

#include <filesystem>
#include <system_error>
#include <vector>

namespace cajal::training {
namespace {

namespace fs = std::filesystem;

// WriteFileAtomically's temporary files, "NAME.PROCESS.NUMBER.tmp", of files whose path begins so.
// What cannot be deleted is only a waste of space.
void RemoveTemporaries(const std::string& dir, const std::string& beginning) {
  std::error_code error;
  std::vector<fs::path> unfinished;
  for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.ends_with(".tmp") && name.starts_with(beginning)) unfinished.push_back(entry->path());
  }
  for (const fs::path& path : unfinished) fs::remove(path, error);
}

}  // namespace

void TrainingFiles::RemoveUnfinished() const {
  RemoveTemporaries(run_dir(), "");
  for (int layer = first_layer; layer <= last_layer; ++layer) {
    RemoveTemporaries(output_dir, WeightsName(layer));
    RemoveTemporaries(training_dir(), fs::path(Record(layer)).filename().string());
  }
}

}  // namespace cajal::training
