// Each command against a server of its own kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/synchronization/notification.h"
#include "model/checkpoint/safetensors.h"
#include "tests/client/command_fixture.h"
#include "tests/client/fake_server.h"

namespace cajal::cli {
namespace {

namespace fs = std::filesystem;
using client_test::AddPushback;
using client_test::CommandFixture;
using client_test::CommandResult;
using client_test::RunCommand;
using client_test::TypedError;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class CommandTest : public CommandFixture {
 protected:
  CommandTest() : dir_(fs::path(testing::TempDir()) / Name()) {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  ~CommandTest() override { fs::remove_all(dir_); }

  static std::string Name() {
    return testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  std::string Path(const std::string& name) const { return (dir_ / name).string(); }
  std::string WriteFile(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
    return Path(name);
  }
  size_t FileCount() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(dir_), {}));
  }

  // CreateGraph and ExportGraph that work; the export is "FORMAT of NAME at THRESHOLD".
  void ServeGraphs() {
    server_.graphs.create_graph = [this](const v1::CreateGraphRequest& request,
                                         grpc::ServerWriter<v1::CreateGraphResponse>* writer,
                                         auto*) {
      created_ = request;
      v1::CreateGraphResponse piece;
      piece.mutable_progress()->set_phase("feature_rows");
      piece.mutable_progress()->set_total(4);
      writer->Write(piece);
      *piece.mutable_header() = client_test::SmallGraphHeader(v1::GRAPH_VIEW_PRUNED);
      writer->Write(piece);
      for (const v1::GraphChunk& chunk : client_test::SmallGraphChunks(v1::GRAPH_VIEW_PRUNED)) {
        *piece.mutable_chunk() = chunk;
        writer->Write(piece);
      }
      return grpc::Status::OK;
    };
    server_.graphs.export_graph = [](const v1::ExportGraphRequest& request,
                                     grpc::ServerWriter<v1::ExportGraphResponse>* writer, auto*) {
      std::ostringstream text;
      text << v1::ExportFormat_Name(request.format()) << " of " << request.name() << " at "
           << request.prune().node_threshold();
      v1::ExportGraphResponse piece;
      piece.set_data(text.str());
      piece.set_total_size_bytes(static_cast<int64_t>(text.str().size()));
      writer->Write(piece);
      return grpc::Status::OK;
    };
  }

