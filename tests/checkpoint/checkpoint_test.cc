#include "model/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/golden_util.h"
#include "tests/temp_dir.h"

namespace cajal::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kQNorm[] = "language_model.layers.0.self_attn.q_norm.weight";

// The tiny golden checkpoint, copied into a folder of the test's own with its tensors changed.
class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    dir_.Write("config.json", golden::ReadBytes("golden/tiny/config.json"));
    for (const auto& [name, view] : original_->tensors()) {
      tensors_[name] = {name, view.type, view.shape, view.data};
    }
  }

  void Write(const std::string& file, const std::vector<TensorToWrite>& tensors) {
    ASSERT_TRUE(WriteSafetensors(dir_.File(file), tensors, {}).ok());
  }

  [[nodiscard]] std::vector<TensorToWrite> AllTensors() const {
    std::vector<TensorToWrite> tensors;
    for (const auto& [name, tensor] : tensors_) tensors.push_back(tensor);
    return tensors;
  }

  // Writes model.safetensors with every name changed by `rename`, and opens the folder.
  absl::StatusOr<Checkpoint> OpenRenamed(const std::function<std::string(std::string)>& rename) {
    std::vector<TensorToWrite> tensors = AllTensors();
    for (TensorToWrite& tensor : tensors) tensor.name = rename(tensor.name);
    Write("model.safetensors", tensors);
    return Checkpoint::Open(dir_.path());
  }

  // Splits the tensors into two shards and writes them with the index that `edit` has changed.
  absl::StatusOr<Checkpoint> OpenSharded(const std::function<void(nlohmann::json&)>& edit) {
    nlohmann::json index;
    int64_t total = 0;
    std::vector<TensorToWrite> shards[2];
    for (const auto& [name, tensor] : tensors_) {
      const int shard = absl::StrContains(name, "vision") ? 1 : 0;
      shards[shard].push_back(tensor);
      index["weight_map"][name] = shard == 0 ? "a.safetensors" : "b.safetensors";
      total += original_->Find(name)->size_bytes;
    }
    index["metadata"]["total_size"] = total;
    edit(index);
    Write("a.safetensors", shards[0]);
    Write("b.safetensors", shards[1]);
    dir_.Write("model.safetensors.index.json", index.dump());
    return Checkpoint::Open(dir_.path());
  }

  void ExpectRefused(const absl::StatusOr<Checkpoint>& checkpoint, const std::string& because) {
    EXPECT_EQ(checkpoint.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr(dir_.path()));
    EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr(because));
  }

  const TempDir dir_;
  const std::shared_ptr<const SafetensorsFile> original_ =
      golden::OpenSafetensors("golden/tiny/model.safetensors");
  std::map<std::string, TensorToWrite> tensors_;
};

std::string Replace(const std::string& name, const std::string& prefix, const std::string& by) {
  return absl::StartsWith(name, prefix) ? by + name.substr(prefix.size()) : name;
}

TEST_F(CheckpointTest, HubLayoutOpensWithoutWarnings) {
  const auto checkpoint = Checkpoint::Open("golden/tiny");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->warnings(), IsEmpty());
  EXPECT_EQ(ExpectedTensors(checkpoint->config()).size(), original_->tensors().size());
  EXPECT_THAT(checkpoint->Get(kQNorm).shape, ElementsAre(16));
  EXPECT_THAT(checkpoint->Get("multi_modal_projector.mm_input_projection_weight").shape,
              ElementsAre(48, 64));
  EXPECT_EQ(checkpoint->FileOf(kQNorm), "golden/tiny/model.safetensors");
}

TEST_F(CheckpointTest, TextOnlyLayoutOpens) {
  const auto checkpoint = Checkpoint::Open("golden/quirk");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->warnings(), IsEmpty());
  EXPECT_THAT(checkpoint->Get(kQNorm).shape, ElementsAre(24));
}

