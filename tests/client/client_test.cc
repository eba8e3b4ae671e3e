// The library against a server of its own kind: what is sent, and what comes of the answers.
#include "client/cpp/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <mutex>
#include <set>

#include "tests/client/fake_server.h"
#include "tests/temp_dir.h"

namespace cajal::client {
namespace {

using ::cajal::client_test::FakeServer;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class ClientTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Client::Create({.server = server_.address()});
    ASSERT_TRUE(made.ok()) << made.status();
    client_ = *std::move(made);
  }

  FakeServer server_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, ServerInfoArrivesWhole) {
  server_.model.get_server_info = [](const auto&, v1::GetServerInfoResponse* response, auto*) {
    v1::ServerInfo* info = response->mutable_server_info();
    info->set_version("0.1.0");
    info->set_device("cpu");
    info->mutable_model()->set_n_layers(6);
    info->mutable_model()->set_has_vision(true);
    info->mutable_transcoders()->set_activation("relu_topk(48)");
    info->mutable_transcoders()->add_features_per_layer(256);
    info->mutable_transcoders()->add_features_per_layer(512);
    info->mutable_limits()->set_max_image_pixels(64'000'000);
    info->add_methods("cajal.v1.ModelService/Tokenize");
    return grpc::Status::OK;
  };
  const absl::StatusOr<ServerInfo> info = client_->GetServerInfo();
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->version, "0.1.0");
  EXPECT_EQ(info->model.n_layers, 6);
  EXPECT_TRUE(info->model.has_vision);
  EXPECT_EQ(info->transcoders.activation, "relu_topk(48)");
  EXPECT_THAT(info->transcoders.features_per_layer, ElementsAre(256, 512));
  EXPECT_EQ(info->limits.max_image_pixels, 64'000'000);
  EXPECT_THAT(info->methods, ElementsAre("cajal.v1.ModelService/Tokenize"));
}

TEST_F(ClientTest, PromptsKeepTheOrderOfTheirParts) {
  v1::Prompt seen;
  server_.model.tokenize = [&seen](const v1::TokenizeRequest& request,
                                   v1::TokenizeResponse* response, auto*) {
    seen = request.prompt();
    v1::TokenizedPrompt* prompt = response->mutable_tokenized_prompt();
    prompt->add_token_ids(2);
    prompt->add_token_texts("<bos>");
    v1::ImageSpan* span = prompt->add_image_spans();
    span->set_crop(-1);
    span->set_begin(3);
    span->set_end(7);
    return grpc::Status::OK;
  };
  const Prompt prompt{
      .turns = {{.role = Role::kUser, .parts = {{.image = Image{"PNG"}}, {.text = "What is it?"}}}},
      .assistant_prefix = "It is",
      .add_generation_prompt = false,
      .pan_and_scan = true};
  const absl::StatusOr<TokenizedPrompt> tokens = client_->Tokenize({.prompt = prompt});
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_THAT(tokens->token_ids, ElementsAre(2));
  ASSERT_THAT(tokens->image_spans, SizeIs(1));
  EXPECT_EQ(tokens->image_spans[0].crop, -1);
  EXPECT_EQ(tokens->image_spans[0].end, 7);

  ASSERT_EQ(seen.turns_size(), 1);
  EXPECT_EQ(seen.turns(0).role(), v1::ROLE_USER);
  EXPECT_EQ(seen.turns(0).parts(0).image().data(), "PNG");
  EXPECT_EQ(seen.turns(0).parts(1).text(), "What is it?");
  EXPECT_EQ(seen.assistant_prefix(), "It is");
  EXPECT_TRUE(seen.has_add_generation_prompt());
  EXPECT_FALSE(seen.add_generation_prompt());
  EXPECT_TRUE(seen.pan_and_scan());
}

