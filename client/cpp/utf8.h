// The encoding check that Protobuf makes of strings, made early so that the error can name the
// field.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace cajal::client {

// Whether `text` is UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF (RFC 3629).
bool IsUtf8(const std::string& text);

// INVALID_ARGUMENT, INVALID_UTF8, that names `field` unless it is.
absl::Status CheckUtf8(const std::string& text, const std::string& field);

}  // namespace cajal::client
