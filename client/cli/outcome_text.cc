#include "client/cli/outcome_text.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cajal::cli {
namespace {

using intervention::ActivationChange;
using intervention::EditSetOutcome;
using intervention::TokenChange;
using intervention::TokenScore;

Json ScoreJson(const TokenScore& score) {
  return {{"logit", score.logit}, {"probability", score.probability}, {"rank", score.rank}};
}

Json TokensJson(const std::vector<TokenChange>& tokens) {
  Json json = Json::array();
  for (const TokenChange& token : tokens) {
    json.push_back({{"token_id", token.token_id},
                    {"token", token.token},
                    {"clean", ScoreJson(token.clean)},
                    {"edited", ScoreJson(token.edited)}});
  }
  return json;
}

Json ActivationsJson(const std::vector<ActivationChange>& changes) {
  Json json = Json::array();
  for (const ActivationChange& change : changes) {
    json.push_back({{"layer", change.layer},
                    {"position", change.position},
                    {"feature", change.feature},
                    {"clean", change.clean},
                    {"edited", change.edited},
                    {"clean_pre_activation", change.clean_pre_activation},
                    {"edited_pre_activation", change.edited_pre_activation}});
  }
  return json;
}

void AddTokenRows(const std::vector<TokenChange>& tokens, std::set<int64_t>* seen,
                  std::vector<std::vector<std::string>>* rows) {
  for (const TokenChange& token : tokens) {
    if (!seen->insert(token.token_id).second) continue;
    rows->push_back({Quoted(token.token), absl::StrCat(token.token_id),
                     absl::StrFormat("%.4f", token.clean.probability),
                     absl::StrFormat("%.4f", token.edited.probability),
                     absl::StrFormat("%+.4f", token.edited.logit - token.clean.logit),
                     absl::StrCat(token.clean.rank, " -> ", token.edited.rank)});
  }
}

void PrintActivations(const char* title, const std::vector<ActivationChange>& changes,
                      std::ostream* out) {
  if (changes.empty()) return;
  std::vector<std::vector<std::string>> rows = {
      {title, "clean", "edited", "change", "pre-activation"}};
  for (const ActivationChange& change : changes) {
    rows.push_back({absl::StrCat(change.layer, ":", change.position, ":", change.feature),
                    absl::StrFormat("%.4f", change.clean), absl::StrFormat("%.4f", change.edited),
                    absl::StrFormat("%+.4f", change.edited - change.clean),
                    absl::StrFormat("%.4f -> %.4f", change.clean_pre_activation,
                                    change.edited_pre_activation)});
  }
  *out << "\n";
  WriteTable(rows, out);
}

}  // namespace

Json OutcomeJson(const EditSetOutcome& outcome) {
  return {{"label", outcome.label},
          {"kl_divergence", outcome.kl_divergence},
          {"clean_top", TokensJson(outcome.clean_top)},
          {"edited_top", TokensJson(outcome.edited_top)},
          {"tokens", TokensJson(outcome.tokens)},
          {"activations", ActivationsJson(outcome.listed)},
          {"changed", ActivationsJson(outcome.changed)}};
}

void PrintOutcome(const EditSetOutcome& outcome, std::ostream* out) {
  std::vector<std::vector<std::string>> rows = {
      {"next token", "id", "clean p", "edited p", "logit change", "rank"}};
  std::set<int64_t> seen;
  AddTokenRows(outcome.tokens, &seen, &rows);
  AddTokenRows(outcome.edited_top, &seen, &rows);
  AddTokenRows(outcome.clean_top, &seen, &rows);
  WriteTable(rows, out);
  *out << absl::StrFormat("\nKL(clean || edited) %.6g nats\n", outcome.kl_divergence);
  PrintActivations("feature", outcome.listed, out);
  PrintActivations("changed feature", outcome.changed, out);
}

}  // namespace cajal::cli