TEST_F(ClientTest, ForwardJoinsTensorsFromChunksOfOddSizes) {
  server_.model.forward = [](const v1::ForwardRequest& request,
                             grpc::ServerWriter<v1::ForwardResponse>* writer, auto*) {
    EXPECT_EQ(request.hooks(0), "blocks.*.hook_resid_post");
    EXPECT_EQ(request.top_k(), 3);
    EXPECT_TRUE(request.return_logits());
    v1::ForwardResponse piece;
    v1::ForwardHeader* header = piece.mutable_header();
    header->set_job("jobs/1");
    header->add_top_tokens()->set_token(" Paris");
    v1::TensorInfo* ids = header->add_tensors();
    ids->set_name("input_ids");
    ids->set_type(v1::TENSOR_TYPE_I64);
    ids->add_shape(2);
    ids->set_size_bytes(16);
    v1::TensorInfo* logits = header->add_tensors();
    logits->set_name("logits");
    logits->set_type(v1::TENSOR_TYPE_F32);
    logits->add_shape(2);
    logits->add_shape(2);
    logits->set_size_bytes(16);
    writer->Write(piece);
    const int64_t id_values[] = {2, -7};
    const float logit_values[] = {0.5f, 1.5f, -2.5f, 3.5f};
    const char* const data[] = {reinterpret_cast<const char*>(id_values),
                                reinterpret_cast<const char*>(logit_values)};
    for (int tensor = 0; tensor < 2; ++tensor) {
      for (int at = 0; at < 16; at += 7) {
        piece.mutable_chunk()->set_tensor(tensor);
        piece.mutable_chunk()->set_offset_bytes(at);
        piece.mutable_chunk()->set_data(std::string(data[tensor] + at, std::min(7, 16 - at)));
        writer->Write(piece);
      }
    }
    return grpc::Status::OK;
  };
  const auto result = client_->Forward({.prompt = TextPrompt("The capital of France is"),
                                        .hooks = {"blocks.*.hook_resid_post"},
                                        .top_k = 3,
                                        .return_logits = true});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->top_tokens[0].token, " Paris");
  ASSERT_THAT(result->tensors, SizeIs(2));
  EXPECT_THAT(result->tensors[0].ints, ElementsAre(2, -7));
  EXPECT_THAT(result->tensors[1].shape, ElementsAre(2, 2));
  EXPECT_THAT(result->tensors[1].floats, ElementsAre(0.5f, 1.5f, -2.5f, 3.5f));
}

grpc::Status SendSmallGraph(const v1::CreateGraphRequest& request,
                            grpc::ServerWriter<v1::CreateGraphResponse>* writer) {
  v1::CreateGraphResponse piece;
  for (const int done : {10, 20}) {
    v1::Progress* progress = piece.mutable_progress();
    progress->set_job("jobs/9");
    progress->set_phase("feature_rows");
    progress->set_done(done);
    progress->set_total(20);
    writer->Write(piece);
  }
  *piece.mutable_header() = client_test::SmallGraphHeader(request.view());
  writer->Write(piece);
  for (const v1::GraphChunk& chunk : client_test::SmallGraphChunks(request.view())) {
    *piece.mutable_chunk() = chunk;
    writer->Write(piece);
  }
  return grpc::Status::OK;
}

