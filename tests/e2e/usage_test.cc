// Command lines: help, version, and what is wrong usage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/cajald_process.h"

namespace cajal::e2e {
namespace {

using ::testing::HasSubstr;

ProcessResult RunProgram(std::vector<std::string> arguments) {
  return RunToEnd({.arguments = std::move(arguments)});
}

TEST(Usage, HelpGoesToStdoutAndNamesTheFlags) {
  const ProcessResult server = RunProgram({CAJALD_PATH, "--help"});
  EXPECT_EQ(server.exit_code, 0);
  EXPECT_EQ(server.err, "");
  for (const char* flag : {"--model", "--transcoders", "--listen", "--device", "--dtype",
                           "--residency", "--threads", "--data-dir", "--config"}) {
    EXPECT_THAT(server.out, HasSubstr(flag));
  }
  const ProcessResult client = RunProgram({CAJAL_PATH, "--help"});
  EXPECT_EQ(client.exit_code, 0);
  EXPECT_EQ(client.err, "");
  for (const char* command : {"info", "tokenize", "forward", "graph", "graphs", "paths", "cone",
                              "score", "prune", "fold", "compare", "label", "pin", "annotations",
                              "export", "evaluate", "jobs", "convert", "--server"}) {
    EXPECT_THAT(client.out, HasSubstr(command));
  }
}

TEST(Usage, EveryCommandHasHelp) {
  for (const char* command :
       {"info", "tokenize", "forward", "graph", "graphs", "paths", "cone", "score", "prune", "fold",
        "compare", "label", "pin", "annotations", "export", "evaluate", "jobs"}) {
    const ProcessResult result = RunProgram({CAJAL_PATH, command, "--help"});
    EXPECT_EQ(result.exit_code, 0) << command;
    EXPECT_THAT(result.out, HasSubstr(command));
  }
}

TEST(Usage, BothProgramsSayTheirVersion) {
  for (const char* program : {CAJALD_PATH, CAJAL_PATH}) {
    const ProcessResult result = RunProgram({program, "--version"});
    EXPECT_EQ(result.exit_code, 0) << program;
    EXPECT_THAT(result.out, HasSubstr(CAJAL_VERSION));
  }
}

TEST(Usage, WrongFlagsOfTheServerAreExitCode2) {
  const std::vector<std::string> good = {CAJALD_PATH, "--model", "golden/tiny", "--transcoders",
                                         "golden/transcoders/plt_topk"};
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"--no-such-flag"},
                                             {"stray"},
                                             {"--device", "abacus"},
                                             {"--dtype", "float8"},
                                             {"--threads", "-1"},
                                             {"--max-positions", "0"},
                                             {"--queue-size", "many"},
                                             {"--config", "no/such/file.toml"}}) {
    std::vector<std::string> arguments = good;
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    const ProcessResult result = RunProgram(arguments);
    EXPECT_EQ(result.exit_code, 2) << wrong[0] << "\n" << result.err;
    EXPECT_EQ(result.out, "") << wrong[0];
    EXPECT_NE(result.err, "") << wrong[0];
  }
  EXPECT_EQ(RunProgram({CAJALD_PATH}).exit_code, 2);
  EXPECT_THAT(RunProgram({CAJALD_PATH, "--model", "golden/tiny"}).err, HasSubstr("--transcoders"));
}

TEST(Usage, WrongFlagsOfTheClientAreExitCode2) {
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {},
           {"no-such-command"},
           {"graph"},
           {"graph", "--no-such-flag"},
           {"graph", "--prompt", "The", "--tokens", "2"},
           {"graph", "--tokens", "two"},
           {"graph", "--prompt", "The", "--image", "no/such/picture.png"},
           {"graph", "--prompt", "The", "--node-threshold", "1.5"},
           {"graph", "--prompt", "The", "--edge-threshold", "nan"},
           {"graph", "--prompt", "The", "--batch-size", "0"},
           {"graph", "--prompt", "The", "--output", "no/such/folder/graph.json"},
           {"graph", "--prompt", "The", "--timeout", "-1"},
           {"jobs", "cancel"}}) {
    std::vector<std::string> arguments = {CAJAL_PATH, "--server", "127.0.0.1:1"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    const ProcessResult result = RunProgram(arguments);
    EXPECT_EQ(result.exit_code, 2) << ::testing::PrintToString(wrong) << "\n" << result.err;
    EXPECT_EQ(result.out, "") << ::testing::PrintToString(wrong);
    EXPECT_THAT(result.err, HasSubstr("--help"));
  }
}

TEST(Usage, AServerThatIsNotThereIsExitCode1WithAdvice) {
  const ProcessResult result = RunProgram({CAJAL_PATH, "--server", "127.0.0.1:1", "info"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(result.err, HasSubstr("cajald --model"));
}

TEST(Usage, ADeviceThatIsNotThereIsExitCode1) {
  const ProcessResult result = RunCajald({.flags = {"--device", "cuda"}});
  if (result.exit_code == 0) GTEST_SKIP() << "there is a GPU";
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("cuda"));
}

}  // namespace
}  // namespace cajal::e2e
