// From a prompt to what the model reads: token ids, and pixels of its pictures.
#pragma once

#include <cstdint>
#include <string>

#include "model/base/status.h"
#include "model/checkpoint/config.h"
#include "model/corpus/prepared_prompt.h"
#include "model/image/preprocessor_config.h"
#include "model/tokenizer/prompt.h"
#include "model/tokenizer/tokenizer.h"

namespace cajal::corpus {

struct PromptLimits {
  int64_t max_positions = 8192;
  int64_t max_image_pixels = 64'000'000;  // per picture, before resizing
};

// What a prompt is prepared with: the files of one model beside its weights. Immutable after
// LoadPromptFiles; any thread may use it.
struct PromptFiles {
  checkpoint::Gemma3Config config;
  tokenizer::Tokenizer tokenizer;
  image::PreprocessorConfig preprocessor;
};

// Reads the tokenizer and, for a model with vision, the preprocessor's config of `model_dir`.
// Errors name the file; a tokenizer that does not belong to `config` is refused.
absl::StatusOr<PromptFiles> LoadPromptFiles(const std::string& model_dir,
                                            const checkpoint::Gemma3Config& config);

// Decodes and resizes the pictures and tokenises. Errors are INVALID_ARGUMENT with a field below
// "prompt": IMAGE_UNREADABLE, IMAGE_TOO_LARGE, PROMPT_TOO_LONG, IMAGE_COUNT and others.
absl::StatusOr<PreparedPrompt> PreparePrompt(const PromptFiles& files, const PromptLimits& limits,
                                             const tokenizer::Prompt& prompt);

}  // namespace cajal::corpus
