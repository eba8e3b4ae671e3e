// A folder of training or test data: JSON lines with prompts, and the pictures that they name.
//
//   ASSIGN_OR_RETURN(const DataFolder folder, DataFolder::Open("data/captions"));
//   for (int64_t i = 0; i < folder.n_documents(); ++i) {
//     ASSIGN_OR_RETURN(const tokenizer::Prompt prompt, folder.ReadDocument(i));
//
// The folder holds one or more *.jsonl files, read in the order of their names. Each line is an
// object of one of two forms; empty lines are skipped:
//   {"text": "<start_of_image> This is planet Mars.", "images": ["images/0001.png"]}
//   {"chat": [{"role": "user", "content": "<start_of_image>What planet is this?"},
//             {"role": "assistant", "content": "Mars"}], "images": ["images/0002.png"]}
// `images` may be left out; its paths are relative to the folder and stay inside it, and there are
// as many as <start_of_image> in the text. A chat that ends with the user's turn is continued by
// the opening of the model's. Other keys are left to others: data sets keep ids and sources there.
//
// Open reads each file once, to find where its lines begin: 16 bytes of memory for each document.
// Lines and pictures are read when they are asked for. Any thread may call the const functions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/base/status.h"
#include "model/tokenizer/prompt.h"

namespace cajal::corpus {

class DataFolder {
 public:
  // NOT_FOUND when there is no such folder; INVALID_ARGUMENT when it holds no document.
  static absl::StatusOr<DataFolder> Open(const std::string& dir);

  [[nodiscard]] const std::string& dir() const { return dir_; }
  [[nodiscard]] int64_t n_documents() const { return static_cast<int64_t>(lines_.size()); }

  // The document as a prompt, with the bytes of its pictures. Errors begin with the file and the
  // line: "data/captions.jsonl:17: …".
  [[nodiscard]] absl::StatusOr<tokenizer::Prompt> ReadDocument(int64_t index) const;

  // "data/captions.jsonl:17", for errors about a document.
  [[nodiscard]] std::string PlaceOf(int64_t index) const;

 private:
  class LineFile;
  struct Line {
    int64_t offset = 0;
    int32_t file = 0;
    int32_t number = 0;  // from 1, as editors count
  };

  explicit DataFolder(std::string dir) : dir_(std::move(dir)) {}
  absl::Status IndexFile(const std::string& path);

  std::string dir_;
  std::vector<std::shared_ptr<const LineFile>> files_;
  std::vector<Line> lines_;
};

}  // namespace cajal::corpus
