// Prompts and pictures that are refused, and odd ones that are not. Each refusal carries code,
// reason and field, and the server goes on.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/e2e/cajald_process.h"
#include "tests/e2e/png.h"
#include "tests/golden_util.h"

namespace cajal::e2e {
namespace {

using ::testing::HasSubstr;

client::Prompt PromptWithPicture(const std::string& bytes) {
  return {.parts = {{.image = client::Image{bytes}}, {.text = " This is"}}};
}

class BadPrompt : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<CajaldProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }

  // Library and command are told the same; afterwards the server still serves.
  void ExpectRefused(const client::Prompt& prompt, const std::vector<std::string>& flags,
                     const std::string& reason, const std::string& field) {
    const absl::Status status = server_->client().CreateGraph({.prompt = prompt}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_EQ(client::ErrorReason(status), reason) << status;
    const auto violations = client::FieldViolations(status);
    ASSERT_EQ(violations.size(), 1u) << status;
    EXPECT_EQ(violations[0].field, field);

    std::vector<std::string> command = {"graph"};
    command.insert(command.end(), flags.begin(), flags.end());
    const ProcessResult result = server_->Cajal(command);
    EXPECT_EQ(result.exit_code, 1) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr(std::string(status.message())));
    ExpectServes(server_.get());
  }
  void ExpectPictureRefused(const std::string& bytes, const std::string& reason) {
    const std::string path = dir_.Write("picture", bytes);
    ExpectRefused(PromptWithPicture(bytes), {"--prompt", " This is", "--image", path}, reason,
                  "prompt.parts[0].image");
  }
  std::vector<float> LogitsOf(const std::string& picture) {
    const auto result = server_->client().Forward(
        {.prompt = PromptWithPicture(golden::ReadBytes(picture)), .return_logits = true});
    EXPECT_TRUE(result.ok()) << picture << ": " << result.status();
    return result.ok() ? result->tensors.back().floats : std::vector<float>();
  }

  static std::unique_ptr<CajaldProcess> server_;
  const TempDir dir_;
};
std::unique_ptr<CajaldProcess> BadPrompt::server_;

TEST_F(BadPrompt, APictureThatIsNoPictureIsRefused) {
  ExpectPictureRefused("These are words, not pixels.", "IMAGE_FORMAT");
}

TEST_F(BadPrompt, APictureWithoutBytesIsRefused) { ExpectPictureRefused("", "IMAGE_FORMAT"); }

TEST_F(BadPrompt, TruncatedPicturesAreUnreadable) {
  for (const char* picture :
       {"images/shapes_97x61.png", "images_odd/exif1.jpg", "images_odd/lossless.webp"}) {
    const std::string whole = golden::ReadBytes(absl::StrCat("golden/", picture));
    ExpectPictureRefused(whole.substr(0, whole.size() * 2 / 3), "IMAGE_UNREADABLE");
  }
}

TEST_F(BadPrompt, APictureThatClaimsOneHundredMegapixelsIsTooLarge) {
  ExpectPictureRefused(PngHeaderAlone(10'000, 10'000), "IMAGE_TOO_LARGE");
}

TEST_F(BadPrompt, APictureOfOneHundredMegapixelsInAFewKilobytesIsTooLarge) {
  ExpectPictureRefused(BlackPng(10'000, 10'000), "IMAGE_TOO_LARGE");
}

TEST_F(BadPrompt, ASideThatOverflowsIsRefused) {
  const std::string picture = PngHeaderAlone(0x7fffffff, 0x7fffffff);
  const auto result = server_->client().CreateGraph({.prompt = PromptWithPicture(picture)});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << result.status();
  ExpectServes(server_.get());
}

TEST_F(BadPrompt, APictureOfOnePixelIsTaken) {
  EXPECT_FALSE(LogitsOf("golden/images_odd/onepixel.png").empty());
}

TEST_F(BadPrompt, EveryKindOfPictureThatPillowReadsIsTaken) {
  int n_pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator("golden/images_odd")) {
    EXPECT_FALSE(LogitsOf(entry.path().string()).empty()) << entry.path();
    ++n_pictures;
  }
  EXPECT_GE(n_pictures, 20);  // CMYK, alpha, 16 bits, palettes, all orientations, …
}

TEST_F(BadPrompt, PicturesAreTurnedAsTheirExifSays) {
  // The same stored pixels: PNG and WebP are to be turned, by the same angle.
  const std::vector<float> turned = LogitsOf("golden/images_odd/exif6.png");
  EXPECT_EQ(turned, LogitsOf("golden/images_odd/exif6.webp"));
  EXPECT_NE(turned, LogitsOf("golden/images_odd/lossless.webp"));
  // A JPEG's orientations are all told apart.
  EXPECT_NE(LogitsOf("golden/images_odd/exif1.jpg"), LogitsOf("golden/images_odd/exif6.jpg"));
}

