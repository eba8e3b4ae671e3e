#include "model/image/preprocessor_config.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/file_io.h"
#include "model/checkpoint/json.h"

namespace cajal::image {
namespace {

using checkpoint::ObjectReader;
using nlohmann::json;

constexpr int64_t kMaxFileBytes = 1 << 20;
constexpr int64_t kBilinear = 2;  // PIL.Image.BILINEAR

// One number for each channel.
void ReadChannels(ObjectReader& reader, const std::string& key, bool positive,
                  std::array<float, 3>& values) {
  const json* list = reader.Find(key);
  if (list == nullptr) return;
  bool ok = list->is_array() && list->size() == values.size();
  for (size_t c = 0; ok && c < values.size(); ++c) {
    ok = (*list)[c].is_number() && (!positive || (*list)[c].get<double>() > 0);
    if (ok) values[c] = (*list)[c].get<float>();
  }
  if (!ok) reader.Fail(key, positive ? "must be three numbers above 0" : "must be three numbers");
}

// {"height": 896, "width": 896}, or a single number.
void CheckSize(ObjectReader& reader, int64_t expected) {
  const json* size = reader.Find("size");
  if (size != nullptr && *size != expected &&
      *size != json{{"height", expected}, {"width", expected}}) {
    reader.Fail("size", absl::StrCat("is ", size->dump().substr(0, 100),
                                     ", but the vision tower takes ", expected, " x ", expected));
  }
}

absl::StatusOr<PreprocessorConfig> Read(const json& object, const std::string& name,
                                        const checkpoint::VisionConfig& vision) {
  ObjectReader reader(object, name);
  PreprocessorConfig config;
  config.image_size = vision.image_size;
  CheckSize(reader, vision.image_size);
  for (const char* step : {"do_resize", "do_rescale", "do_normalize"}) {
    if (!reader.Bool(step, true)) reader.Fail(step, "must be true");
  }
  reader.Integer("resample", kBilinear, kBilinear, kBilinear);
  config.rescale_factor = reader.Positive("rescale_factor", config.rescale_factor);
  ReadChannels(reader, "image_mean", false, config.mean);
  ReadChannels(reader, "image_std", true, config.std);
  config.max_num_crops = reader.Integer("pan_and_scan_max_num_crops", config.max_num_crops, 2, 64);
  // Crops at least as large as they are many leave no crop empty.
  config.min_crop_size = reader.Integer("pan_and_scan_min_crop_size", config.min_crop_size,
                                        config.max_num_crops, 1 << 20);
  config.min_ratio_to_activate =
      reader.Positive("pan_and_scan_min_ratio_to_activate", config.min_ratio_to_activate);
  RETURN_IF_ERROR(reader.status());
  return config;
}

}  // namespace

absl::StatusOr<PreprocessorConfig> LoadPreprocessorConfig(const std::string& dir,
                                                          const checkpoint::VisionConfig& vision) {
  const std::string path = dir + "/preprocessor_config.json";
  if (checkpoint::FileExists(path)) {
    ASSIGN_OR_RETURN(const json object, checkpoint::LoadJsonObject(path, kMaxFileBytes));
    return Read(object, path, vision);
  }
  const std::string processor_path = dir + "/processor_config.json";
  if (checkpoint::FileExists(processor_path)) {
    ASSIGN_OR_RETURN(const json object, checkpoint::LoadJsonObject(processor_path, kMaxFileBytes));
    ObjectReader reader(object, processor_path);
    const json* image_processor = reader.Object("image_processor");
    RETURN_IF_ERROR(reader.status());
    if (image_processor != nullptr) return Read(*image_processor, processor_path, vision);
  }
  return Read(json::object(), dir, vision);
}

}  // namespace cajal::image
