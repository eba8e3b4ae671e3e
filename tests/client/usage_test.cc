// Wrong usage of every command ends with exit code 2 and a sentence, and asks nothing of a server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/client/command_runner.h"
#include "tests/client/fake_server.h"
#include "tests/temp_dir.h"

namespace cajal::cli {
namespace {

using client_test::CommandResult;
using client_test::FakeServer;
using client_test::RunCommand;
using ::testing::HasSubstr;

struct WrongUsage {
  const char* name;
  std::vector<std::string> arguments;
  const char* message;  // part of what is printed
};

class WrongUsageTest : public testing::TestWithParam<WrongUsage> {};

TEST_P(WrongUsageTest, EndsWithCode2AndSaysWhatIsWrong) {
  // Nobody answers at that address: had the server been asked, the code would be 1.
  std::vector<std::string> arguments = {"--server", "127.0.0.1:1"};
  arguments.insert(arguments.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  const CommandResult result = RunCommand(arguments);
  EXPECT_EQ(result.exit_code, kExitWrongUsage);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr(GetParam().message));
  EXPECT_THAT(result.err, HasSubstr("--help"));
}

INSTANTIATE_TEST_SUITE_P(
    EveryCommand, WrongUsageTest,
    testing::Values(
        WrongUsage{"NoCommand", {}, "subcommand is required"},
        WrongUsage{"ImportOfNoFile", {"import", "/no/such.json"}, "/no/such.json"},
        WrongUsage{"ImportWithoutFile", {"import"}, "file"},
        WrongUsage{"UnknownCommand", {"grpah"}, "grpah"},
        WrongUsage{
            "BadTimeout", {"--timeout", "-1", "info"}, "must be seconds, 0 or more; got '-1'"},
        WrongUsage{"MissingConfigFile", {"--config", "/no/such.toml", "info"}, "/no/such.toml"},
        WrongUsage{"InfoUnknownFlag", {"info", "--bogus"}, "--bogus"},
        WrongUsage{"InfoExtraArgument", {"info", "extra"}, "extra"},
        WrongUsage{"GraphSumWithoutQuotes",
                   {"graph", "--prompt", "a", "--target-sum", " Mars - Earth"},
                   "--target-sum: cannot read from 'Mars - Earth' on"},
        WrongUsage{"GraphSumUnfinished",
                   {"graph", "--prompt", "a", "--target-sum", "' Mars' - "},
                   "--target-sum: cannot read"},
        WrongUsage{"GraphFeatureOfTwoNumbers",
                   {"graph", "--prompt", "a", "--target-feature", "3:17"},
                   "is not LAYER:POSITION:FEATURE"},
        WrongUsage{"GraphNoDirection",
                   {"graph", "--prompt", "a", "--target-direction", "/no/such.json"},
                   "/no/such.json"},
        WrongUsage{"GraphUnknownSelection",
                   {"graph", "--prompt", "a", "--select-as", "dice"},
                   "--select-as"},
        WrongUsage{"TokenizeNoPrompt", {"tokenize"}, "--prompt TEXT or --tokens"},
        WrongUsage{
            "TokenizeTwoPrompts", {"tokenize", "--prompt", "a", "--tokens", "1"}, "not both"},
        WrongUsage{"TokenizeTokensNoNumbers", {"tokenize", "--tokens", "1,x"}, "'x' is no integer"},
        WrongUsage{"TokenizeTokensEmpty", {"tokenize", "--tokens", ""}, "--tokens"},
        WrongUsage{
            "TokenizeTokensNoFile", {"tokenize", "--tokens", "@/no/such.json"}, "/no/such.json"},
        WrongUsage{"TokenizeChatWithTokens", {"tokenize", "--tokens", "1", "--chat"}, "--chat"},
        WrongUsage{"TokenizeNoImage",
                   {"tokenize", "--prompt", "a", "--image", "/no/such.png"},
                   "/no/such.png"},
        WrongUsage{
            "TokenizeImageIsAFolder", {"tokenize", "--prompt", "a", "--image", "/"}, "--image"},
        WrongUsage{"ForwardUnknownFlag", {"forward", "--prompt", "a", "--hook", "b"}, "--hook"},
        WrongUsage{
            "ForwardHooksWithoutOutput", {"forward", "--prompt", "a", "--hooks", "b"}, "--output"},
        WrongUsage{"ForwardBadTopK", {"forward", "--prompt", "a", "--top-k", "-3"}, "0 or more"},
        WrongUsage{"GraphNoPrompt", {"graph"}, "--prompt"},
        WrongUsage{"GraphBadNumber",
                   {"graph", "--prompt", "a", "--max-feature-nodes", "many"},
                   "--max-feature-nodes: must be an integer, 0 or more; got 'many'"},
        WrongUsage{"GraphNoLogits", {"graph", "--prompt", "a", "--max-n-logits", "0"}, "1 or more"},
        WrongUsage{"GraphThresholdAboveOne",
                   {"graph", "--prompt", "a", "--node-threshold", "1.5"},
                   "--node-threshold: must be a number from 0 to 1; got '1.5'"},
        WrongUsage{"GraphThresholdIsNan",
                   {"graph", "--prompt", "a", "--edge-threshold", "nan"},
                   "--edge-threshold"},
        WrongUsage{
            "GraphOutputIsAFolder", {"graph", "--prompt", "a", "--output", "/tmp"}, "folder"},
        WrongUsage{
            "GraphRawUnwritable", {"graph", "--prompt", "a", "--raw", "/no/such/raw.st"}, "--raw"},
        WrongUsage{"GraphsBadLimit", {"graphs", "--limit", "0"}, "1 or more"},
        WrongUsage{"GraphsGetNoId", {"graphs", "get"}, "id is required"},
        WrongUsage{"GraphsDeleteNoId", {"graphs", "delete"}, "id is required"},
        WrongUsage{"ExportNoId", {"export", "--output", "/tmp/x"}, "id is required"},
        WrongUsage{"ExportNoOutput", {"export", "7f3a"}, "--output is required"},
        WrongUsage{"ExportEmptyOutput", {"export", "7f3a", "--output", ""}, "--output"},
        WrongUsage{"ExportUnknownFormat",
                   {"export", "7f3a", "--output", "/tmp/x", "--format", "xml"},
                   "--format: must be circuit-tracer, safetensors"},
        WrongUsage{"EvaluateNoData", {"evaluate"}, "--data DIR"},
        WrongUsage{"EvaluateNoFolder", {"evaluate", "--data", "/no/such"}, "/no/such"},
        WrongUsage{"EvaluateBadLayers",
                   {"evaluate", "--data", "/tmp", "--layers", "7-2"},
                   "--layers: must be A-B with layers A to B, 0 and up, or one layer; got '7-2'"},
        WrongUsage{"JobsUnknownFlag", {"jobs", "--all"}, "--all"},
        WrongUsage{"JobsCancelNoId", {"jobs", "cancel"}, "id is required"}),
    [](const auto& wrong) { return std::string(wrong.param.name); });

class HelpTest : public testing::TestWithParam<const char*> {};

TEST_P(HelpTest, IsPrintedToStdoutWithCode0) {
  std::vector<std::string> arguments = {"--help"};
  if (std::string(GetParam()) != "cajal") arguments.insert(arguments.begin(), GetParam());
  const CommandResult result = RunCommand(arguments);
  EXPECT_EQ(result.exit_code, kExitDone);
  EXPECT_THAT(result.out, HasSubstr("Usage: "));
  EXPECT_EQ(result.err, "");
}

INSTANTIATE_TEST_SUITE_P(EveryCommand, HelpTest,
                         testing::Values("cajal", "info", "tokenize", "forward", "graph", "graphs",
                                         "paths", "cone", "fold", "compare", "label", "pin",
                                         "annotations", "export", "evaluate", "jobs"));

// Where the server's address and other settings may come from.
class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    server_.model.get_server_info = [](const auto&, auto*, auto*) { return grpc::Status::OK; };
  }
  ~SettingsTest() override { ::unsetenv("CAJAL_SERVER"); }
  void WriteConfig(const std::string& text) const { std::ofstream(config_) << text; }

