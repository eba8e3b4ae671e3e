#include "model/corpus/prepare_prompt.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/image/decode_image.h"
#include "model/image/preprocess.h"
#include "model/tokenizer/tokenize_prompt.h"

namespace cajal::corpus {

absl::StatusOr<PromptFiles> LoadPromptFiles(const std::string& model_dir,
                                            const checkpoint::Gemma3Config& config) {
  ASSIGN_OR_RETURN(auto tokenizer, tokenizer::Tokenizer::Load(model_dir));
  RETURN_IF_ERROR(tokenizer::CheckTokenizer(tokenizer, config));
  image::PreprocessorConfig preprocessor;
  if (config.vision.has_value()) {
    ASSIGN_OR_RETURN(preprocessor, image::LoadPreprocessorConfig(model_dir, *config.vision));
  }
  return PromptFiles{config, std::move(tokenizer), preprocessor};
}

absl::StatusOr<PreparedPrompt> PreparePrompt(const PromptFiles& files, const PromptLimits& limits,
                                             const tokenizer::Prompt& prompt) {
  RETURN_IF_ERROR(tokenizer::CheckPrompt(files.config, prompt));
  const int64_t image_size = files.preprocessor.image_size;
  const int64_t tokens_per_image = files.config.mm_tokens_per_image;
  // Looked at before each picture: a small file may hold thousands of them, and the pixels of one
  // are megabytes.
  const auto check_views = [&](int64_t n_views) -> absl::Status {
    if (n_views <= limits.max_positions / tokens_per_image) return absl::OkStatus();
    return InvalidField(
        "prompt", "PROMPT_TOO_LONG",
        absl::StrCat("has ", n_views, " pictures and crops of ", tokens_per_image,
                     " positions each; at most ", limits.max_positions, " positions are admitted"));
  };
  PreparedPrompt prepared;
  std::vector<int32_t> crops_per_image;
  const std::vector<tokenizer::PlacedImage> images = tokenizer::ImagesOf(prompt);
  int64_t n_views = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    RETURN_IF_ERROR(check_views(n_views + static_cast<int64_t>(images.size() - i)));
    const auto picture = image::DecodeImage(images[i].image->bytes, limits.max_image_pixels);
    if (!picture.ok()) {
      return InvalidField(images[i].field, ReasonOf(picture.status()),
                          std::string(picture.status().message()));
    }
    const std::vector<float> views =
        image::Preprocess(*picture, files.preprocessor, prompt.pan_and_scan);
    prepared.pixels.insert(prepared.pixels.end(), views.begin(), views.end());
    const auto n_of_image = static_cast<int64_t>(views.size()) / (3 * image_size * image_size);
    crops_per_image.push_back(static_cast<int32_t>(n_of_image - 1));
    const int64_t width = picture->width;
    const int64_t height = picture->height;
    prepared.views.push_back({width, height, {0, 0, width, height}});
    if (prompt.pan_and_scan) {
      for (const image::Box& crop : image::PanAndScanCrops(width, height, files.preprocessor)) {
        prepared.views.push_back({width, height, crop});
      }
    }
    n_views += n_of_image;
  }
  ASSIGN_OR_RETURN(prepared.tokenized,
                   tokenizer::TokenizePrompt(files.tokenizer, files.config, prompt, crops_per_image,
                                             limits.max_positions));
  return prepared;
}

}  // namespace cajal::corpus
