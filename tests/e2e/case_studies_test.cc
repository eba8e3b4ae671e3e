// The edits of the case studies (docs/case_studies.md), which scripts/demo runs, on the embedded
// model's example pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/e2e/cajald_process.h"

namespace cajal::e2e {
namespace {

constexpr char kPlanet[] = "<start_of_image> This is planet";
constexpr char kFingers[] = "<start_of_image> The number of fingers on this hand is";

struct Answers {
  std::string clean;
  std::string edited;
};

class CaseStudies : public ::testing::Test {
 protected:
  // The likeliest next token without and with the edits of models/demo/interventions/EDITS.
  Answers Ask(const std::string& edits, const std::string& prompt, const std::string& image) {
    const ProcessResult result = server_.Cajal(
        {"intervene", "--prompt", prompt, "--image", "../models/demo/images/" + image, "--edits",
         "../models/demo/interventions/" + edits, "--top-k", "1", "--json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const auto json = nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) return {};
    const auto& set = json["sets"][0];
    return {set["clean_top"][0]["token"], set["edited_top"][0]["token"]};
  }

  const CajaldProcess server_{
      {.model_dir = "../models/demo", .transcoder_dir = "../models/demo/transcoders"}};
};

TEST_F(CaseStudies, MarsBecomesEarth) {
  const Answers mars = Ask("mars_to_earth.json", kPlanet, "mars.png");
  EXPECT_EQ(mars.clean, " Mars");
  EXPECT_EQ(mars.edited, " Earth");
}

TEST_F(CaseStudies, SixFingersAreCountedAndFiveStayFive) {
  const Answers six = Ask("six_fingers.json", kFingers, "hand_six.png");
  EXPECT_EQ(six.clean, " five");
  EXPECT_EQ(six.edited, " six");
  const Answers five = Ask("six_fingers.json", kFingers, "hand_five.png");
  EXPECT_EQ(five.clean, " five");
  EXPECT_EQ(five.edited, " five");
}

}  // namespace
}  // namespace cajal::e2e
