// The golden model with a small data folder, for tests of what trains on both.
#pragma once

#include <filesystem>
#include <string>

#include "model/base/check.h"
#include "model/corpus/prepare_prompt.h"
#include "model/corpus/sequence_mixture.h"
#include "model/gemma3/model.h"
#include "model/training/activation_stream.h"
#include "tests/support/golden_tensors.h"
#include "tests/temp_dir.h"

namespace cajal::testing {

class TinyStream {
 public:
  TinyStream()
      : model_(LoadTestModel("golden/tiny")),
        files_(*corpus::LoadPromptFiles("golden/tiny", model_.config)) {
    std::filesystem::copy_file("golden/images/shapes_97x61.png", data_.File("shapes.png"));
    data_.Write("a.jsonl",
                "{\"text\": \"<start_of_image> This is\", \"images\": [\"shapes.png\"]}\n"
                "{\"text\": \"The capital of France is\"}\n"
                "{\"text\": \"How many fingers are on the hand?\"}\n");
  }

  [[nodiscard]] const gemma3::Model& model() const { return model_; }
  [[nodiscard]] const corpus::PromptFiles& files() const { return files_; }
  [[nodiscard]] const std::string& data_dir() const { return data_.path(); }

  [[nodiscard]] corpus::SequenceMixture Mixture(uint64_t seed) const {
    auto mixture =
        corpus::SequenceMixture::Open({{data_.path(), 1}}, &files_, /*context=*/64, seed);
    CAJAL_CHECK(mixture.ok());
    return *std::move(mixture);
  }

 private:
  const gemma3::Model model_;
  const corpus::PromptFiles files_;
  const TempDir data_;
};

}  // namespace cajal::testing
