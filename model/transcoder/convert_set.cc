#include "model/transcoder/convert_set.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>

#include "absl/strings/str_cat.h"
#include "model/base/status.h"
#include "model/checkpoint/file_io.h"

namespace cajal::transcoder {
namespace {

namespace fs = std::filesystem;
using checkpoint::ElementType;

// To the nearest, ties to even, as torch rounds. `value` is finite.
uint16_t ToBFloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// The tensors of one file to write, and the memory of those that had to be converted.
class FileToWrite {
 public:
  explicit FileToWrite(const ConvertOptions& options) : options_(options) {}

  void AddVector(const std::string& name, const std::vector<float>& values) {
    tensors_.push_back(
        {name, ElementType::kF32, {static_cast<int64_t>(values.size())}, values.data()});
  }

  // A matrix times `scale`, and each row times its factor if there are any.
  struct Part {
    const StoredMatrix* matrix = nullptr;  // nullptr: zeros
    float scale = 1;
    const std::vector<float>* row_factors = nullptr;
  };
  // [n, d].
  absl::Status AddMatrix(const std::string& name, const Part& part) {
    return Add(name, {part}, {part.matrix->rows, part.matrix->columns});
  }
  // [n, parts, d]; the first part is a matrix.
  absl::Status AddTargets(const std::string& name, const std::vector<Part>& parts) {
    const StoredMatrix& first = *parts[0].matrix;
    return Add(name, parts, {first.rows, static_cast<int64_t>(parts.size()), first.columns});
  }

  [[nodiscard]] absl::Status Write(const fs::path& path) const {
    return checkpoint::WriteSafetensors(path.string(), tensors_, {});
  }

 private:
  absl::Status Add(const std::string& name, const std::vector<Part>& parts,
                   const std::vector<int64_t>& shape) {
    const StoredMatrix& first = *parts[0].matrix;
    const ElementType type =
        options_.dtype.value_or(first.type == ElementType::kF16 ? ElementType::kF32 : first.type);
    int64_t size = checkpoint::ElementSize(type);
    for (const int64_t dim : shape) size *= dim;
    std::vector<std::byte>& bytes = memory_.emplace_back(static_cast<size_t>(size));
    std::byte* at = bytes.data();
    for (int64_t row = 0; row < first.rows; ++row) {
      for (const Part& part : parts) RETURN_IF_ERROR(AppendRow(part, row, first, type, &at));
    }
    tensors_.push_back({name, type, shape, bytes.data()});
    return absl::OkStatus();
  }

  static absl::Status AppendRow(const Part& part, int64_t row, const StoredMatrix& like,
                                ElementType type, std::byte** at) {
    const int64_t size = checkpoint::ElementSize(type);
    if (part.matrix == nullptr) {  // the memory is zero already
      *at += like.columns * size;
      return absl::OkStatus();
    }
    const StoredMatrix& matrix = *part.matrix;
    const int64_t source_size = checkpoint::ElementSize(matrix.type);
    const std::byte* source = matrix.data + row * matrix.row_stride * source_size;
    const bool has_factors = part.row_factors != nullptr && !part.row_factors->empty();
    const float factor =
        part.scale * (has_factors ? (*part.row_factors)[static_cast<size_t>(row)] : 1);
    for (int64_t column = 0; column < matrix.columns; ++column) {
      const float value = ElementAt(source, matrix.type) * factor;
      if (!std::isfinite(value)) {
        return absl::InvalidArgumentError(matrix.name + " holds NaN or infinite values");
      }
      if (type == ElementType::kF32) {
        std::memcpy(*at, &value, sizeof(value));
      } else {
        const uint16_t rounded = ToBFloat16(value);
        std::memcpy(*at, &rounded, sizeof(rounded));
      }
      *at += size;
      source += matrix.column_stride * source_size;
    }
    return absl::OkStatus();
  }

