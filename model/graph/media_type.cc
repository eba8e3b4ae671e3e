#include "model/graph/media_type.h"

namespace cajal::graph {

std::string_view PictureMediaType(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return "image/png";
  if (bytes.starts_with("\xff\xd8\xff")) return "image/jpeg";
  return {};
}

}  // namespace cajal::graph
