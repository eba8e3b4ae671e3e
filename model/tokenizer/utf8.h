// The little of Unicode that prompts need.
#pragma once

#include <string>
#include <string_view>

namespace cajal::tokenizer {

// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsValidUtf8(std::string_view text);

// Bytes of the character that begins with `lead`; `lead` begins a character of well-formed text.
size_t Utf8Length(char lead);

// Without white space at both ends, as Python's str.strip() and so as Jinja's trim filter.
std::string Trim(std::string_view text);

}  // namespace cajal::tokenizer