TEST_F(CheckpointTest, InMemoryLayoutWithTheVisionWrapperOpens) {
  const auto checkpoint = OpenRenamed([](const std::string& name) {
    const std::string inner = Replace(name, "language_model.model.", "language_model.");
    return "model." + inner;
  });
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->warnings(), IsEmpty());
  EXPECT_NE(checkpoint->Get(kQNorm).data, nullptr);
}

TEST_F(CheckpointTest, InMemoryLayoutWithoutTheVisionWrapperOpens) {
  const auto checkpoint = OpenRenamed([](const std::string& name) {
    const std::string inner = Replace(name, "language_model.model.", "language_model.");
    return "model." + Replace(inner, "vision_tower.vision_model.", "vision_tower.");
  });
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->warnings(), IsEmpty());
}

TEST(CanonicalName, HeadHasOneNameInAllLayouts) {
  EXPECT_EQ(CanonicalName("lm_head.weight"), "lm_head.weight");
  EXPECT_EQ(CanonicalName("language_model.lm_head.weight"), "lm_head.weight");
}

TEST(CanonicalName, UnknownNamesStayAsTheyAre) {
  EXPECT_EQ(CanonicalName("audio_tower.layers.0"), "audio_tower.layers.0");
}

TEST(ExpectedTensors, Published4bHas883TensorsAnd4300079472Parameters) {
  const auto config = ParseConfig(
      R"({"model_type": "gemma3", "text_config": {"hidden_size": 2560, "intermediate_size": 10240,
          "num_hidden_layers": 34}, "vision_config": {"hidden_size": 1152, "image_size": 896,
          "intermediate_size": 4304, "num_attention_heads": 16, "num_hidden_layers": 27,
          "patch_size": 14}})",
      "m");
  ASSERT_TRUE(config.ok()) << config.status();
  const std::vector<ExpectedTensor> tensors = ExpectedTensors(*config);
  int64_t parameters = 0;
  for (const ExpectedTensor& tensor : tensors) {
    int64_t n = 1;
    for (const int64_t dim : tensor.shape) n *= dim;
    parameters += n;
  }
  EXPECT_EQ(tensors.size(), 883u);
  EXPECT_EQ(parameters, 4'300'079'472);
}

TEST_F(CheckpointTest, TwoNamesForOneTensorAreRefused) {
  TensorToWrite twin = tensors_.begin()->second;
  twin.name = "model." + Replace(twin.name, "language_model.model.", "language_model.");
  tensors_[twin.name] = twin;
  Write("model.safetensors", AllTensors());
  ExpectRefused(Checkpoint::Open(dir_.path()), "are two names for");
}

TEST_F(CheckpointTest, MissingTensorIsNamed) {
  tensors_.erase("language_model.model.norm.weight");
  Write("model.safetensors", AllTensors());
  ExpectRefused(Checkpoint::Open(dir_.path()), "tensor language_model.norm.weight [64] is missing");
}

TEST_F(CheckpointTest, MisshapenTensorIsNamedWithBothShapes) {
  tensors_["language_model.model.norm.weight"].shape = {8, 8};
  Write("model.safetensors", AllTensors());
  ExpectRefused(Checkpoint::Open(dir_.path()), "has the shape [8, 8]; config.json demands [64]");
}

TEST_F(CheckpointTest, TensorOfIntegersIsRefused) {
  tensors_["language_model.model.norm.weight"].type = ElementType::kI32;
  Write("model.safetensors", AllTensors());
  ExpectRefused(Checkpoint::Open(dir_.path()), "has the type I32");
}

TEST_F(CheckpointTest, UnknownTensorsAndAnIgnoredHeadAreWarnedOf) {
  TensorToWrite extra = tensors_.begin()->second;
  for (const char* name : {"something.else", "lm_head.weight", "vision_tower.head.probe"}) {
    extra.name = name;
    tensors_[name] = extra;
  }
  Write("model.safetensors", AllTensors());
  const auto checkpoint = Checkpoint::Open(dir_.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->warnings(), ElementsAre(HasSubstr("lm_head.weight is ignored"),
                                                  HasSubstr("1 unknown tensors are ignored: "
                                                            "\"something.else\"")));
}

