#include "client/cli/flag_checks.h"

#include <cmath>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cajal::cli {
namespace {

// CLI11 takes a message as a failure, and no message as success.
std::string Refused(const std::string& permitted, const std::string& value) {
  return absl::StrCat("must be ", permitted, "; got '", value, "'");
}

CLI::Validator NumberBetween(double least, double most, const std::string& permitted) {
  return CLI::Validator(
      [=](const std::string& value) {
        double number = 0;
        const bool fits = absl::SimpleAtod(value, &number) && number >= least && number <= most;
        return fits ? std::string() : Refused(permitted, value);
      },
      "");
}

}  // namespace

CLI::Validator AtLeast(int32_t least) {
  return CLI::Validator(
      [least](const std::string& value) {
        int32_t number = 0;
        const bool fits = absl::SimpleAtoi(value, &number) && number >= least;
        return fits ? std::string()
                    : Refused(absl::StrCat("an integer, ", least, " or more"), value);
      },
      "");
}

CLI::Validator Share() { return NumberBetween(0, 1, "a number from 0 to 1"); }

CLI::Validator Duration() { return NumberBetween(0, 1e9, "seconds, 0 or more"); }

}  // namespace cajal::cli