  FakeServer server_;
  const TempDir dir_;
  const std::string config_ = dir_.File("settings.toml");
};

TEST_F(SettingsTest, TheEnvironmentNamesTheServer) {
  ::setenv("CAJAL_SERVER", server_.address().c_str(), 1);
  EXPECT_EQ(RunCommand({"info"}).exit_code, kExitDone);
}

TEST_F(SettingsTest, TheConfigFileNamesTheServer) {
  WriteConfig("server = \"" + server_.address() + "\"\n");
  EXPECT_EQ(RunCommand({"--config", config_, "info"}).exit_code, kExitDone);
}

TEST_F(SettingsTest, FlagsWinOverTheConfigFile) {
  WriteConfig("server = \"127.0.0.1:1\"\n");
  EXPECT_EQ(RunCommand({"--config", config_, "--server", server_.address(), "info"}).exit_code,
            kExitDone);
}

TEST_F(SettingsTest, ASectionSetsTheFlagsOfItsCommand) {
  int32_t max_feature_nodes = 0;
  double node_threshold = 0;
  server_.graphs.create_graph = [&](const v1::CreateGraphRequest& request, auto*, auto*) {
    max_feature_nodes = request.settings().max_feature_nodes();
    node_threshold = request.prune().node_threshold();
    return grpc::Status(grpc::StatusCode::INTERNAL, "enough");
  };
  WriteConfig("[graph]\nmax-feature-nodes = 1500\nnode-threshold = 0.5\n");
  RunCommand({"--config", config_, "--server", server_.address(), "graph", "--prompt", "a",
              "--node-threshold", "0.6"});
  EXPECT_EQ(max_feature_nodes, 1500);
  EXPECT_EQ(node_threshold, 0.6);
}

TEST_F(SettingsTest, AnUnknownNameInTheConfigFileIsWrongUsage) {
  WriteConfig("sever = \"127.0.0.1:1\"\n");
  const CommandResult result = RunCommand({"--config", config_, "info"});
  EXPECT_EQ(result.exit_code, kExitWrongUsage);
  EXPECT_THAT(result.err, HasSubstr("sever"));
}

TEST_F(SettingsTest, GlobalFlagsMayFollowTheCommand) {
  EXPECT_EQ(RunCommand({"info", "--server", server_.address()}).exit_code, kExitDone);
}

TEST_F(SettingsTest, NoServerSaysWhereAndHowToStartOne) {
  const CommandResult result = RunCommand({"--server", "127.0.0.1:1", "info"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("no server answers at 127.0.0.1:1"));
  EXPECT_THAT(result.err, HasSubstr("cajald --model DIR --transcoders DIR --listen 127.0.0.1:1"));
}

}  // namespace
}  // namespace cajal::cli