TEST_F(CheckpointTest, UntiedModelNeedsItsHead) {
  auto config = nlohmann::json::parse(golden::ReadBytes("golden/tiny/config.json"));
  config["tie_word_embeddings"] = false;
  dir_.Write("config.json", config.dump());
  Write("model.safetensors", AllTensors());
  ExpectRefused(Checkpoint::Open(dir_.path()), "lm_head.weight [520, 64] is missing");
  TensorToWrite head = tensors_["language_model.model.embed_tokens.weight"];
  head.name = "language_model.lm_head.weight";
  tensors_[head.name] = head;
  Write("model.safetensors", AllTensors());
  const auto checkpoint = Checkpoint::Open(dir_.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->Get("lm_head.weight").shape, ElementsAre(520, 64));
}

TEST_F(CheckpointTest, ShardsOpenAndNameTheirFiles) {
  const auto checkpoint = OpenSharded([](nlohmann::json&) {});
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->warnings(), IsEmpty());
  EXPECT_EQ(checkpoint->FileOf(kQNorm), dir_.File("a.safetensors"));
  EXPECT_EQ(checkpoint->FileOf("vision_tower.post_layernorm.bias"), dir_.File("b.safetensors"));
}

TEST_F(CheckpointTest, TotalSizeThatDisagreesIsWarnedOf) {
  const auto checkpoint =
      OpenSharded([](nlohmann::json& index) { index["metadata"]["total_size"] = 1; });
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->warnings(), ElementsAre(HasSubstr("states a total_size of 1 bytes")));
}

TEST_F(CheckpointTest, ShardOutsideTheFolderIsRefused) {
  for (const std::string file : {"../b.safetensors", "/etc/passwd", "..", "", "a\\b", "sub/b"}) {
    ExpectRefused(OpenSharded([&file](nlohmann::json& index) {
                    index["weight_map"]["language_model.model.norm.weight"] = file;
                  }),
                  "which is no plain file name");
  }
}

TEST_F(CheckpointTest, ShardThatLacksAnAssignedTensorIsRefused) {
  ExpectRefused(OpenSharded([](nlohmann::json& index) {
                  index["weight_map"]["language_model.model.norm.weight"] = "b.safetensors";
                }),
                "language_model.model.norm.weight\", which the index");
}

TEST_F(CheckpointTest, ShardWithATensorThatTheIndexDoesNotKnowIsRefused) {
  ExpectRefused(OpenSharded([](nlohmann::json& index) {
                  index["weight_map"].erase("language_model.model.norm.weight");
                }),
                "which the index does not assign to it");
}

TEST_F(CheckpointTest, MissingShardIsNotFound) {
  const auto checkpoint = OpenSharded([](nlohmann::json& index) {
    for (nlohmann::json& file : index["weight_map"]) {
      if (file == "b.safetensors") file = "c.safetensors";
    }
  });
  EXPECT_EQ(checkpoint.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(checkpoint.status().message()), HasSubstr("c.safetensors"));
}

TEST_F(CheckpointTest, IndexWithoutAWeightMapIsRefused) {
  ExpectRefused(OpenSharded([](nlohmann::json& index) { index["weight_map"] = 3; }),
                "weight_map is no object");
}

TEST_F(CheckpointTest, TruncatedShardIsRefused) {
  const std::string bytes = golden::ReadBytes("golden/tiny/model.safetensors");
  dir_.Write("model.safetensors", bytes.substr(0, bytes.size() - 1));
  ExpectRefused(Checkpoint::Open(dir_.path()), "is truncated");
}

TEST_F(CheckpointTest, OnlySafetensorsFileOfTheFolderIsTaken) {
  Write("weights.safetensors", AllTensors());
  EXPECT_TRUE(Checkpoint::Open(dir_.path()).ok());
  Write("more.safetensors", AllTensors());
  EXPECT_EQ(Checkpoint::Open(dir_.path()).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CheckpointTest, FolderWithoutWeightsIsNotFound) {
  const absl::Status status = Checkpoint::Open(dir_.path()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("converted to safetensors"));
}

}  // namespace
}  // namespace cajal::checkpoint
