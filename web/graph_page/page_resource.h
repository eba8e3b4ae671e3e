// The parts of the graph page as the build has bundled them (web/graph_page/CMakeLists.txt).
// model/graph/html_page.h puts them together.
#pragma once

#include <string_view>

namespace cajal::web {

// The document, with {{title}}, {{policy}}, {{notices}}, {{style}}, {{data}} and {{script}} in it.
extern const std::string_view kPage;
extern const std::string_view kStyle;
extern const std::string_view kScript;
// The licence of the code of others that is part of kScript.
extern const std::string_view kNotices;

}  // namespace cajal::web
