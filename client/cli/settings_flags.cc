#include "client/cli/settings_flags.h"

#include "client/cli/flag_checks.h"

namespace cajal::cli {

void AddSettingsFlags(CLI::App* app, client::GraphSettings* settings) {
  app->add_option("--max-n-logits", settings->max_n_logits,
                  "Most tokens to trace back by probability, at each position [default: 10]")
      ->type_name("N")
      ->check(AtLeast(1));
  app->add_option("--desired-logit-prob", settings->desired_logit_prob,
                  "Take no more tokens once their probabilities add up to this, 0 to 1 "
                  "[default: 0.95]")
      ->type_name("P")
      ->check(Share());
  app->add_option("--max-feature-nodes", settings->max_feature_nodes,
                  "Most feature nodes, the most influential ones; 0 = all [default: 7500]")
      ->type_name("N")
      ->check(AtLeast(0));
  app->add_option("--batch-size", settings->batch_size,
                  "Rows computed together; more need more memory, and fewer rankings are made "
                  "[default: 256]")
      ->type_name("N")
      ->check(AtLeast(1));
  app->add_option("--update-interval", settings->update_interval,
                  "Batches between two rankings of the features; ties go to the lower layer, "
                  "position and number [default: 4]")
      ->type_name("N")
      ->check(AtLeast(1));
  app->add_flag_callback(
      "--rank-once", [settings] { settings->rank_once = true; },
      "Rank the features once, by the targets' own rows alone");
  app->add_option("--zero-positions", settings->zero_positions,
                  "Positions at the start that have no features [default: by model and "
                  "transcoders, see cajal info]")
      ->type_name("N")
      ->check(AtLeast(0));
}

}  // namespace cajal::cli