  fs::path dir_;
  v1::CreateGraphRequest created_;
};

TEST_F(CommandTest, InfoPrintsWhatIsLoaded) {
  server_.model.get_server_info = [](const auto&, v1::GetServerInfoResponse* response, auto*) {
    v1::ServerInfo* info = response->mutable_server_info();
    info->set_version("0.1.0");
    info->mutable_model()->set_name("tiny-gemma");
    info->mutable_transcoders()->add_features_per_layer(16384);
    info->mutable_transcoders()->set_residency("encoders");
    info->add_methods("cajal.v1.ModelService/Tokenize");
    return grpc::Status::OK;
  };
  const CommandResult text = Run({"info"});
  EXPECT_EQ(text.exit_code, kExitDone) << text.err;
  EXPECT_THAT(text.out, HasSubstr("tiny-gemma"));
  EXPECT_THAT(text.out, HasSubstr("16,384 features"));
  EXPECT_THAT(text.out, HasSubstr("encoders on the device, decoder rows fetched"));
  const CommandResult machine = Run({"info", "--json"});
  EXPECT_EQ(json::parse(machine.out)["transcoders"]["features_per_layer"], json({16384}));
  EXPECT_EQ(json::parse(machine.out)["transcoders"]["residency"], "encoders");
}

TEST_F(CommandTest, TokenizeShowsPositionsAndFoldsImageRuns) {
  server_.model.tokenize = [](const v1::TokenizeRequest& request, v1::TokenizeResponse* response,
                              auto*) {
    EXPECT_EQ(request.prompt().parts(0).image().data(), "PNG");
    EXPECT_EQ(request.prompt().parts(1).text(), "<start_of_image> is\n");
    v1::TokenizedPrompt* prompt = response->mutable_tokenized_prompt();
    for (const auto& [id, text] : {std::pair(2, "<bos>"), std::pair(9, "<img>"),
                                   std::pair(9, "<img>"), std::pair(296, " is\n")}) {
      prompt->add_token_ids(id);
      prompt->add_token_texts(text);
    }
    v1::ImageSpan* span = prompt->add_image_spans();
    span->set_crop(-1);
    span->set_begin(1);
    span->set_end(3);
    EXPECT_EQ(request.settings().max_feature_nodes(), 500);
    EXPECT_FALSE(request.settings().has_batch_size());
    response->mutable_graph_estimate()->set_bytes(3 << 20);
    response->mutable_graph_estimate()->set_n_active_features(12345);
    response->mutable_graph_estimate()->set_n_rows(510);
    response->mutable_graph_estimate()->set_operations(2.5e12);
    return grpc::Status::OK;
  };
  const std::string image = WriteFile("a.png", "PNG");
  const CommandResult result =
      Run({"tokenize", "--prompt", "<start_of_image> is\n", "--image", image, "--output",
           Path("ids.json"), "--max-feature-nodes", "500"});
  EXPECT_EQ(result.exit_code, kExitDone) << result.err;
  EXPECT_THAT(result.out, HasSubstr("1-2       9    image 0\n"));
  EXPECT_THAT(result.out, HasSubstr("3         296  \" is\\n\"\n"));
  EXPECT_THAT(result.out, HasSubstr("A graph: 510 rows over at most 12,345 active features, "
                                    "3.0 MiB of memory, about 2.5 TFLOP\n"));
  EXPECT_EQ(ReadAll(Path("ids.json")), "[2,9,9,296]\n");
}

TEST_F(CommandTest, TokensComeFromAListOrAFile) {
  std::vector<int64_t> seen;
  server_.model.tokenize = [&seen](const v1::TokenizeRequest& request, auto*, auto*) {
    seen = {request.prompt().token_ids().begin(), request.prompt().token_ids().end()};
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"tokenize", "--tokens", "2,483, 283"}).exit_code, kExitDone);
  EXPECT_THAT(seen, ElementsAre(2, 483, 283));
  const std::string file = WriteFile("ids.json", "[2, 7]\n");
  EXPECT_EQ(Run({"tokenize", "--tokens", "@" + file}).exit_code, kExitDone);
  EXPECT_THAT(seen, ElementsAre(2, 7));
}

TEST_F(CommandTest, ForwardWritesHooksLogitsAndInputIds) {
  server_.model.forward = [](const v1::ForwardRequest& request,
                             grpc::ServerWriter<v1::ForwardResponse>* writer, auto*) {
    EXPECT_EQ(request.hooks_size(), 2);
    EXPECT_EQ(request.hooks(1), "ln_final.*");
    EXPECT_TRUE(request.return_logits());
    v1::ForwardResponse piece;
    v1::TokenProbability* top = piece.mutable_header()->add_top_tokens();
    top->set_token(" Paris");
    top->set_probability(0.5);
    v1::TensorInfo* ids = piece.mutable_header()->add_tensors();
    ids->set_name("input_ids");
    ids->set_type(v1::TENSOR_TYPE_I64);
    ids->add_shape(1);
    ids->set_size_bytes(8);
    v1::TensorInfo* logits = piece.mutable_header()->add_tensors();
    logits->set_name("logits");
    logits->set_type(v1::TENSOR_TYPE_F32);
    logits->add_shape(1);
    logits->add_shape(2);
    logits->set_size_bytes(8);
    writer->Write(piece);
    piece.mutable_chunk()->set_data(std::string("\x02\0\0\0\0\0\0\0", 8));
    writer->Write(piece);
    piece.mutable_chunk()->set_tensor(1);
    piece.mutable_chunk()->set_data(std::string("\0\0\x80\x3f\0\0\0\xc0", 8));  // 1, -2
    writer->Write(piece);
    return grpc::Status::OK;
  };
  const CommandResult result =
      Run({"forward", "--prompt", "a", "--hooks", "blocks.3.hook_resid_post,ln_final.*", "--output",
           Path("f.safetensors"), "--json"});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  const json printed = json::parse(result.out);
  EXPECT_EQ(printed["top_tokens"][0]["token"], " Paris");
  EXPECT_EQ(printed["tensors"]["logits"], json({1, 2}));

  const auto file = checkpoint::SafetensorsFile::Open(Path("f.safetensors"));
  ASSERT_TRUE(file.ok()) << file.status();
  const checkpoint::TensorView* ids = (*file)->Find("input_ids");
  const checkpoint::TensorView* logits = (*file)->Find("logits");
  ASSERT_NE(ids, nullptr);
  ASSERT_NE(logits, nullptr);
  EXPECT_EQ(ids->type, checkpoint::ElementType::kI64);
  EXPECT_THAT(logits->shape, ElementsAre(1, 2));
  float values[2];
  std::memcpy(values, logits->data, sizeof(values));
  EXPECT_THAT(values, ElementsAre(1.0f, -2.0f));
}

