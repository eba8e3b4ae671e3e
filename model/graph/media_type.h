// What kind of picture file some bytes are, by how they begin. Pure function; any thread.
#pragma once

#include <string_view>

namespace cajal::graph {

// "image/png", "image/jpeg", or empty for anything else.
std::string_view PictureMediaType(std::string_view bytes);

}  // namespace cajal::graph
