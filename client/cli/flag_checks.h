// Checks of flag values whose messages name the permitted range and what was given.
//
//   app->add_option("--limit", limit)->type_name("N")->check(AtLeast(1));
//   --limit: must be an integer, 1 or more; got 'x'
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace cajal::cli {

// A 32-bit integer, `least` or more.
CLI::Validator AtLeast(int32_t least);

// A number from 0 to 1.
CLI::Validator Share();

// A number of seconds, 0 or more.
CLI::Validator Duration();

}  // namespace cajal::cli