TEST_F(CommandTest, GraphSendsItsFlagsAndLeavesTheRestToTheServer) {
  ServeGraphs();
  const CommandResult result = Run({"graph",
                                    "--prompt",
                                    "The capital",
                                    "--max-n-logits",
                                    "3",
                                    "--desired-logit-prob",
                                    "0.5",
                                    "--max-feature-nodes",
                                    "0",
                                    "--update-interval",
                                    "2",
                                    "--rank-once",
                                    "--zero-positions",
                                    "4",
                                    "--target",
                                    " Paris",
                                    " Rome",
                                    "--node-threshold",
                                    "0.7",
                                    "--chat",
                                    "--assistant-prefix",
                                    "It is"});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  EXPECT_EQ(created_.prompt().turns(0).parts(0).text(), "The capital");
  EXPECT_EQ(created_.prompt().assistant_prefix(), "It is");
  const v1::GraphSettings& settings = created_.settings();
  EXPECT_EQ(settings.max_n_logits(), 3);
  EXPECT_EQ(settings.desired_logit_prob(), 0.5);
  EXPECT_TRUE(settings.has_max_feature_nodes());
  EXPECT_FALSE(settings.has_batch_size());
  EXPECT_EQ(settings.update_interval(), 2);
  EXPECT_TRUE(settings.rank_once());
  EXPECT_EQ(settings.zero_positions(), 4);
  ASSERT_EQ(created_.targets_size(), 2);
  EXPECT_EQ(created_.targets(1).token(), " Rome");
  EXPECT_EQ(created_.prune().node_threshold(), 0.7);
  EXPECT_FALSE(created_.prune().has_edge_threshold());
}

TEST_F(CommandTest, GraphTracesSumsAtEveryPositionAndFeaturesAtTheirs) {
  ServeGraphs();
  const CommandResult result =
      Run({"graph", "--prompt", "The capital", "--target-sum", "' Paris' - 0.5*' Rome'",
           "--target-position", "1", "-1", "--target-feature", "3:-2:17"});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  ASSERT_EQ(created_.targets_size(), 3);
  EXPECT_EQ(created_.targets(0).token_sum().terms(1).token(), " Rome");
  EXPECT_EQ(created_.targets(0).token_sum().terms(1).weight(), -0.5F);
  EXPECT_EQ(created_.targets(0).position(), 1);
  EXPECT_FALSE(created_.targets(1).has_position());
  EXPECT_EQ(created_.targets(2).feature().position(), -2);
  EXPECT_EQ(created_.targets(2).feature().index(), 17);
}

