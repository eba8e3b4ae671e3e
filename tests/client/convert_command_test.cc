// `cajal convert`, which asks no server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/transcoder/read_stored_set.h"
#include "tests/client/command_runner.h"
#include "tests/temp_dir.h"

namespace cajal::client_test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ConvertCommandTest : public ::testing::Test {
 protected:
  TempDir temp_;
  const std::string output_ = temp_.path() + "/converted";
};

TEST_F(ConvertCommandTest, WritesAnotherLayout) {
  const CommandResult result = RunCommand(
      {"convert", "golden/formats/clt_gs2", "--to", "circuit-tracer", "--output", output_});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr(output_ + ": 6 layers, jump_relu, from Gemma Scope 2 cross-"));
  EXPECT_THAT(result.out, HasSubstr("note: circuit-tracer 0.4.1 does not load the skip"));
  const auto set = transcoder::ReadStoredSet(output_);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->info.format, "cross-layer (circuit-tracer layout)");
}

TEST_F(ConvertCommandTest, RoundsAndAnswersPrograms) {
  const CommandResult result =
      RunCommand({"convert", "golden/formats/sparsify_topk", "--to", "paper", "--dtype", "bfloat16",
                  "--output", output_, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json answer = json::parse(result.out);
  EXPECT_EQ(answer["from"], "sparsify per-layer");
  EXPECT_EQ(answer["layers"], 6);
  const auto set = transcoder::ReadStoredSet(output_);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->layers[0].encoder.type, checkpoint::ElementType::kBF16);
}

TEST_F(ConvertCommandTest, SaysWhyASetCannotBeWritten) {
  const CommandResult result = RunCommand({"convert", "golden/formats/sparsify_groupmax", "--to",
                                           "circuit-tracer", "--output", output_});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("cannot hold the activation groupmax(4)"));
  EXPECT_FALSE(std::filesystem::exists(output_));
}

TEST_F(ConvertCommandTest, RefusesWrongUsage) {
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--output", output_},
        {"--to", "paper"},
        {"--to", "onnx", "--output", output_},
        {"--to", "paper", "--dtype", "int8", "--output", output_}}) {
    std::vector<std::string> arguments = {"convert", "golden/formats/native_relu"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(RunCommand(arguments).exit_code, 2);
  }
}

}  // namespace
}  // namespace cajal::client_test
