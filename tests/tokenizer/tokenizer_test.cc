#include "model/tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "model/tokenizer/sentencepiece_model.pb.h"
#include "tests/golden_util.h"
#include "tests/temp_dir.h"

namespace cajal::tokenizer {
namespace {

using ::testing::HasSubstr;
using Ids = std::vector<int64_t>;
using nlohmann::json;

Tokenizer LoadOrDie(const std::string& dir) {
  auto tokenizer = Tokenizer::Load(dir);
  CAJAL_CHECK(tokenizer.ok()) << std::string(tokenizer.status().message());
  return *std::move(tokenizer);
}

const json& GoldenCases() {
  static const json cases = json::parse(golden::ReadBytes("golden/tokenizer_cases.json"));
  return cases;
}

TEST(Tokenizer, EncodesEveryGoldenCaseAsTransformers) {
  const Tokenizer tokenizer = LoadOrDie("golden/tiny");
  for (const json& c : GoldenCases()["encode"]) {
    EXPECT_EQ(tokenizer.Encode(c["text"].get<std::string>()), c["ids"].get<Ids>()) << c["text"];
  }
  const json cases = json::parse(golden::ReadBytes("golden/cases.json"));
  for (const json& c : cases["tokenizer"]) {
    EXPECT_EQ(tokenizer.Encode(c["text"].get<std::string>()), c["hf"].get<Ids>()) << c["text"];
  }
}

TEST(Tokenizer, DecodesEveryGoldenCaseAsTransformers) {
  const Tokenizer tokenizer = LoadOrDie("golden/tiny");
  for (const json& c : GoldenCases()["decode"]) {
    EXPECT_EQ(tokenizer.Decode(c["ids"].get<Ids>()), c["text"].get<std::string>()) << c["ids"];
  }
}

TEST(Tokenizer, DecodesSingleIdsAsTransformers) {
  const Tokenizer tokenizer = LoadOrDie("golden/tiny");
  const json cases = json::parse(golden::ReadBytes("golden/cases.json"));
  for (const auto& [name, c] : cases["cases"].items()) {
    for (size_t i = 0; i < c["input_ids"].size(); ++i) {
      const Ids id = {c["input_ids"][i].get<int64_t>()};
      EXPECT_EQ(tokenizer.Decode(id), c["tokens"][i].get<std::string>()) << name << " " << i;
    }
  }
}

TEST(Tokenizer, KnowsTheIdsOfWholeTokens) {
  const Tokenizer tokenizer = LoadOrDie("golden/tiny");
  EXPECT_EQ(tokenizer.IdOf("<image_soft_token>"), 512);
  EXPECT_EQ(tokenizer.IdOf("no such token"), std::nullopt);
  EXPECT_EQ(tokenizer.IdOf(""), std::nullopt);
}

// A folder of the test's own with some of the tiny tokenizer's files.
class TokenizerFilesTest : public testing::Test {
 protected:
  void Copy(const std::string& name) { dir_.Write(name, golden::ReadBytes("golden/tiny/" + name)); }
  // Copies tokenizer.json with a change.
  void CopyJson(const std::function<void(json&)>& edit) {
    json root = json::parse(golden::ReadBytes("golden/tiny/tokenizer.json"));
    edit(root);
    dir_.Write("tokenizer.json", root.dump());
  }
  void ExpectRefused(const std::string& because) {
    const absl::Status status = Tokenizer::Load(dir_.path()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(dir_.path()));
    EXPECT_THAT(std::string(status.message()), HasSubstr(because));
  }
  const TempDir dir_;
};

TEST_F(TokenizerFilesTest, SentencePieceFilesAloneGiveTheSameIds) {
  Copy("tokenizer.model");
  Copy("tokenizer_config.json");
  const Tokenizer tokenizer = LoadOrDie(dir_.path());
  const json cases = json::parse(golden::ReadBytes("golden/cases.json"));
  for (const json& c : cases["tokenizer"]) {
    EXPECT_EQ(tokenizer.Encode(c["text"].get<std::string>()), c["hf"].get<Ids>()) << c["text"];
    EXPECT_EQ(tokenizer.Decode(c["hf"].get<Ids>()), c["hf_decode"].get<std::string>());
  }
  for (const json& c : GoldenCases()["encode"]) {
    EXPECT_EQ(tokenizer.Encode(c["text"].get<std::string>()), c["ids"].get<Ids>()) << c["text"];
  }
}

TEST_F(TokenizerFilesTest, AddedTokensFileNamesTheImageToken) {
  Copy("tokenizer.model");
  Copy("added_tokens.json");
  const Tokenizer tokenizer = LoadOrDie(dir_.path());
  EXPECT_EQ(tokenizer.Encode("<bos><image_soft_token>"), (Ids{2, 512}));
}

TEST_F(TokenizerFilesTest, MergesInTheOldSpellingMeanTheSame) {
  CopyJson([](json& root) {
    for (json& merge : root["model"]["merges"]) {
      if (merge.is_array()) {
        merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
      }
    }
  });
  const Tokenizer tokenizer = LoadOrDie(dir_.path());
  EXPECT_EQ(tokenizer.Encode("The capital of France is"), (Ids{483, 283, 390, 301, 458, 453, 296}));
}

TEST_F(TokenizerFilesTest, FolderWithoutATokenizerNamesTheFilesNeeded) {
  const absl::Status status = Tokenizer::Load(dir_.path()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("tokenizer.json is needed"));
}

TEST_F(TokenizerFilesTest, OtherNormalizersAreRefused) {
  CopyJson([](json& root) { root["normalizer"] = {{"type", "NFC"}}; });
  ExpectRefused("normalizer");
}

TEST_F(TokenizerFilesTest, OtherPreTokenizersAreRefused) {
  CopyJson([](json& root) { root["pre_tokenizer"] = {{"type", "ByteLevel"}}; });
  ExpectRefused("pre_tokenizer");
}

TEST_F(TokenizerFilesTest, OtherModelsAreRefused) {
  CopyJson([](json& root) { root["model"]["type"] = "Unigram"; });
  ExpectRefused("model must be BPE");
}

TEST_F(TokenizerFilesTest, MissingByteIsRefused) {
  CopyJson([](json& root) { root["model"]["vocab"].erase("<0x7F>"); });
  ExpectRefused("lacks the byte <0x7F>");
}

TEST_F(TokenizerFilesTest, MergeOfUnknownPiecesIsRefused) {
  CopyJson([](json& root) { root["model"]["merges"].push_back({"no such", "piece"}); });
  ExpectRefused("no such");
}

TEST_F(TokenizerFilesTest, AddedTokenThatDisagreesWithTheVocabularyIsRefused) {
  CopyJson([](json& root) { root["added_tokens"][0]["id"] = 300; });
  ExpectRefused("id 300 is both");
}

TEST_F(TokenizerFilesTest, ValuesOfTheWrongTypeAreRefused) {
  CopyJson([](json& root) { root["model"] = 7; });
  ExpectRefused("");
  CopyJson([](json& root) { root["added_tokens"] = {1, 2}; });
  ExpectRefused("");
  CopyJson([](json& root) { root["model"]["vocab"] = {{"a", -1}}; });
  ExpectRefused("");
  dir_.Write("tokenizer.json", "{");
  ExpectRefused("not JSON");
}

TEST_F(TokenizerFilesTest, BrokenSentencePieceModelIsRefused) {
  dir_.Write("tokenizer.model", "not a model");
  ExpectRefused("not a SentencePiece model");
}

TEST_F(TokenizerFilesTest, SentencePieceModelsOfOtherKindsAreRefused) {
  const auto expect_refused = [&](const std::function<void(sentencepiece::ModelProto&)>& edit,
                                  const std::string& because) {
    sentencepiece::ModelProto model;
    ASSERT_TRUE(model.ParseFromString(golden::ReadBytes("golden/tiny/tokenizer.model")));
    edit(model);
    dir_.Write("tokenizer.model", model.SerializeAsString());
    ExpectRefused(because);
  };
  expect_refused([](auto& model) { model.mutable_trainer_spec()->clear_model_type(); }, "BPE");
  expect_refused([](auto& model) { model.mutable_trainer_spec()->clear_byte_fallback(); }, "BPE");
  expect_refused([](auto& model) { model.mutable_normalizer_spec()->clear_add_dummy_prefix(); },
                 "puts a space before the text");
  expect_refused(
      [](auto& model) { model.mutable_normalizer_spec()->clear_remove_extra_whitespaces(); },
      "change nothing else");
  expect_refused([](auto& model) { model.mutable_pieces(40)->set_piece("\xff"); }, "piece 40");
  expect_refused([](auto& model) { model.mutable_pieces()->DeleteSubrange(27, 256); },
                 "lacks the byte <0x00>");
}

}  // namespace
}  // namespace cajal::tokenizer