TEST_F(CommandTest, GraphTracesTheMostProbableTokensOfThePositionsThatItIsGivenAlone) {
  ServeGraphs();
  const CommandResult result =
      Run({"graph", "--prompt", "The capital", "--target-position", "0", "1"});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  ASSERT_EQ(created_.targets_size(), 2);
  EXPECT_TRUE(created_.targets(1).has_top_tokens());
  EXPECT_EQ(created_.targets(1).position(), 1);
}

TEST_F(CommandTest, GraphSelectsAsOthersDoExceptWhereToldOtherwise) {
  ServeGraphs();
  ASSERT_EQ(
      Run({"graph", "--prompt", "a", "--select-as", "neuronpedia", "--batch-size", "16"}).exit_code,
      kExitDone);
  EXPECT_EQ(created_.settings().max_feature_nodes(), 5000);
  EXPECT_EQ(created_.settings().batch_size(), 16);
  EXPECT_EQ(created_.settings().update_interval(), 1000);
  EXPECT_FALSE(created_.settings().has_rank_once());
}

TEST_F(CommandTest, GraphWritesItsFilesAndPrintsMachineReadableFacts) {
  ServeGraphs();
  const CommandResult result =
      Run({"graph", "--prompt", "The capital", "--output", Path("graph.json"), "--raw",
           Path("raw.st"), "--html", Path("graph.html"), "--json"});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  EXPECT_EQ(ReadAll(Path("graph.json")), "EXPORT_FORMAT_CIRCUIT_TRACER_JSON of graphs/7f3a at 0.8");
  EXPECT_EQ(ReadAll(Path("raw.st")), "EXPORT_FORMAT_SAFETENSORS of graphs/7f3a at 0.8");
  EXPECT_EQ(ReadAll(Path("graph.html")), "EXPORT_FORMAT_HTML of graphs/7f3a at 0.8");
  EXPECT_EQ(FileCount(), 3u) << "temporary files are left behind";
  const json printed = json::parse(result.out);
  EXPECT_EQ(printed["id"], "7f3a");
  EXPECT_EQ(printed["nodes"], 5);
  EXPECT_EQ(printed["edges"], 3);
  EXPECT_EQ(printed["kept_nodes"], 4);
  EXPECT_EQ(printed["active_features"], 9);
  EXPECT_EQ(printed["replacement_score"], 0.625);
  EXPECT_EQ(printed["completeness_score"], 0.75);
  EXPECT_EQ(printed["additivity"], 3e-6);
  EXPECT_EQ(printed["seconds"], 1.5);
  EXPECT_EQ(printed["phases"]["forward"], 0.25);
}

TEST_F(CommandTest, GraphRefusesAPageOfStepsBeforeAnythingIsComputed) {
  ServeGraphs();
  const CommandResult result =
      Run({"graph", "--prompt", "a", "--html", Path("graph.html"), "--step", "weight=0.1"});
  EXPECT_EQ(result.exit_code, kExitWrongUsage);
  EXPECT_THAT(result.err, HasSubstr("--html"));
  EXPECT_THAT(result.err, HasSubstr("--step"));
  EXPECT_EQ(created_.ByteSizeLong(), 0u);
  EXPECT_EQ(FileCount(), 0u);
  EXPECT_EQ(Run({"graph", "--prompt", "a", "--html", Path("graph.html")}).exit_code, kExitDone);
}

TEST_F(CommandTest, GraphShowsLogitsScoresAndPlacesToPeople) {
  ServeGraphs();
  const CommandResult result =
      Run({"graph", "--prompt", "The capital", "--output", Path("graph.json")});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  for (const std::string& text :
       {std::string("\" Paris\""), std::string("0.4375"), std::string("replacement 0.6250"),
        std::string("2 of 9 active"), std::string("1.500 s: forward 0.250 s"), Path("graph.json"),
        std::string("cajal export 7f3a")}) {
    EXPECT_THAT(result.out, HasSubstr(text));
  }
}

