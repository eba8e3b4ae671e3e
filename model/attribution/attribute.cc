#include "model/attribution/attribute.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <variant>

#include "model/attribution/feature_selection.h"
#include "model/attribution/graph_assembly.h"
#include "model/attribution/row_plan.h"
#include "model/attribution/row_storage.h"
#include "model/attribution/row_sweep.h"
#include "model/attribution/source_table.h"
#include "model/attribution/sweep_batches.h"
#include "model/attribution/targets.h"
#include "model/attribution/trace.h"
#include "model/attribution/wide_scores.h"
#include "model/base/available_memory.h"
#include "model/base/status.h"

namespace cajal::attribution {
namespace {

using graph::GraphSettings;

// The features that can act on a target at all: below the highest target's layer, and no later than
// what the latest one can see. For targets at the last position of the prompt these are all of
// them.
std::vector<int64_t> FeaturesThatCanAct(const FeatureTable& features, const Trace& trace,
                                        const Targets& targets) {
  int64_t layers = targets.features.size() < targets.nodes.size() ? trace.n_layers() : 0;
  for (const int64_t feature : targets.features) {
    layers = std::max<int64_t>(layers, features.layers[static_cast<size_t>(feature)]);
  }
  int64_t positions = 0;
  for (const graph::LogitNode& node : targets.nodes) {
    positions = std::max(positions, trace.layout
                                        .ReachableKeys(checkpoint::LayerType::kFull,
                                                       {node.position, int64_t{node.position} + 1})
                                        .end);
  }
  std::vector<int64_t> able;
  for (int64_t i = 0; i < features.size(); ++i) {
    const auto at = static_cast<size_t>(i);
    if (features.layers[at] < layers && features.positions[at] < positions) able.push_back(i);
  }
  return able;
}

// How many features to select next: all of them at once when no ranking is needed.
int64_t BlockSize(const GraphSettings& settings, int64_t n_selected, int64_t n_wanted,
                  int64_t n_candidates) {
  const int64_t remaining = n_wanted - n_selected;
  if (n_wanted == n_candidates || settings.rank_once) return remaining;
  return std::min<int64_t>(remaining, int64_t{settings.update_interval} * settings.batch_size);
}

std::vector<int64_t> CountByLayer(const FeatureTable& features, int n_layers) {
  std::vector<int64_t> counts(static_cast<size_t>(n_layers), 0);
  for (const int32_t layer : features.layers) ++counts[static_cast<size_t>(layer)];
  return counts;
}

// Reserves what the graph will need, now that it is known better, and has the rows leave the device
// where it does not hold them.
class MemoryForRows {
 public:
  MemoryForRows(const GraphDimensions& dimensions, const GraphSettings& settings,
                const SourceTable& sources, RowStorage* storage, RunContext* context)
      : dimensions_(dimensions),
        settings_(settings),
        sources_(sources),
        n_active_(CountByLayer(sources.features(), sources.n_layers())),
        storage_(storage),
        context_(context) {}

  // Of a batch of targets, or of features, from now on: as many as the last plan allows.
  [[nodiscard]] int64_t target_rows() const { return TargetRowsAtOnce(dimensions_); }
  [[nodiscard]] int64_t feature_rows() const {
    return std::min<int64_t>(dimensions_.sweep_rows, settings_.batch_size);
  }

  // The first estimate was made before any feature was known: gives back what it has too much.
  absl::Status Correct(std::deque<RowBatch>* batches, const RowsToCome& to_come) {
    ASSIGN_OR_RETURN(const Need need, NeedWithinLimit(batches, to_come));
    return context_->CorrectReservation(need.bytes, need.what);
  }
  // Rankings change as rows become known.
  absl::Status Grow(std::deque<RowBatch>* batches, const RowsToCome& to_come) {
    ASSIGN_OR_RETURN(const Need need, NeedWithinLimit(batches, to_come));
    return context_->GrowReservation(need.bytes, need.what);
  }

 private:
  struct Need {
    int64_t bytes = 0;  // of the device
    std::string what;
  };

  // Where more would not fit the whole budget: with rows on the host, if they may leave; with half
  // as many at once, and half of that. What others hold of it is no matter, so that graphs repeat.
  absl::StatusOr<Need> NeedWithinLimit(std::deque<RowBatch>* batches, const RowsToCome& to_come) {
    while (true) {
      const RowPlan plan = PlanRows(dimensions_, sources_, *batches, to_come, settings_.batch_size);
      const GraphMemory bytes = GraphBytes(dimensions_, n_active_, plan);
      const Need need = {bytes.device,
                         "a graph of " + std::to_string(static_cast<int64_t>(plan.n_selected)) +
                             " features over " + std::to_string(sources_.n_columns()) + " sources"};
      if (need.bytes <= context_->byte_limit()) {
        RETURN_IF_ERROR(MoveRows(batches, bytes.host, need.what));
        return need;
      }
      if (dimensions_.rows_may_leave && dimensions_.rows == RowPlace::kDevice) {
        dimensions_.rows = RowPlace::kHost;
      } else if (dimensions_.sweep_rows > 1) {
        dimensions_.sweep_rows /= 2;
      } else {
        return NeverFits("settings.max_feature_nodes", need.what, need.bytes,
                         context_->byte_limit());
      }
    }
  }

  // To where they belong from now on.
  absl::Status MoveRows(std::deque<RowBatch>* batches, int64_t host_bytes,
                        const std::string& what) {
    if (dimensions_.rows == RowPlace::kDevice || storage_->on_host()) return absl::OkStatus();
    RETURN_IF_ERROR(CheckHostMemory(what, host_bytes, AvailableMemoryBytes()));
    storage_->KeepOnHost(batches);
    return absl::OkStatus();
  }

