// Where a command reads its surroundings from and writes to; tests give it strings instead.
#pragma once

#include <memory>
#include <ostream>

#include "client/cpp/cancellation.h"

namespace cajal::cli {

struct Console {
  std::ostream* out = nullptr;   // results
  std::ostream* err = nullptr;   // errors and progress
  bool err_is_terminal = false;  // whether progress is shown
  // What Ctrl-C cancels; every call of a command holds it.
  std::shared_ptr<client::Cancellation> cancellation = std::make_shared<client::Cancellation>();
};

}  // namespace cajal::cli