TEST_F(CommandTest, ProgressIsShownOnATerminalAlone) {
  ServeGraphs();
  const CommandResult piped = Run({"graph", "--prompt", "a"});
  EXPECT_EQ(piped.err, "");
  const CommandResult terminal = Run({"graph", "--prompt", "a"}, {.err_is_terminal = true});
  EXPECT_THAT(terminal.err, HasSubstr("feature_rows ["));
  EXPECT_THAT(terminal.err, testing::EndsWith("\r\033[K")) << "the line is cleared at the end";
  EXPECT_THAT(terminal.out, Not(HasSubstr("feature_rows")));
}

TEST_F(CommandTest, AFailedExportSaysThatTheGraphIsStored) {
  ServeGraphs();
  server_.graphs.export_graph = [](const auto&, auto*, auto*) {
    return TypedError(
        {.code = grpc::StatusCode::INTERNAL, .message = "bug 77", .reason = "INTERNAL"});
  };
  const std::string old = WriteFile("graph.json", "old");
  const CommandResult result = Run({"graph", "--prompt", "a", "--output", old});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("bug 77"));
  EXPECT_THAT(result.err, HasSubstr("cajal export 7f3a"));
  EXPECT_EQ(ReadAll(old), "old");
  EXPECT_EQ(FileCount(), 1u);
}

TEST_F(CommandTest, AnUnwritableOutputIsFoundBeforeTheServerIsAsked) {
  ServeGraphs();
  const CommandResult result =
      Run({"graph", "--prompt", "a", "--output", Path("no/such/folder/graph.json")});
  EXPECT_EQ(result.exit_code, kExitWrongUsage);
  EXPECT_THAT(result.err, HasSubstr("--output"));
  EXPECT_THAT(result.err, HasSubstr("No such file"));
  EXPECT_FALSE(created_.has_prompt());
}

TEST_F(CommandTest, CancellationReachesTheServerAndIsSaid) {
  absl::Notification cancelled;
  Console console;
  server_.graphs.create_graph = [&](const auto&,
                                    grpc::ServerWriter<v1::CreateGraphResponse>* writer, auto*) {
    v1::CreateGraphResponse piece;
    piece.mutable_progress()->set_phase("forward");
    writer->Write(piece);
    console.cancellation->Cancel();  // as Ctrl-C does
    while (writer->Write(piece)) {
    }
    cancelled.Notify();
    return grpc::Status::CANCELLED;
  };
  const CommandResult result = Run({"graph", "--prompt", "a"}, console);
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("cancelled; the server has been told to stop"));
  cancelled.WaitForNotification();
}