  GraphDimensions dimensions_;
  const GraphSettings& settings_;
  const SourceTable& sources_;
  const std::vector<int64_t> n_active_;
  RowStorage* const storage_;
  RunContext* const context_;
};

}  // namespace

GraphDimensions DimensionsOf(const gemma3::Model& model, const FoldedModel& folded,
                             const transcoder::TranscoderSet& transcoders,
                             const SweepWorkers& workers, int64_t n_positions, int64_t n_images,
                             int64_t budget_bytes) {
  const gemma3::Placement& placement = model.weights.placement;
  GraphDimensions dimensions{
      .config = model.config,
      .transcoders = transcoders.info(),
      .n_positions = n_positions,
      .n_images = n_images,
      .n_sweeps = workers.n_threads(),
      .weight_bytes = static_cast<int64_t>(c10::elementSize(placement.dtype)),
      .gradient_bytes = static_cast<int64_t>(c10::elementSize(folded.gradient_type())),
      .on_cpu = placement.device.is_cpu(),
      .streamed_encoder_bytes = transcoders.StreamedEncoderBytes(),
      .rows_may_leave = !placement.device.is_cpu()};
  if (!placement.device.is_cpu()) {
    dimensions.n_sweeps = 1;  // one batch after the other (sweep_batches.h)
    dimensions.sweep_rows = SweepRowsOfGpu(dimensions, budget_bytes);
  }
  return dimensions;
}

absl::StatusOr<graph::AttributionGraph> Attribute(const gemma3::Model& model,
                                                  const FoldedModel& folded,
                                                  const transcoder::TranscoderSet& transcoders,
                                                  const gemma3::ModelInput& input,
                                                  const AttributeOptions& options,
                                                  SweepWorkers* workers, RunContext* context) {
  const GraphSettings& settings = options.settings;
  ASSIGN_OR_RETURN(const Trace trace, RecordTrace(model, input, transcoders.info(), context));
  ASSIGN_OR_RETURN(const SourceTable sources,
                   SourceTable::Build(model, trace, transcoders, settings.zero_positions, context,
                                      folded.gradient_type()));
  const FeatureTable& features = sources.features();
  ASSIGN_OR_RETURN(const Targets targets,
                   MakeTargets(model, folded, trace, features, settings, options.target_token_ids));
  const std::vector<int64_t> candidates = FeaturesThatCanAct(features, trace, targets);
  const int64_t n_candidates = std::ssize(candidates);
  const int64_t n_wanted = settings.max_feature_nodes == 0
                               ? n_candidates
                               : std::min<int64_t>(settings.max_feature_nodes, n_candidates);
  GraphDimensions dimensions =
      DimensionsOf(model, folded, transcoders, *workers, sources.n_positions(),
                   static_cast<int64_t>(input.image_runs.size()), context->byte_limit());
  if (options.rows_may_leave) dimensions.rows_may_leave = true;
  const RowSweep::Products products = RowSweep::ProductsFor(trace.embedding.device());
  dimensions.n_copied_vectors =
      products == RowSweep::Products::kWide ? WideScores::CopiedVectors(sources) : 0;
  RowStorage storage(trace.embedding.device());
  MemoryForRows memory(dimensions, settings, sources, &storage, context);
  std::deque<RowBatch> batches;  // a deque keeps the addresses that FeatureSelection holds
  // The least that can come: targets, and the features of the lowest layers.
  RETURN_IF_ERROR(
      memory.Grow(&batches, {.n_targets = targets.size(),
                             .features = {candidates.begin(), candidates.begin() + n_wanted},
                             .block_size = n_wanted}));

  const FrozenModel frozen(model, transcoders.info(), folded, trace);
  const RowSweep sweep(transcoders, sources, frozen, products);
  FeatureSelection selection(sources, targets, candidates);
  const auto keep = [&](std::vector<RowBatch> rows) {
    for (RowBatch& batch : rows) {
      batches.push_back(std::move(batch));
      selection.AddRows(&batches.back());
    }
  };
  context->BeginPhase("logit_rows", targets.size());
  ASSIGN_OR_RETURN(
      std::vector<RowBatch> target_rows,
      SweepTargets(sweep, features, targets, memory.target_rows(), &storage, workers, context));
  keep(std::move(target_rows));

  if (n_wanted == 0) RETURN_IF_ERROR(memory.Correct(&batches, {}));
  context->BeginPhase("feature_rows", n_wanted);
  for (int64_t n_selected = 0; n_selected < n_wanted;) {
    const int64_t block_size = BlockSize(settings, n_selected, n_wanted, n_candidates);
    RowsToCome to_come = {.features = n_wanted == n_candidates
                                          ? candidates
                                          : selection.MostInfluential(n_wanted - n_selected),
                          .block_size = block_size};
    RETURN_IF_ERROR(n_selected == 0 ? memory.Correct(&batches, to_come)
                                    : memory.Grow(&batches, to_come));
    to_come.features.resize(static_cast<size_t>(block_size));
    ASSIGN_OR_RETURN(std::vector<RowBatch> rows,
                     SweepFeatures(sweep, features, std::move(to_come.features),
                                   memory.feature_rows(), n_selected, &storage, workers, context));
    keep(std::move(rows));
    n_selected += block_size;
  }
  context->BeginPhase("package", 1);
  graph::AttributionGraph graph = AssembleGraph(sources, targets, batches);
  graph.settings = settings;
  for (graph::Target& target : graph.settings.targets) {
    if (auto* direction = std::get_if<graph::Direction>(&target.what)) direction->vector.clear();
  }
  context->Advance(1);
  return graph;
}

}  // namespace cajal::attribution
