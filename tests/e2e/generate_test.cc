// `cajal generate` with the real programs: continuations of Transformers, edits beside the clean
// run against the float64 reference (tests/golden/README.md) and against `cajal intervene`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/e2e/cajald_process.h"
#include "tests/e2e/golden_prompt.h"
#include "tests/golden_util.h"

namespace cajal::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Generate : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<CajaldProcess>(); }
  static void TearDownTestSuite() { server_.reset(); }

  // What `cajal generate --json` prints.
  static json Run(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"generate", "--json"});
    const ProcessResult result = server_->Cajal(flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  }
  static client::GenerateRequest Request(const intervention::Positions& positions) {
    client::GenerateRequest request{.prompt = client::TextPrompt("The capital"),
                                    .max_new_tokens = 3};
    request.edit_sets = {{.features = {{.layer = 2,
                                        .feature = 17,
                                        .positions = positions,
                                        .operation = {intervention::OperationKind::kSet, 5}}}}};
    return request;
  }

  static std::unique_ptr<CajaldProcess> server_;
};
std::unique_ptr<CajaldProcess> Generate::server_;

TEST_F(Generate, ContinuesAsTransformersDoes) {
  const json cases = json::parse(golden::ReadBytes("golden/generation.json"));
  ASSERT_GE(cases["tiny"].size(), 2U);
  for (const json& golden : cases["tiny"]) {
    std::vector<std::string> flags = {"--prompt", golden["prompt"], "--max-new-tokens", "24"};
    for (const json& image : golden["images"]) {
      flags.insert(flags.end(),
                   {"--image", absl::StrCat("golden/images/", image.get<std::string>())});
    }
    EXPECT_EQ(Run(flags)["sequences"][0]["token_ids"], golden["new_token_ids"]);
  }
}

TEST_F(Generate, EditsOfThePromptGiveTheReferencesNextToken) {
  for (const char* prompt : {"text", "one_image"}) {
    const std::string name = absl::StrCat(prompt, "__plt_topk");
    const json specs =
        json::parse(golden::ReadBytes("golden/interventions/interventions.json"))[name];
    const auto reference =
        golden::OpenSafetensors("golden/interventions/intervention_" + name + ".safetensors");
    json sets = json::array();
    for (const auto& [label, edits] : specs.items()) {
      json texts = json::array();
      for (const json& edit : edits) {
        texts.push_back(absl::StrCat(edit[0].get<int>(), ":", edit[1].get<int>(), ":",
                                     edit[2].get<int>(), "=", edit[3].get<float>()));
      }
      sets.push_back({{"label", label}, {"set", texts}});
    }
    const TempDir dir;
    std::vector<std::string> flags = PromptFlags(prompt);
    flags.insert(flags.end(),
                 {"--max-new-tokens", "2", "--edits", dir.Write("edits.json", sets.dump())});
    const json result = Run(flags);
    ASSERT_EQ(result["sequences"].size(), specs.size() + 1);
    for (size_t i = 0; i < sets.size(); ++i) {
      const json& sequence = result["sequences"][i + 1];
      const std::string label = sets[i]["label"];
      EXPECT_EQ(sequence["edit_set"], i);
      EXPECT_EQ(sequence["label"], label);
      const auto logits = golden::Values<float>(*reference, label + ".free.logits");
      const auto last = logits.end() - 520;  // of the last position
      const auto top = std::max_element(last, logits.end());
      EXPECT_EQ(sequence["token_ids"][0], top - last) << label;
      EXPECT_NEAR(sequence["tokens"][0]["logit"].get<double>(), *top, 1e-4) << label;
    }
  }
}

TEST_F(Generate, EditsOfNewTokensAreThoseOfOnePassOverThem) {
  const json prompt =
      server_->client().Tokenize({.prompt = client::TextPrompt("The capital")})->token_ids;
  const auto flag = [](const json& ids) {
    return absl::StrJoin(ids.get<std::vector<int64_t>>(), ",");
  };
  const json result = Run({"--tokens", flag(prompt), "--max-new-tokens", "5", "--set",
                           "2:generated:17+=30", "--set", "3:-1:5=8"});
  const json& edited = result["sequences"][1];
  json all = prompt;
  all.insert(all.end(), edited["token_ids"].begin(), edited["token_ids"].end() - 1);
  for (size_t i = 1; i < 5; ++i) {
    const size_t position = prompt.size() - 1 + i;
    const ProcessResult whole = server_->Cajal(
        {"intervene", "--json", "--tokens", flag(all), "--set",
         absl::StrCat("2:", prompt.size(), "..-1:17+=30"), "--set",
         absl::StrCat("3:", prompt.size() - 1, ":5=8"), "--position", absl::StrCat(position)});
    ASSERT_EQ(whole.exit_code, 0) << whole.err;
    const json top = json::parse(whole.out)["sets"][0]["edited_top"][0];
    EXPECT_EQ(edited["token_ids"][i], top["token_id"]);
    EXPECT_NEAR(edited["tokens"][i]["logit"].get<double>(), top["edited"]["logit"].get<double>(),
                1e-4);
  }
}

TEST_F(Generate, WhatIsWrongWithAnEditIsSaidWithItsFieldAndTheServerGoesOn) {
  struct Wrong {
    const char* field;
    std::function<void(client::GenerateRequest*)> spoil;
  };
  const Wrong all[] = {
      {"settings.freeze.kind",
       [](auto* r) { r->settings.freeze.kind = intervention::FreezeKind::kAll; }},
      {"settings.baseline", [](auto* r) { r->settings.baseline = intervention::Baseline::kClean; }},
      {"edit_sets[0].feature_edits[0].positions",
       [](auto* r) { r->edit_sets[0].features[0].positions = intervention::At(99); }},
      {"edit_sets[0].feature_edits[0].layer",
       [](auto* r) { r->edit_sets[0].features[0].layer = 6; }},
      {"edit_sets[0].feature_edits[0].feature",
       [](auto* r) { r->edit_sets[0].features[0].feature = 256; }},
      {"edit_sets[0].feature_edits[0].operation",
       [](auto* r) { r->edit_sets[0].features[0].operation.value = NAN; }},
      {"edit_sets[0].feature_edits[1]",
       [](auto* r) { r->edit_sets[0].features.push_back(r->edit_sets[0].features[0]); }},
      {"edit_sets", [](auto* r) { r->edit_sets.resize(64); }},
  };
  for (const Wrong& wrong : all) {
    client::GenerateRequest request = Request({.kind = intervention::PositionKind::kGenerated});
    wrong.spoil(&request);
    const absl::Status status = server_->client().Generate(request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    const auto violations = client::FieldViolations(status);
    ASSERT_EQ(violations.size(), 1U) << status;
    EXPECT_EQ(violations[0].field, wrong.field);
  }
  const auto served =
      server_->client().Generate(Request({.kind = intervention::PositionKind::kGenerated}));
  ASSERT_TRUE(served.ok()) << served.status();
  EXPECT_EQ(served->sequences.size(), 2U);

  const ProcessResult outside =
      server_->Cajal({"generate", "--prompt", "a", "--set", "0:generated:256=1"});
  EXPECT_EQ(outside.exit_code, 1);
  EXPECT_THAT(outside.err, HasSubstr("must be from 0 to 255 in layer 0, not 256"));
  EXPECT_THAT(outside.err, HasSubstr("--set or --ablate"));
}

}  // namespace
}  // namespace cajal::e2e