TEST_F(CommandTest, ARefusedFieldNamesItsFlag) {
  server_.graphs.create_graph = [](const auto&, auto*, auto*) {
    return TypedError({.code = grpc::StatusCode::INVALID_ARGUMENT,
                       .message = "settings.zero_positions: must be 0 to 8; got 9",
                       .reason = "OUT_OF_RANGE",
                       .field = "settings.zero_positions",
                       .description = "must be 0 to 8; got 9"});
  };
  const CommandResult result = Run({"graph", "--prompt", "a"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "cajal graph: settings.zero_positions: must be 0 to 8; got 9\n"
            "  The flag for it is --zero-positions.\n");
}

TEST_F(CommandTest, AFullQueueSaysWhenToTryAgain) {
  server_.model.forward = [](const auto&, auto*, grpc::ServerContext* context) {
    AddPushback(-1, context);
    return TypedError({.code = grpc::StatusCode::RESOURCE_EXHAUSTED,
                       .message = "64 jobs are waiting",
                       .reason = "QUEUE_FULL",
                       .retry_seconds = 12.2});
  };
  const CommandResult result = Run({"forward", "--prompt", "a"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("Try again in 13 s."));
}

TEST_F(CommandTest, GraphsListsPageAfterPageUpToTheLimit) {
  server_.graphs.list_graphs = [](const v1::ListGraphsRequest& request,
                                  v1::ListGraphsResponse* response, auto*) {
    const int page = request.page_token().empty() ? 0 : std::stoi(request.page_token());
    for (int i = 0; i < 2; ++i) {
      *response->add_graphs() = client_test::SmallGraphHeader(v1::GRAPH_VIEW_NONE).graph();
      response->mutable_graphs(i)->set_name("graphs/" + std::to_string(2 * page + i));
    }
    response->set_next_page_token(std::to_string(page + 1));
    return grpc::Status::OK;
  };
  const CommandResult machine = Run({"graphs", "--limit", "4", "--json"});
  ASSERT_EQ(machine.exit_code, kExitDone) << machine.err;
  const json graphs = json::parse(machine.out)["graphs"];
  ASSERT_EQ(graphs.size(), 4u);
  EXPECT_EQ(graphs[3]["id"], "3");
  EXPECT_THAT(Run({"graphs", "--limit", "2"}).out, HasSubstr("\"<bos>The capital\""));
}

TEST_F(CommandTest, GraphsGetAndDeleteTakeAnId) {
  server_.graphs.get_graph = [](const v1::GetGraphRequest& request,
                                grpc::ServerWriter<v1::GetGraphResponse>* writer, auto*) {
    EXPECT_EQ(request.name(), "graphs/7f3a");
    v1::GetGraphResponse piece;
    *piece.mutable_header() = client_test::SmallGraphHeader(v1::GRAPH_VIEW_PRUNED);
    writer->Write(piece);
    for (const v1::GraphChunk& chunk : client_test::SmallGraphChunks(v1::GRAPH_VIEW_PRUNED)) {
      *piece.mutable_chunk() = chunk;
      writer->Write(piece);
    }
    return grpc::Status::OK;
  };
  server_.graphs.delete_graph = [](const v1::DeleteGraphRequest& request, auto*, auto*) {
    EXPECT_EQ(request.name(), "graphs/7f3a");
    return grpc::Status::OK;
  };
  const CommandResult get = Run({"graphs", "get", "7f3a", "--json"});
  ASSERT_EQ(get.exit_code, kExitDone) << get.err;
  EXPECT_EQ(json::parse(get.out)["kept_edges"], 2);
  EXPECT_EQ(Run({"graphs", "delete", "graphs/7f3a"}).out, "deleted 7f3a\n");
}

TEST_F(CommandTest, ExportWritesTheChosenFormat) {
  ServeGraphs();
  const CommandResult result = Run({"export", "7f3a", "--format", "safetensors", "--node-threshold",
                                    "0.7", "--output", Path("g.st"), "--json"});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  EXPECT_EQ(ReadAll(Path("g.st")), "EXPORT_FORMAT_SAFETENSORS of graphs/7f3a at 0.7");
  EXPECT_EQ(json::parse(result.out)["size_bytes"], ReadAll(Path("g.st")).size());
}

TEST_F(CommandTest, ExportAsksForEveryFormatByItsName) {
  ServeGraphs();
  const std::pair<const char*, const char*> formats[] = {
      {"circuit-tracer", "EXPORT_FORMAT_CIRCUIT_TRACER_JSON"},
      {"json", "EXPORT_FORMAT_CIRCUIT_TRACER_JSON"},
      {"graphml", "EXPORT_FORMAT_GRAPHML"},
      {"node-link", "EXPORT_FORMAT_NODE_LINK_JSON"},
      {"dot", "EXPORT_FORMAT_DOT"},
      {"html", "EXPORT_FORMAT_HTML"},
      {"cajal", "EXPORT_FORMAT_CAJAL"}};
  for (const auto& [name, wire_name] : formats) {
    const CommandResult result =
        Run({"export", "7f3a", "--format", name, "--output", Path("graph")});
    ASSERT_EQ(result.exit_code, kExitDone) << result.err;
    EXPECT_THAT(ReadAll(Path("graph")), HasSubstr(std::string(wire_name) + " of")) << name;
  }
}

TEST_F(CommandTest, ExportWithoutThresholdsLeavesAnImportedGraphAsItIs) {
  bool has_prune = true;
  server_.graphs.export_graph = [&has_prune](const v1::ExportGraphRequest& request,
                                             grpc::ServerWriter<v1::ExportGraphResponse>* writer,
                                             auto*) {
    has_prune = request.has_prune();
    v1::ExportGraphResponse piece;
    piece.set_data("x");
    piece.set_total_size_bytes(1);
    writer->Write(piece);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"export", "7f3a", "--output", Path("g")}).exit_code, kExitDone);
  EXPECT_FALSE(has_prune);
  EXPECT_EQ(Run({"export", "7f3a", "--edge-threshold", "0.98", "--output", Path("g")}).exit_code,
            kExitDone);
  EXPECT_TRUE(has_prune);
}

