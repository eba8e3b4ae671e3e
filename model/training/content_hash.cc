#include "model/training/content_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <set>
#include <span>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/checkpoint/file_io.h"

namespace cajal::training {
namespace {

namespace fs = std::filesystem;

std::string HexSha256(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  CAJAL_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) ==
              1)
      << "OpenSSL has SHA-256";
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), size});
}

bool IsHidden(const fs::path& path) { return path.filename().string().starts_with("."); }

// Names below `dir` of all files that are not hidden.
absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code error;
  fs::recursive_directory_iterator entry(dir, fs::directory_options::follow_directory_symlink,
                                         error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (IsHidden(entry->path())) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      names.push_back(entry->path().lexically_relative(dir).string());
    }
  }
  if (error) return absl::PermissionDeniedError(dir + " cannot be listed: " + error.message());
  return names;
}

}  // namespace

std::string Sha256(const std::string& bytes) { return HexSha256(std::as_bytes(std::span(bytes))); }

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, checkpoint::MappedFile::Open(path));
  return HexSha256(file->bytes());
}

absl::StatusOr<std::string> Sha256OfFiles(const std::string& dir, std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  std::string list;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const std::string hash, Sha256OfFile((fs::path(dir) / name).string()));
    absl::StrAppend(&list, hash, "  ", name, "\n");
  }
  return Sha256(list);
}

absl::StatusOr<std::string> Sha256OfDataFolder(const std::string& dir) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, FilesBelow(dir));
  return Sha256OfFiles(dir, names);
}

absl::StatusOr<std::string> Sha256OfModelFolder(const std::string& dir) {
  static const std::set<std::string> kRead = {
      "added_tokens.json",        "config.json",           "model.safetensors.index.json",
      "preprocessor_config.json", "processor_config.json", "tokenizer.json",
      "tokenizer.model",          "tokenizer_config.json"};
  ASSIGN_OR_RETURN(std::vector<std::string> names, FilesBelow(dir));
  std::erase_if(names, [](const std::string& name) {
    const fs::path path(name);
    return path.has_parent_path() || (path.extension() != ".safetensors" && !kRead.contains(name));
  });
  return Sha256OfFiles(dir, names);
}

}  // namespace cajal::training
