// A small data folder, and cajal-train runs over it on the golden model that take a second.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/e2e/process.h"
#include "tests/temp_dir.h"

namespace cajal::trainer {

// 40 documents: text, captions and questions about the golden pictures. Paths are below tests/, the
// working directory.
class TrainingFolder {
 public:
  TrainingFolder();

  [[nodiscard]] const std::string& data_dir() const { return data_.path(); }
  // A file in the data folder.
  [[nodiscard]] std::string Write(const std::string& name, const std::string& bytes) const {
    return data_.Write(name, bytes);
  }
  // A folder for the output, by name; it does not exist yet.
  [[nodiscard]] std::string Output(const std::string& name) const { return outputs_.File(name); }

  // cajal-train with small settings, 100 steps over 3 blocks of the buffer; `flags` come instead of
  // those of the same name, or besides them.
  [[nodiscard]] std::vector<std::string> Command(const std::string& output,
                                                 const std::vector<std::string>& flags = {}) const;
  [[nodiscard]] e2e::ProcessResult Train(const std::string& output,
                                         const std::vector<std::string>& flags = {}) const {
    return e2e::RunToEnd({.arguments = Command(output, flags)});
  }

 private:
  const TempDir data_;
  const TempDir outputs_;
};

// The bytes of all files below a folder by their relative paths; of TensorBoard's event files what
// they say, without the times.
std::map<std::string, std::string> ContentOf(const std::string& dir);

}  // namespace cajal::trainer
