#include "model/corpus/data_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/json.h"

namespace cajal::corpus {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// More than any prompt; a file that is no JSON lines at all ends here.
constexpr int64_t kMaxLineBytes = 64 << 20;
constexpr int64_t kMaxImageBytes = 256 << 20;
constexpr size_t kReadBytes = 1 << 20;

absl::Status ReadError(const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be read"));
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

absl::StatusOr<std::string> StringAt(const json& object, const char* key,
                                     const std::string& where) {
  const auto value = object.find(key);
  if (value == object.end() || !value->is_string()) {
    return absl::InvalidArgumentError(absl::StrCat(where, "'", key, "' must be a string"));
  }
  return value->get<std::string>();
}

absl::StatusOr<tokenizer::EncodedImage> ReadImage(const std::string& dir, const json& value) {
  if (!value.is_string()) return absl::InvalidArgumentError("'images' must be a list of paths");
  const auto name = value.get<std::string>();
  const fs::path relative = fs::path(name).lexically_normal();
  if (relative.empty() || relative.is_absolute() || *relative.begin() == "..") {
    return absl::InvalidArgumentError("'images' holds " + checkpoint::Quoted(name) +
                                      ", which leads out of the folder");
  }
  ASSIGN_OR_RETURN(std::string bytes,
                   checkpoint::ReadFile((fs::path(dir) / relative).string(), kMaxImageBytes));
  return tokenizer::EncodedImage{std::move(bytes)};
}

absl::StatusOr<tokenizer::ChatTurn> ParseTurn(const json& turn, size_t index) {
  const std::string where = absl::StrCat("'chat[", index, "]': ");
  if (!turn.is_object()) return absl::InvalidArgumentError(where + "must be an object");
  tokenizer::ChatTurn parsed;
  ASSIGN_OR_RETURN(parsed.role, StringAt(turn, "role", where));
  ASSIGN_OR_RETURN(std::string content, StringAt(turn, "content", where));
  parsed.parts.push_back({.text = std::move(content)});
  return parsed;
}

absl::StatusOr<tokenizer::Prompt> ParseDocument(const std::string& dir, const json& object) {
  if (object.contains("text") == object.contains("chat")) {
    return absl::InvalidArgumentError("one of 'text' and 'chat' is expected");
  }
  tokenizer::Prompt prompt;
  std::vector<tokenizer::PromptPart>* image_parts = &prompt.parts;
  if (object.contains("text")) {
    ASSIGN_OR_RETURN(std::string text, StringAt(object, "text", ""));
    prompt.parts.push_back({.text = std::move(text)});
  } else {
    const json& chat = object.at("chat");
    if (!chat.is_array() || chat.empty()) {
      return absl::InvalidArgumentError("'chat' must be a list of turns");
    }
    for (const json& turn : chat) {
      ASSIGN_OR_RETURN(tokenizer::ChatTurn parsed, ParseTurn(turn, prompt.turns.size()));
      prompt.turns.push_back(std::move(parsed));
    }
    prompt.add_generation_prompt = prompt.turns.back().role == "user";
    // The placeholders name the places, so that the parts may stand anywhere.
    image_parts = &prompt.turns.front().parts;
  }
  if (const auto images = object.find("images"); images != object.end()) {
    if (!images->is_array()) return absl::InvalidArgumentError("'images' must be a list of paths");
    for (const json& image : *images) {
      ASSIGN_OR_RETURN(tokenizer::EncodedImage encoded, ReadImage(dir, image));
      image_parts->push_back({.image = std::move(encoded)});
    }
  }
  return prompt;
}

}  // namespace

// An open *.jsonl file.
class DataFolder::LineFile {
 public:
  static absl::StatusOr<std::shared_ptr<const LineFile>> Open(const std::string& path) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return ReadError(path);
    return std::shared_ptr<const LineFile>(new LineFile(path, descriptor));
  }
  ~LineFile() { close(descriptor_); }
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  // The bytes from `offset` on, at most `size`; fewer at the end of the file.
  absl::StatusOr<std::string> Read(int64_t offset, size_t size) const {
    std::string bytes(size, '\0');
    size_t done = 0;
    while (done < size) {
      const ssize_t n =
          pread(descriptor_, bytes.data() + done, size - done, offset + static_cast<off_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ReadError(path_);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    bytes.resize(done);
    return bytes;
  }

  // The line that begins at `offset`, without its end.
  absl::StatusOr<std::string> ReadLine(int64_t offset) const {
    std::string line;
    while (static_cast<int64_t>(line.size()) <= kMaxLineBytes) {
      ASSIGN_OR_RETURN(const std::string bytes,
                       Read(offset + static_cast<int64_t>(line.size()), 4096));
      const size_t end = bytes.find('\n');
      line.append(bytes, 0, end);
      if (end != std::string::npos || bytes.size() < 4096) return line;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("the line is longer than ", kMaxLineBytes, " bytes"));
  }

 private:
  LineFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  const std::string path_;
  const int descriptor_;
};

absl::StatusOr<DataFolder> DataFolder::Open(const std::string& dir) {
  std::error_code error;
  if (!fs::is_directory(dir, error)) return absl::NotFoundError(dir + " is not a folder");
  std::vector<std::string> paths;
  for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".jsonl") paths.push_back(entry->path().string());
  }
  if (error) return absl::PermissionDeniedError(dir + " cannot be listed: " + error.message());
  std::sort(paths.begin(), paths.end());

