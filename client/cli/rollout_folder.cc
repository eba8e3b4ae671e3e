#include "client/cli/rollout_folder.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/format.h"
#include "client/cli/output_file.h"
#include "client/cli/tensor_file.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/safetensors.h"

namespace cajal::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxFileBytes = 256 << 20;
// While the server computes one picture, the next one is on its way.
constexpr size_t kCallsAtOnce = 2;

struct Picture {
  fs::path path;
  std::string name;
  int64_t size_bytes = 0;
};

absl::StatusOr<std::vector<Picture>> PicturesIn(const std::string& dir) {
  static const std::set<std::string> kExtensions = {".png", ".jpg", ".jpeg", ".webp"};
  std::vector<Picture> pictures;
  std::error_code error;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const std::string extension = absl::AsciiStrToLower(it->path().extension().string());
    if (name.front() == '.' || kExtensions.count(extension) == 0) continue;
    pictures.push_back({it->path(), name, static_cast<int64_t>(it->file_size(error))});
  }
  if (error) return UsageError(absl::StrCat("--images: ", dir, ": ", error.message()));
  if (pictures.empty()) {
    return UsageError(absl::StrCat("--images: ", dir, " has no *.png, *.jpg, *.jpeg or *.webp"));
  }
  std::sort(pictures.begin(), pictures.end(),
            [](const Picture& a, const Picture& b) { return a.name < b.name; });
  return pictures;
}

// What a file's header says of how it was made.
std::map<std::string, std::string> Provenance(const FolderRollout& folder, const Picture& picture) {
  return {{"settings", SettingsText(folder.flags) + (folder.pan_and_scan ? ", crops" : "")},
          {"source", picture.name},
          {"source_bytes", absl::StrCat(picture.size_bytes)}};
}

bool IsDone(const fs::path& output, const std::map<std::string, std::string>& provenance) {
  const auto file = checkpoint::SafetensorsFile::Open(output.string());
  if (!file.ok()) return false;
  return std::all_of(provenance.begin(), provenance.end(), [&](const auto& entry) {
    const auto found = (*file)->metadata().find(entry.first);
    return found != (*file)->metadata().end() && found->second == entry.second;
  });
}

// A call under way.
struct Pending {
  Picture picture;
  std::future<absl::StatusOr<client::Rollout>> rollout;
};

Pending Start(const FolderRollout& folder, const client::RolloutSettings& settings,
              const Picture& picture, std::string bytes, Session& session) {
  client::ComputeRolloutRequest request{.settings = settings, .half_precision = true};
  request.prompt.pan_and_scan = folder.pan_and_scan;
  request.prompt.parts.push_back({.text = {}, .image = client::Image{std::move(bytes)}});
  auto promise = std::make_shared<std::promise<absl::StatusOr<client::Rollout>>>();
  Pending pending{picture, promise->get_future()};
  session.client->ComputeRolloutAsync(request, session.CallOptions(),
                                      [promise](absl::StatusOr<client::Rollout> rollout) {
                                        promise->set_value(std::move(rollout));
                                      });
  return pending;
}

absl::Status Write(const FolderRollout& folder, const Picture& picture,
                   const client::Rollout& rollout) {
  std::map<std::string, std::string> metadata = Provenance(folder, picture);
  metadata["patches_per_side"] = absl::StrCat(rollout.patches_per_side);
  metadata["tokens_per_side"] = absl::StrCat(rollout.tokens_per_side);
  std::vector<client::Tensor> tensors = rollout.tensors;
  // One picture without crops needs no number.
  if (tensors.size() == 1) tensors[0].name = "pooled";
  const fs::path path = fs::path(folder.output_dir) / (picture.name + ".safetensors");
  const absl::StatusOr<OutputFile> file = OutputFile::Check(path.string());
  if (!file.ok()) return file.status();
  return file->Write(ToSafetensors(tensors, metadata));
}

// Whether the other pictures have a chance.
bool IsOfThePicture(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument;
}

}  // namespace

absl::Status RollOutFolder(const FolderRollout& folder, Session& session) {
  const absl::StatusOr<client::RolloutSettings> settings = SettingsOf(folder.flags);
  if (!settings.ok()) return settings.status();
  const absl::StatusOr<std::vector<Picture>> pictures = PicturesIn(folder.images);
  if (!pictures.ok()) return pictures.status();
  std::error_code error;
  fs::create_directories(folder.output_dir, error);
  if (error)
    return UsageError(absl::StrCat("--output-dir: ", folder.output_dir, ": ", error.message()));

  size_t n_skipped = 0;
  size_t n_failed = 0;
  size_t n_done = 0;
  ProgressBar bar(session.console.err, session.console.err_is_terminal);
  const auto report = [&](const Picture& picture, const absl::Status& status, double seconds) {
    if (folder.json) {
      Json line = {{"picture", picture.name}, {"ok", status.ok()}};
      if (status.ok()) line["seconds"] = seconds;
      if (!status.ok()) line["error"] = std::string(status.message());
      *session.console.out << JsonText(line) << "\n" << std::flush;
    }
    if (!status.ok()) {
      *session.console.err << picture.name << ": " << std::string(status.message()) << "\n";
    }
    bar.Show({.phase = "pictures",
              .done = static_cast<int64_t>(n_done + n_skipped + n_failed),
              .total = std::ssize(*pictures)});
  };

  std::deque<Pending> under_way;
  // Takes the oldest call's answer; an error that the next picture would meet too.
  const auto finish_one = [&]() -> absl::Status {
    Pending pending = std::move(under_way.front());
    under_way.pop_front();
    const absl::StatusOr<client::Rollout> rollout = pending.rollout.get();
    if (!rollout.ok() && !IsOfThePicture(rollout.status())) return rollout.status();
    if (rollout.ok()) {
      absl::Status written = Write(folder, pending.picture, *rollout);
      if (!written.ok()) return written;
    }
    rollout.ok() ? ++n_done : ++n_failed;
    report(pending.picture, rollout.status(), rollout.ok() ? rollout->seconds : 0);
    return absl::OkStatus();
  };
  for (const Picture& picture : *pictures) {
    const fs::path output = fs::path(folder.output_dir) / (picture.name + ".safetensors");
    if (IsDone(output, Provenance(folder, picture))) {
      ++n_skipped;
      continue;
    }
    absl::StatusOr<std::string> bytes = checkpoint::ReadFile(picture.path.string(), kMaxFileBytes);
    if (!bytes.ok()) {
      ++n_failed;
      report(picture, bytes.status(), 0);
      continue;
    }
    if (under_way.size() == kCallsAtOnce) {
      if (absl::Status status = finish_one(); !status.ok()) return status;
    }
    under_way.push_back(Start(folder, *settings, picture, *std::move(bytes), session));
  }
  while (!under_way.empty()) {
    if (absl::Status status = finish_one(); !status.ok()) return status;
  }
  if (!folder.json) {
    *session.console.out << n_done << " pictures done, " << n_skipped
                         << " were there already: " << folder.output_dir << "\n";
  }
  if (n_failed == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(n_failed, " of ", pictures->size(), " pictures could not be read"));
}

}  // namespace cajal::cli