  const ConvertOptions options_;
  std::vector<checkpoint::TensorToWrite> tensors_;
  std::deque<std::vector<std::byte>> memory_;  // a deque keeps the addresses
};

absl::Status CannotHold(const StoredSet& set, SetLayout layout, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(
      set.source, ": ", layout == SetLayout::kPaper ? "the paper's" : "circuit-tracer's",
      " layout cannot hold ", what));
}

absl::Status CheckLayoutHolds(const StoredSet& set, SetLayout layout) {
  const TranscoderSetInfo& info = set.info;
  const bool cross_layer = info.is_cross_layer();
  const std::string activation = "the activation " + ActivationName(info);
  if (info.activation == ActivationKind::kGroupMax ||
      info.activation == ActivationKind::kBatchTopK) {
    return CannotHold(set, layout, activation);
  }
  if (layout == SetLayout::kPaper && cross_layer) {
    return CannotHold(set, layout, "cross-layer transcoders");
  }
  if (layout == SetLayout::kPaper && info.activation != ActivationKind::kReluTopK) {
    return CannotHold(set, layout, activation + ", only ReLU then TopK");
  }
  if (cross_layer && HasK(info.activation)) {
    return CannotHold(set, layout, "cross-layer transcoders with " + activation);
  }
  for (const StoredLayer& layer : set.layers) {
    if (HasK(info.activation) && layer.k != info.k) {
      return CannotHold(set, layout, "layers of different k");
    }
    for (const StoredDecoder& decoder : layer.decoders) {
      if (std::any_of(decoder.activation_bias.begin(), decoder.activation_bias.end(),
                      [](float bias) { return bias != 0; })) {
        return CannotHold(set, layout, "a bias behind the activation (post_enc)");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status WritePerLayer(const StoredLayer& layer, size_t index, const TranscoderSetInfo& info,
                           const ConvertOptions& options, const fs::path& dir) {
  FileToWrite file(options);
  const StoredDecoder& decoder = layer.decoders[0];
  RETURN_IF_ERROR(file.AddMatrix("W_enc", {&layer.encoder, layer.input_scale}));
  RETURN_IF_ERROR(
      file.AddMatrix("W_dec", {&decoder.rows, decoder.row_scale, &decoder.activation_scale}));
  file.AddVector("b_enc", layer.b_enc);
  file.AddVector("b_dec", layer.b_dec);
  if (info.activation == ActivationKind::kJumpRelu) {
    file.AddVector("activation_function.threshold", layer.threshold);
  }
  if (layer.skip.has_value()) {
    const StoredMatrix skip = Transposed(*layer.skip);  // stored [out, in]
    RETURN_IF_ERROR(file.AddMatrix("W_skip", {&skip, layer.skip_scale}));
  }
  return file.Write(dir / absl::StrCat("layer_", index, ".safetensors"));
}

absl::Status WriteCrossLayer(const StoredLayer& layer, size_t index, size_t n_layers,
                             const TranscoderSetInfo& info, const ConvertOptions& options,
                             const fs::path& dir) {
  FileToWrite encoder(options);
  RETURN_IF_ERROR(
      encoder.AddMatrix(absl::StrCat("W_enc_", index), {&layer.encoder, layer.input_scale}));
  encoder.AddVector(absl::StrCat("b_enc_", index), layer.b_enc);
  encoder.AddVector(absl::StrCat("b_dec_", index), layer.b_dec);
  if (info.activation == ActivationKind::kJumpRelu) {
    encoder.AddVector(absl::StrCat("threshold_", index), layer.threshold);
  }
  if (layer.skip.has_value()) {
    RETURN_IF_ERROR(
        encoder.AddMatrix(absl::StrCat("W_skip_", index), {&*layer.skip, layer.skip_scale}));
  }
  RETURN_IF_ERROR(encoder.Write(dir / absl::StrCat("W_enc_", index, ".safetensors")));

  FileToWrite decoder(options);
  std::vector<FileToWrite::Part> parts(n_layers - index);  // all layers from this one up
  for (size_t j = 0; j < layer.decoders.size(); ++j) {
    const StoredDecoder& stored = layer.decoders[j];
    parts[j] = {&stored.rows, stored.row_scale, &stored.activation_scale};
  }
  RETURN_IF_ERROR(decoder.AddTargets(absl::StrCat("W_dec_", index), parts));
  return decoder.Write(dir / absl::StrCat("W_dec_", index, ".safetensors"));
}

std::string ConfigYaml(const StoredSet& set, SetLayout layout) {
  const TranscoderSetInfo& info = set.info;
  // JSON's quoting is YAML's, too.
  std::string yaml = absl::StrCat(
      "model_kind: ", info.is_cross_layer() ? "cross_layer_transcoder" : "transcoder_set",
      "\nmodel_name: ", nlohmann::json(info.model_name).dump(),
      "\nfeature_input_hook: ", SiteNameInBlock(info.input_site),
      "\nfeature_output_hook: ", SiteNameInBlock(info.output_site), "\n");
  if (info.activation == ActivationKind::kReluTopK) absl::StrAppend(&yaml, "top_k: ", info.k, "\n");
  if (HasK(info.activation) && layout == SetLayout::kCircuitTracer) {
    absl::StrAppend(&yaml, "activation: topk\nk: ", info.k, "\n");
  }
  if (info.activation == ActivationKind::kRelu) absl::StrAppend(&yaml, "activation: relu\n");
  if (info.is_cross_layer()) return yaml;
  absl::StrAppend(&yaml, "num_model_layers: ", set.layers.size(), "\ntranscoders:\n");
  for (size_t i = 0; i < set.layers.size(); ++i) {
    absl::StrAppend(&yaml, "- layer_", i, ".safetensors\n");
  }
  return yaml;
}

std::vector<std::string> Notes(const TranscoderSetInfo& info, SetLayout layout) {
  std::vector<std::string> notes;
  if (layout == SetLayout::kCircuitTracer && info.activation == ActivationKind::kReluTopK) {
    notes.emplace_back(
        "circuit-tracer's own TopK keeps negative values where fewer than k are positive; Cajal "
        "reads top_k and leaves them out");
  }
  if (info.is_cross_layer() && info.has_skip) {
    notes.emplace_back(
        "circuit-tracer 0.4.1 does not load the skip of cross-layer sets; Cajal does");
  }
  return notes;
}

// A folder beside `output` that is removed unless it was moved there.
class TemporaryFolder {
 public:
  static absl::StatusOr<std::unique_ptr<TemporaryFolder>> Beside(const fs::path& output) {
    auto folder = std::unique_ptr<TemporaryFolder>(
        new TemporaryFolder(output.string() + "." + std::to_string(getpid()) + ".tmp"));
    std::error_code error;
    if (!fs::create_directory(folder->path_, error)) {
      return absl::InvalidArgumentError(absl::StrCat(
          folder->path_.string(),
          ": cannot make the folder: ", error ? error.message() : std::string("it exists")));
    }
    folder->is_made_ = true;
    return folder;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (is_made_) fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }
  absl::Status MoveTo(const fs::path& output) {
    std::error_code error;
    fs::rename(path_, output, error);
    if (error) return absl::InvalidArgumentError(output.string() + ": " + error.message());
    is_made_ = false;
    return absl::OkStatus();
  }

 private:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}

  const fs::path path_;
  bool is_made_ = false;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> ConvertSet(const StoredSet& set,
                                                    const ConvertOptions& options,
                                                    const std::string& output,
                                                    RunContext* context) {
  RETURN_IF_ERROR(CheckLayoutHolds(set, options.layout));
  fs::path target = fs::path(output).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // "dir/"
  std::error_code ignored;
  if (fs::exists(target, ignored)) {
    return absl::AlreadyExistsError(output + " exists already");
  }
  ASSIGN_OR_RETURN(const auto folder, TemporaryFolder::Beside(target));
  const bool cross_layer = set.info.is_cross_layer();
  context->BeginPhase("convert", std::ssize(set.layers));
  for (size_t i = 0; i < set.layers.size(); ++i) {
    RETURN_IF_ERROR(context->CheckStop());
    const StoredLayer& layer = set.layers[i];
    RETURN_IF_ERROR(cross_layer ? WriteCrossLayer(layer, i, set.layers.size(), set.info, options,
                                                  folder->path())
                                : WritePerLayer(layer, i, set.info, options, folder->path()));
    context->Advance(static_cast<int64_t>(i) + 1);
  }
  const std::string yaml = ConfigYaml(set, options.layout);
  RETURN_IF_ERROR(checkpoint::WriteFileAtomically((folder->path() / "config.yaml").string(),
                                                  {std::as_bytes(std::span(yaml))}));
  RETURN_IF_ERROR(context->CheckStop());
  RETURN_IF_ERROR(folder->MoveTo(target));
  return Notes(set.info, options.layout);
}

}  // namespace cajal::transcoder