  DataFolder folder(dir);
  for (const std::string& path : paths) RETURN_IF_ERROR(folder.IndexFile(path));
  if (folder.lines_.empty()) {
    return absl::InvalidArgumentError(
        dir + (paths.empty() ? " holds no *.jsonl file" : ": its *.jsonl files hold no document"));
  }
  return folder;
}

absl::Status DataFolder::IndexFile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, LineFile::Open(path));
  Line line{.file = static_cast<int32_t>(files_.size()), .number = 1};
  files_.push_back(file);
  bool is_blank = true;
  for (int64_t offset = 0;;) {
    ASSIGN_OR_RETURN(const std::string bytes, file->Read(offset, kReadBytes));
    for (size_t from = 0; from < bytes.size();) {
      const size_t end = std::min(bytes.find('\n', from), bytes.size());
      is_blank = is_blank && IsBlank(std::string_view(bytes).substr(from, end - from));
      if (end == bytes.size()) break;  // the line goes on in the next piece
      if (!is_blank) lines_.push_back(line);
      from = end + 1;
      line.offset = offset + static_cast<int64_t>(from);
      if (line.number == std::numeric_limits<int32_t>::max()) {
        return absl::InvalidArgumentError(path + " has more than 2^31 lines");
      }
      ++line.number;
      is_blank = true;
    }
    offset += static_cast<int64_t>(bytes.size());
    if (bytes.size() < kReadBytes) break;
  }
  if (!is_blank) lines_.push_back(line);
  return absl::OkStatus();
}

absl::StatusOr<tokenizer::Prompt> DataFolder::ReadDocument(int64_t index) const {
  const Line& line = lines_[static_cast<size_t>(index)];
  const std::string place = PlaceOf(index);
  const auto text = files_[static_cast<size_t>(line.file)]->ReadLine(line.offset);
  if (!text.ok()) return WithContext(text.status(), place);
  ASSIGN_OR_RETURN(const json object, checkpoint::ParseJsonObject(*text, place));
  auto prompt = ParseDocument(dir_, object);
  if (!prompt.ok()) return WithContext(prompt.status(), place);
  return prompt;
}

std::string DataFolder::PlaceOf(int64_t index) const {
  const Line& line = lines_[static_cast<size_t>(index)];
  return absl::StrCat(files_[static_cast<size_t>(line.file)]->path(), ":", line.number);
}

}  // namespace cajal::corpus
