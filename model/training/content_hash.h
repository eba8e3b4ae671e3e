// SHA-256 of files and folders: what a transcoder was made from, and what came out.
//
// Free functions; any thread may call them. Errors name the file.
#pragma once

#include <string>
#include <vector>

#include "model/base/status.h"

namespace cajal::training {

// 64 hexadecimal digits, as sha256sum prints them.
std::string Sha256(const std::string& bytes);
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

// The hash of the list that sha256sum would print for `names` below `dir`, sorted by name: one line
// "HASH  NAME\n" for each file.
absl::StatusOr<std::string> Sha256OfFiles(const std::string& dir, std::vector<std::string> names);

// All files of a data folder, those below its folders included; hidden ones are left out. The same
// as
//   find -L . -type f -not -path '*/.*' -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum |
//   sha256sum
absl::StatusOr<std::string> Sha256OfDataFolder(const std::string& dir);

// What Cajal reads of a checkpoint folder: its weights, config, tokenizer and picture settings.
// Model cards, examples and folders below do not change it.
absl::StatusOr<std::string> Sha256OfModelFolder(const std::string& dir);

}  // namespace cajal::training
