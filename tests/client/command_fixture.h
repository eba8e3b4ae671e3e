// A test of commands that ask a server: a fake one, and `cajal` run against it.
//
//   class ConeCommandTest : public CommandFixture {
//    protected:
//     ConeCommandTest() : CommandFixture({"cone"}) { server_.graphs.find_cone = …; }
//   };
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/client/command_runner.h"
#include "tests/client/fake_server.h"

namespace cajal::client_test {

class CommandFixture : public testing::Test {
 protected:
  // `command`: the words that every run begins with.
  explicit CommandFixture(std::vector<std::string> command = {}) : words_(std::move(command)) {
    words_.insert(words_.begin(), {"--server", server_.address()});
  }

  [[nodiscard]] CommandResult Run(const std::vector<std::string>& arguments,
                                  const cli::Console& console = {}) const {
    std::vector<std::string> words = words_;
    words.insert(words.end(), arguments.begin(), arguments.end());
    return RunCommand(words, console);
  }

  FakeServer server_;

 private:
  std::vector<std::string> words_;
};

}  // namespace cajal::client_test
