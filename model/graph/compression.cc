#include "model/graph/compression.h"

#include <zstd.h>

#include <memory>

#include "model/base/check.h"

namespace cajal::graph {
namespace {

// The fastest level: edge weights are noise to a compressor, and higher ones gain next to nothing.
constexpr int kLevel = 1;

}  // namespace

std::string Compress(const std::string& content) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     ZSTD_freeCCtx);
  CAJAL_CHECK(context != nullptr) << "zstd: out of memory";
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::string frame(ZSTD_compressBound(content.size()), '\0');
  const size_t size =
      ZSTD_compress2(context.get(), frame.data(), frame.size(), content.data(), content.size());
  CAJAL_CHECK(!ZSTD_isError(size)) << "zstd: " << ZSTD_getErrorName(size);
  frame.resize(size);
  return frame;
}

absl::StatusOr<std::string> Decompress(const std::string& frame, int64_t content_bytes) {
  const unsigned long long stated = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (content_bytes < 0 || stated != static_cast<unsigned long long>(content_bytes)) {
    return absl::DataLossError("the compressed bytes do not begin as they should");
  }
  std::string content(static_cast<size_t>(content_bytes), '\0');
  const size_t size = ZSTD_decompress(content.data(), content.size(), frame.data(), frame.size());
  if (ZSTD_isError(size)) return absl::DataLossError(ZSTD_getErrorName(size));
  if (size != content.size()) return absl::DataLossError("the compressed bytes end early");
  return content;
}

}  // namespace cajal::graph
