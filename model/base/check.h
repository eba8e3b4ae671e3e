// CAJAL_CHECK(condition) << "why it must hold": aborts with file, line and message. For our own
// bugs only: a broken invariant must not go on to write a wrong graph. What a user can cause is an
// absl::Status instead (status.h). Not named CHECK, which torch and gtest define.
#pragma once

#include <sstream>

namespace cajal::base {

// Prints the message and aborts in its destructor.
class CheckFailure {
 public:
  CheckFailure(const char* condition, const char* file, int line);
  [[noreturn]] ~CheckFailure();
  std::ostream& stream() { return stream_; }

 private:
  std::ostringstream stream_;
};

// Gives the two branches of the macro's ?: the same type, void.
struct Voidify {
  void operator&(std::ostream&) {}
};

}  // namespace cajal::base

#define CAJAL_CHECK(condition)             \
  (condition) ? static_cast<void>(0)       \
              : ::cajal::base::Voidify() & \
                    ::cajal::base::CheckFailure(#condition, __FILE__, __LINE__).stream()
