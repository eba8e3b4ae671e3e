// Where a run keeps its files below the output folder.
//
//   config.yaml, manifest.json, layer_{i}.safetensors   the set
//   training/layer_{i}.json                             how a finished layer was made
//   training/layers_A-B/                                of the run that trains layers A to B:
//     lock                                              held while it runs
//     latest, checkpoint-{step}/                        training_checkpoint.h
//     and the logs
// Runs over different layers share the output folder and nothing else.
#pragma once

#include <string>

namespace cajal::training {

struct TrainingFiles {
  std::string output_dir;
  int first_layer = 0;
  int last_layer = 0;

  [[nodiscard]] std::string config() const { return output_dir + "/config.yaml"; }
  [[nodiscard]] std::string manifest() const { return output_dir + "/manifest.json"; }
  [[nodiscard]] std::string training_dir() const { return output_dir + "/training"; }
  [[nodiscard]] std::string run_dir() const {
    return training_dir() + "/layers_" + std::to_string(first_layer) + "-" +
           std::to_string(last_layer);
  }
  [[nodiscard]] std::string Weights(int layer) const {
    return output_dir + "/" + WeightsName(layer);
  }
  [[nodiscard]] std::string Record(int layer) const {
    return training_dir() + "/layer_" + std::to_string(layer) + ".json";
  }
  // Deletes what a run over these layers that was killed had not finished writing. Only while the
  // run's lock is held.
  void RemoveUnfinished() const;
  static std::string WeightsName(int layer) {
    return "layer_" + std::to_string(layer) + ".safetensors";
  }
};

}  // namespace cajal::training