TEST_F(BadPrompt, MorePlaceholdersThanPicturesAreRefused) {
  const std::string text = "<start_of_image> and <start_of_image>";
  const std::string path = "golden/images/shapes_97x61.png";
  ExpectRefused({.parts = {{.image = client::Image{golden::ReadBytes(path)}}, {.text = text}}},
                {"--prompt", text, "--image", path}, "IMAGE_COUNT", "prompt.parts");
}

TEST_F(BadPrompt, MorePicturesThanPlaceholdersAreRefused) {
  const std::string text = "<start_of_image> This is";
  const std::string path = "golden/images/shapes_97x61.png";
  const client::PromptPart picture{.image = client::Image{golden::ReadBytes(path)}};
  ExpectRefused({.turns = {{.parts = {picture, picture, {.text = text}}}}},
                {"--chat", "--prompt", text, "--image", path, "--image", path}, "IMAGE_COUNT",
                "prompt.turns");
}

TEST_F(BadPrompt, AnEmptyPromptIsRefused) {
  ExpectRefused(client::TextPrompt(""), {"--prompt", ""}, "", "prompt");
  const absl::Status nothing = server_->client().CreateGraph({}).status();
  EXPECT_EQ(nothing.code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(client::FieldViolations(nothing).size(), 1u);
  EXPECT_EQ(client::FieldViolations(nothing)[0].field, "prompt");
}

TEST_F(BadPrompt, TokenIdsOutsideTheVocabularyAreRefused) {
  ExpectRefused({.token_ids = {2, 520}}, {"--tokens", "2,520"}, "", "prompt.token_ids[1]");
  ExpectRefused({.token_ids = {-1}}, {"--tokens=-1"}, "", "prompt.token_ids[0]");
}

TEST_F(BadPrompt, APromptLongerThanTheLimitIsRefused) {
  std::string text;
  for (int i = 0; i < 4200; ++i) text += " capital";
  ExpectRefused(client::TextPrompt(text), {"--prompt", text}, "PROMPT_TOO_LONG", "prompt");
}

TEST_F(BadPrompt, ARequestLargerThanTheServerTakesIsNotSent) {
  const absl::Status status =
      server_->client()
          .CreateGraph({.prompt = PromptWithPicture(std::string(33 << 20, 'x'))})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client::ErrorReason(status), "REQUEST_TOO_LARGE");
  ExpectServes(server_.get());
}

TEST_F(BadPrompt, TextThatIsNotUtf8IsRefusedByTheLibraryAndTheCommand) {
  const absl::Status status =
      server_->client().CreateGraph({.prompt = client::TextPrompt("caf\xe9")}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client::ErrorReason(status), "INVALID_UTF8");
  const ProcessResult result = server_->Cajal({"graph", "--prompt", "caf\xe9"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("UTF-8"));
  ExpectServes(server_.get());
}

// What a client of another make may send: these bytes are its whole request.
grpc::Status SendTokenize(const std::string& address, const std::string& request) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  const grpc::Slice slice(request);
  const grpc::ByteBuffer bytes(&slice, 1);
  grpc::ByteBuffer response;
  grpc::ClientContext context;
  const grpc::internal::RpcMethod method("/cajal.v1.ModelService/Tokenize",
                                         grpc::internal::RpcMethod::NORMAL_RPC);
  return grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
      channel.get(), method, &context, bytes, &response);
}

TEST_F(BadPrompt, TextThatIsNotUtf8IsRefusedByTheServer) {
  // TokenizeRequest { prompt { parts { text: "caf\xe9" } } }
  const grpc::Status status =
      SendTokenize(server_->address(), "\x0a\x08\x0a\x06\x0a\x04\x63\x61\x66\xe9");
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("UTF-8"));
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  ASSERT_GE(details.details_size(), 1);
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "MALFORMED_REQUEST");
  ExpectServes(server_.get());
}

TEST_F(BadPrompt, BytesThatAreNoMessageAreRefusedByTheServer) {
  for (const char* request : {"\x0a\x7f", "\xff\xff\xff\xff", "GET / HTTP/1.1"}) {
    EXPECT_EQ(SendTokenize(server_->address(), request).error_code(), grpc::INVALID_ARGUMENT)
        << request;
  }
  ExpectServes(server_.get());
}

}  // namespace
}  // namespace cajal::e2e