TEST_F(ClientTest, CreateGraphReportsProgressThenGivesTheGraph) {
  v1::CreateGraphRequest seen;
  server_.graphs.create_graph = [&seen](const v1::CreateGraphRequest& request, auto* writer,
                                        auto*) {
    seen = request;
    return SendSmallGraph(request, writer);
  };
  std::vector<int64_t> done;
  const absl::StatusOr<Graph> graph = client_->CreateGraph(
      {.prompt = TextPrompt("The capital"),
       .settings = {.max_n_logits = 3, .max_feature_nodes = 0},
       .targets = {" Paris", SumTarget({{" Rome", 2}, {" Oslo", -1}}), FeatureTarget(3, -2, 17),
                   TopTokensAt(5)},
       .prune = {.node_threshold = 0.5},
       .view = GraphView::kFull,
       .detach = true},
      {.on_progress = [&done](const Progress& progress) { done.push_back(progress.done); }});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_THAT(done, ElementsAre(10, 20));
  EXPECT_EQ(graph->info.name, "graphs/7f3a");
  EXPECT_EQ(graph->info.replacement_score, 0.625);
  EXPECT_EQ(graph->info.create_time, absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(graph->view, GraphView::kFull);
  EXPECT_THAT(graph->nodes, SizeIs(5));
  EXPECT_EQ(graph->edges.size(), 3);

  EXPECT_EQ(seen.settings().max_n_logits(), 3);
  EXPECT_TRUE(seen.settings().has_max_feature_nodes());
  EXPECT_EQ(seen.settings().max_feature_nodes(), 0);
  EXPECT_FALSE(seen.settings().has_batch_size());
  ASSERT_EQ(seen.targets_size(), 4);
  EXPECT_EQ(seen.targets(0).token(), " Paris");
  EXPECT_FALSE(seen.targets(0).has_position());
  EXPECT_EQ(seen.targets(1).token_sum().terms(1).token(), " Oslo");
  EXPECT_EQ(seen.targets(1).token_sum().terms(1).weight(), -1);
  EXPECT_EQ(seen.targets(2).feature().layer(), 3);
  EXPECT_EQ(seen.targets(2).feature().position(), -2);
  EXPECT_EQ(seen.targets(2).feature().index(), 17);
  EXPECT_FALSE(seen.targets(2).has_position());
  EXPECT_TRUE(seen.targets(3).has_top_tokens());
  EXPECT_EQ(seen.targets(3).position(), 5);
  EXPECT_EQ(seen.prune().node_threshold(), 0.5);
  EXPECT_FALSE(seen.prune().has_edge_threshold());
  EXPECT_TRUE(seen.detach());
}

TEST_F(ClientTest, EachCreateGraphGetsARequestIdOfItsOwnUnlessTheCallerHasOne) {
  std::mutex mutex;
  std::vector<std::string> ids;
  server_.graphs.create_graph = [&](const v1::CreateGraphRequest& request, auto* writer, auto*) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      ids.push_back(request.request_id());
    }
    return SendSmallGraph(request, writer);
  };
  ASSERT_TRUE(client_->CreateGraph({.prompt = TextPrompt("a")}).ok());
  ASSERT_TRUE(client_->CreateGraph({.prompt = TextPrompt("a")}).ok());
  ASSERT_TRUE(client_->CreateGraph({.prompt = TextPrompt("a"), .request_id = "mine"}).ok());
  ASSERT_THAT(ids, SizeIs(3));
  EXPECT_THAT(ids[0],
              testing::ContainsRegex("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                     "[0-9a-f]{12}$"));
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_EQ(ids[2], "mine");
}

TEST_F(ClientTest, ExportJoinsTheFile) {
  std::string file(1'000'000, 'x');
  file[777'777] = 'y';
  server_.graphs.export_graph = [&file](const v1::ExportGraphRequest& request, auto* writer,
                                        auto*) {
    EXPECT_EQ(request.format(), v1::EXPORT_FORMAT_SAFETENSORS);
    v1::ExportGraphResponse piece;
    piece.set_total_size_bytes(static_cast<int64_t>(file.size()));
    for (size_t at = 0; at < file.size(); at += 333'333) {
      piece.set_data(file.substr(at, 333'333));
      writer->Write(piece);
    }
    return grpc::Status::OK;
  };
  const auto bytes =
      client_->ExportGraph({.name = "graphs/7f3a", .format = ExportFormat::kSafetensors});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(*bytes, file);
}

// A file of five million bytes, taken by a server that forgets all it had once, at three million.
TEST_F(ClientTest, ImportSendsTheFileInPartsAndGoesOnWhereTheServerIs) {
  std::string file(5'000'000, 'x');
  for (size_t i = 0; i < file.size(); ++i) file[i] = static_cast<char>(i % 251);
  const TempDir dir;
  std::string taken;
  bool has_forgotten = false;
  std::set<std::string> ids;
  server_.graphs.import_graph = [&](const v1::ImportGraphRequest& request,
                                    v1::ImportGraphResponse* response, auto*) {
    ids.insert(request.upload_id());
    EXPECT_EQ(request.total_size_bytes(), 5'000'000);
    EXPECT_LE(request.data().size(), 4u << 20);
    if (request.offset_bytes() == static_cast<int64_t>(taken.size())) taken += request.data();
    if (taken.size() > 3'000'000 && !has_forgotten) {
      has_forgotten = true;
      taken.clear();
    }
    response->set_received_bytes(static_cast<int64_t>(taken.size()));
    if (taken.size() == 5'000'000) {
      response->mutable_graph()->set_name("graphs/new");
      response->mutable_graph()->set_is_imported(true);
    }
    return grpc::Status::OK;
  };
  std::vector<int64_t> done;
  const absl::StatusOr<GraphInfo> graph = client_->ImportGraph(
      {.file = dir.Write("graph.json", file)},
      {.on_progress = [&done](const Progress& progress) { done.push_back(progress.done); }});
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->name, "graphs/new");
  EXPECT_TRUE(graph->is_imported);
  EXPECT_EQ(taken, file);
  EXPECT_THAT(ids, SizeIs(1));
  EXPECT_THAT(done, testing::Contains(0));  // after the server forgot
}

TEST_F(ClientTest, ImportEndsWithTheServersErrorAndWithAServerThatTakesNothing) {
  const TempDir dir;
  const std::string path = dir.Write("graph.json", "{}");
  server_.graphs.import_graph = [](const auto&, auto*, auto*) {
    return client_test::TypedError({.code = grpc::StatusCode::INVALID_ARGUMENT,
                                    .message = "no graph",
                                    .reason = "MALFORMED_GRAPH",
                                    .field = "nodes"});
  };
  EXPECT_EQ(ErrorReason(client_->ImportGraph({.file = path}).status()), "MALFORMED_GRAPH");
  server_.graphs.import_graph = [](const auto&, auto*, auto*) { return grpc::Status::OK; };
  EXPECT_EQ(ErrorReason(client_->ImportGraph({.file = path}).status()), "BROKEN_ANSWER");
  EXPECT_EQ(client_->ImportGraph({.file = dir.File("none")}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client_->ImportGraph({.file = dir.Write("empty", "")}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ClientTest, JobsSayWhereTheyAreAndWhatWentWrong) {
  server_.jobs.list_jobs = [](const v1::ListJobsRequest& request, v1::ListJobsResponse* response,
                              auto*) {
    EXPECT_EQ(request.page_size(), 7);
    EXPECT_EQ(request.page_token(), "next");
    v1::Job* job = response->add_jobs();
    job->set_name("jobs/3");
    job->set_state(v1::JOB_STATE_FAILED);
    job->mutable_create_time()->set_seconds(100);
    job->mutable_error()->set_code(grpc::StatusCode::RESOURCE_EXHAUSTED);
    job->mutable_error()->set_message("the device is full");
    response->set_next_page_token("more");
    return grpc::Status::OK;
  };
  const absl::StatusOr<JobPage> page = client_->ListJobs({.page_size = 7, .page_token = "next"});
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_THAT(page->jobs, SizeIs(1));
  EXPECT_EQ(page->jobs[0].state, JobState::kFailed);
  EXPECT_EQ(page->jobs[0].create_time, absl::FromUnixSeconds(100));
  EXPECT_EQ(page->jobs[0].start_time, absl::InfinitePast());
  EXPECT_EQ(page->jobs[0].error.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(page->next_page_token, "more");
}

TEST_F(ClientTest, ManyCallsAtATimeShareOneClient) {
  server_.jobs.get_job = [](const v1::GetJobRequest& request, v1::GetJobResponse* response, auto*) {
    response->mutable_job()->set_name(request.name());
    return grpc::Status::OK;
  };
  std::mutex mutex;
  std::set<std::string> names;
  std::promise<void> all;
  for (int i = 0; i < 20; ++i) {
    client_->GetJobAsync("jobs/" + std::to_string(i), {}, [&](absl::StatusOr<Job> job) {
      ASSERT_TRUE(job.ok()) << job.status();
      std::lock_guard<std::mutex> lock(mutex);
      names.insert(job->name);
      if (names.size() == 20) all.set_value();
    });
  }
  all.get_future().wait();
}

}  // namespace
}  // namespace cajal::client