TEST_F(CommandTest, ImportSaysWhatWasStored) {
  v1::ImportGraphRequest seen;
  server_.graphs.import_graph = [&seen](const v1::ImportGraphRequest& request,
                                        v1::ImportGraphResponse* response, auto*) {
    seen = request;
    response->mutable_graph()->set_name("graphs/7f3a");
    response->mutable_graph()->set_n_nodes(1234);
    response->mutable_graph()->set_n_edges(5);
    response->mutable_graph()->set_is_imported(true);
    return grpc::Status::OK;
  };
  const std::string path = WriteFile("g.json", "{}");
  const CommandResult text = Run({"import", path, "--request-id", "mine"});
  ASSERT_EQ(text.exit_code, kExitDone) << text.err;
  EXPECT_EQ(seen.data(), "{}");
  EXPECT_EQ(seen.upload_id(), "mine");
  EXPECT_THAT(text.out, HasSubstr("7f3a: 1,234 nodes, 5 edges"));
  EXPECT_THAT(text.out, HasSubstr("what pruning kept"));
  const json machine = json::parse(Run({"import", path, "--json"}).out);
  EXPECT_EQ(machine["id"], "7f3a");
  EXPECT_EQ(machine["is_imported"], true);
}

TEST_F(CommandTest, JobsAreListedAndCancelled) {
  server_.jobs.list_jobs = [](const auto&, v1::ListJobsResponse* response, auto*) {
    v1::Job* job = response->add_jobs();
    job->set_name("jobs/12");
    job->set_method("CreateGraph");
    job->set_state(v1::JOB_STATE_QUEUED);
    job->mutable_progress()->set_phase("queued");
    job->mutable_progress()->set_queue_position(3);
    return grpc::Status::OK;
  };
  server_.jobs.cancel_job = [](const v1::CancelJobRequest& request, v1::CancelJobResponse* response,
                               auto*) {
    EXPECT_EQ(request.name(), "jobs/12");
    response->mutable_job()->set_name("jobs/12");
    response->mutable_job()->set_state(v1::JOB_STATE_CANCELLED);
    return grpc::Status::OK;
  };
  EXPECT_THAT(Run({"jobs"}).out, HasSubstr("queued, 3 jobs ahead"));
  const json jobs = json::parse(Run({"jobs", "--json"}).out)["jobs"];
  EXPECT_EQ(jobs[0]["id"], "12");
  EXPECT_EQ(jobs[0]["state"], "queued");
  EXPECT_TRUE(jobs[0]["started"].is_null());
  EXPECT_EQ(Run({"jobs", "cancel", "12"}).out, "12: asked to stop, now cancelled\n");
}

TEST_F(CommandTest, TokensWithQuotesAndControlCharactersMakeValidJson) {
  server_.model.forward = [](const auto&, grpc::ServerWriter<v1::ForwardResponse>* writer, auto*) {
    v1::ForwardResponse piece;
    piece.mutable_header()->add_top_tokens()->set_token("quote \" and \n and \x01");
    writer->Write(piece);
    return grpc::Status::OK;
  };
  const CommandResult result = Run({"forward", "--prompt", "a", "--json"});
  ASSERT_EQ(result.exit_code, kExitDone) << result.err;
  EXPECT_EQ(json::parse(result.out)["top_tokens"][0]["token"], "quote \" and \n and \x01");
}

}  // namespace
}  // namespace cajal::cli
