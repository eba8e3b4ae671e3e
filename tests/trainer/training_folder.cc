#include "tests/trainer/training_folder.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "tests/golden_util.h"
#include "trainer/record_framing.h"
#include "trainer/tensorboard_event.pb.h"

namespace cajal::trainer {
namespace {

namespace fs = std::filesystem;

constexpr int kDocuments = 40;

// Line i of the folder: sentences of its own length and words.
std::string Line(int i) {
  static const char* const words[] = {"planet", "of", "the", "a", "red", "see", "many", "picture"};
  std::string text;
  for (int word = 0; word < 5 + i * 7 % 23; ++word) {
    absl::StrAppend(&text, " ", words[(i * 5 + word * word) % 8]);
  }
  static const char* const images[] = {"gray_64x48.png", "noise_56x56.png", "up_13x9.png"};
  const std::string image = absl::StrCat("\"images\": [\"", images[i % 3], "\"]");
  switch (i % 3) {
    case 0:
      return absl::StrCat("{\"text\": \"", text, "\"}\n");
    case 1:
      return absl::StrCat("{\"text\": \"<start_of_image>", text, "\", ", image, "}\n");
    default:
      return absl::StrCat(
          "{\"chat\": [{\"role\": \"user\", \"content\": \"<start_of_image> What?\"}, ",
          "{\"role\": \"assistant\", \"content\": \"", text, "\"}], ", image, "}\n");
  }
}

// "10: fvu/layer_0=0.5, …" for each event.
std::string Events(const std::string& file) {
  std::string text;
  size_t offset = 0;
  while (const auto record = ReadRecord(file, offset)) {
    tensorboard::Event event;
    CAJAL_CHECK(event.ParseFromString(std::string(record->bytes)));
    absl::StrAppend(&text, event.step(), ": ", event.file_version());
    for (const tensorboard::Scalar& scalar : event.summary().value()) {
      absl::StrAppend(&text, ", ", scalar.tag(), "=", scalar.simple_value());
    }
    text += "\n";
    offset = record->end;
  }
  CAJAL_CHECK(offset == file.size()) << "a damaged record";
  return text;
}

}  // namespace

TrainingFolder::TrainingFolder() {
  for (const char* image : {"gray_64x48.png", "noise_56x56.png", "up_13x9.png"}) {
    fs::copy_file(fs::path("golden/images") / image, fs::path(data_dir()) / image);
  }
  std::string lines;
  for (int i = 0; i < kDocuments; ++i) lines += Line(i);
  CAJAL_CHECK(!Write("documents.jsonl", lines).empty());
}

std::vector<std::string> TrainingFolder::Command(const std::string& output,
                                                 const std::vector<std::string>& flags) const {
  const std::vector<std::pair<std::string, std::string>> defaults = {{"--model", "golden/tiny"},
                                                                     {"--data", data_dir()},
                                                                     {"--output", output},
                                                                     {"--features", "96"},
                                                                     {"--k", "6"},
                                                                     {"--steps", "100"},
                                                                     {"--batch-tokens", "32"},
                                                                     {"--learning-rate", "0.003"},
                                                                     {"--dead-after", "500"},
                                                                     {"--warmup-steps", "10"},
                                                                     {"--buffer-bytes", "4000000"},
                                                                     {"--context", "64"},
                                                                     {"--held-out", data_dir()},
                                                                     {"--held-out-tokens", "300"},
                                                                     {"--evaluate-every", "20"},
                                                                     {"--checkpoint-every", "4"},
                                                                     {"--threads", "1"},
                                                                     {"--device", "cpu"}};
  std::vector<std::string> command = {CAJAL_TRAIN_PATH};
  for (const auto& [flag, value] : defaults) {
    if (std::find(flags.begin(), flags.end(), flag) == flags.end()) {
      command.insert(command.end(), {flag, value});
    }
  }
  command.insert(command.end(), flags.begin(), flags.end());
  return command;
}

std::map<std::string, std::string> ContentOf(const std::string& dir) {
  std::map<std::string, std::string> content;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().lexically_relative(dir).string();
    const std::string bytes = golden::ReadBytes(entry.path().string());
    content[name] = name.find("tfevents") == std::string::npos ? bytes : Events(bytes);
  }
  return content;
}

}  // namespace cajal::trainer
