#include "model/graph/html_page.h"

#include <openssl/sha.h>

#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "model/base/check.h"
#include "web/graph_page/page_resource.h"

namespace cajal::graph {
namespace {

// The source expression of a policy that allows exactly this text. HTML parsers, as the policy
// wants it, see the text between the tags, and so must the hash.
std::string HashSource(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return "'sha256-" +
         absl::Base64Escape({reinterpret_cast<const char*>(digest.data()), digest.size()}) + "'";
}

std::string Policy() {
  return "default-src 'none'; script-src " + HashSource(web::kScript) + "; style-src " +
         HashSource(web::kStyle) + "; img-src data:; base-uri 'none'; form-action 'none'";
}

// The title is the one text of the graph outside of the data.
std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace

absl::StatusOr<std::string> HtmlPage(const AttributionGraph& graph, const PageOptions& options) {
  ASSIGN_OR_RETURN(const std::string data, PageData(graph, options));
  const std::array<std::pair<std::string_view, std::string>, 6> parts = {
      {{"{{policy}}", Policy()},
       {"{{title}}", EscapeHtml(options.name)},
       {"{{notices}}", std::string(web::kNotices)},
       {"{{style}}", std::string(web::kStyle)},
       {"{{data}}", data},
       {"{{script}}", std::string(web::kScript)}}};
  std::string page;
  std::string_view rest = web::kPage;
  for (const auto& [marker, part] : parts) {
    const size_t at = rest.find(marker);
    CAJAL_CHECK(at != std::string_view::npos) << "page.html must hold " << marker << " in order";
    page.append(rest.substr(0, at)).append(part);
    rest.remove_prefix(at + marker.size());
  }
  return page.append(rest);
}

}  // namespace cajal::graph
