#include "model/attribution/byte_estimate.h"

#include <algorithm>
#include <set>
#include <vector>

#include "model/attribution/targets.h"
#include "model/gemma3/attention_pattern.h"
#include "model/gemma3/device_to_host.h"
#include "model/gemma3/vision_attention.h"

namespace cajal::attribution {
namespace {

using gemma3::AttentionPattern;
using gemma3::HookSite;
using gemma3::VisionAttention;
using transcoder::TranscoderSetInfo;

constexpr double kFloat = sizeof(float);

// What torch and the allocator add to the numbers: a share, and what is there from the start.
constexpr double kAllowance = 1.04;
// The same with products in bfloat16 on the CPU, where 3 % more was seen: oneDNN's own copies,
// probably.
constexpr double kAllowanceWithOneDnn = 1.12;
constexpr double kAtLeast = 1 << 16;

// What a RowBatch takes besides its numbers.
constexpr double kBatch = 700;

// Scores, softmax and pattern of the largest tile of queries, in numbers. A tile's keys end with
// it, or with the last image that it begins to read.
double PatternTile(const checkpoint::Gemma3Config& config, int64_t n_positions, int64_t n_images) {
  const int64_t tile = std::min(n_positions, AttentionPattern::kTile);
  const int64_t whole_tiles = n_positions / tile * tile;
  const int64_t beyond = n_images > 0 ? config.mm_tokens_per_image : 0;
  const int64_t largest = std::max(tile * std::min(whole_tiles + beyond, n_positions),
                                   (n_positions - whole_tiles) * n_positions);
  return 3.0 * static_cast<double>(config.text.num_attention_heads * largest);
}

// Numbers that encoding holds for each of a layer's features: pre-activations, activations, and
// what their sorting takes; of a batch's TopK all candidates with their indices.
double NumbersPerFeature(transcoder::ActivationKind activation) {
  if (activation == transcoder::ActivationKind::kBatchTopK) return 8;
  return transcoder::HasK(activation) ? 3.2 : 2.3;
}

bool KeepsPatterns(const GraphDimensions& of) { return of.n_positions <= AttentionPattern::kTile; }

// The most rows that a sweep takes.
double RowsAtOnce(const GraphDimensions& of, const graph::GraphSettings& settings,
                  const RowPlan& rows) {
  return std::min({static_cast<double>(of.sweep_rows), std::max(rows.n_rows, 1.0),
                   std::max(static_cast<double>(settings.batch_size),
                            static_cast<double>(MostTargets(settings)))});
}

// Bytes of the device in each phase, and of the host in all of them. In floating point: absurd
// requests must not wrap around.
class Phases {
 public:
  Phases(const GraphDimensions& dimensions, std::span<const int64_t> n_active)
      : of_(dimensions),
        text_(dimensions.config.text),
        T_(static_cast<double>(dimensions.n_positions)),
        d_(static_cast<double>(text_.hidden_size)),
        L_(static_cast<double>(text_.num_hidden_layers)),
        gradient_(static_cast<double>(dimensions.gradient_bytes)),
        n_active_(n_active.begin(), n_active.end()) {}

  [[nodiscard]] double n_active_total() const {
    double n = 0;
    for (const int64_t of_layer : n_active_) n += static_cast<double>(of_layer);
    return n;
  }
  // What stays of them from one graph to the next.
  [[nodiscard]] double StreamedEncoders() const {
    return static_cast<double>(of_.streamed_encoder_bytes);
  }
  // Tokens, features, and an error and a bias at each (layer, position).
  [[nodiscard]] double n_columns() const { return n_active_total() + T_ + 2 * L_ * T_; }

  [[nodiscard]] double Allowance() const {
    return of_.on_cpu && NarrowBytes() > 0 ? kAllowanceWithOneDnn : kAllowance;
  }

  [[nodiscard]] double Forward() const {
    const TranscoderSetInfo& set = of_.transcoders;
    const std::set<HookSite> sites = {HookSite::kResidPre, HookSite::kAttnOutRaw,
                                      HookSite::kResidMid, HookSite::kMlpOutRaw,
                                      set.input_site,      set.output_site};
    const auto n_sites = static_cast<double>(sites.size());
    const auto weight = static_cast<double>(of_.weight_bytes);
    const double recorded = L_ * (weight * n_sites * T_ * d_ + QueriesAndKeys()) +
                            weight * 2 * T_ * d_ + (weight < kFloat ? FloatSites() : 0);
    return recorded +
           static_cast<double>(EstimateForwardBytes(of_.config, of_.n_positions, of_.n_images));
  }

  [[nodiscard]] double Encode() const {
    double vectors = T_ * d_;
    double largest = 0;
    for (size_t layer = 0; layer < n_active_.size(); ++layer) {
      const double columns = static_cast<double>(n_active_[layer]) + 2 * T_;
      double later = 0;  // what layers below write to this one
      for (size_t below = 0; below < layer; ++below) {
        if (of_.transcoders.LastWrittenLayer(static_cast<int>(below)) >= static_cast<int>(layer)) {
          later += static_cast<double>(n_active_[below]);
        }
      }
      const auto n = static_cast<double>(of_.transcoders.features_per_layer[layer]);
      // First the activations; when these are gone, decoder rows before and after they are scaled
      // and put in order.
      const double encoding = kFloat * NumbersPerFeature(of_.transcoders.activation) * T_ * n +
                              static_cast<double>(of_.weight_bytes) * T_ * d_ +
                              48 * static_cast<double>(n_active_[layer]);
      const double reconstruction =
          kFloat * d_ * (2 * static_cast<double>(n_active_[layer]) + 2 * later + columns + 6 * T_);
      largest = std::max(largest, gradient_ * vectors + std::max(encoding, reconstruction));
      vectors += (columns + later) * d_;
    }
    return Trace() + std::max(largest, gradient_ * vectors) + Tables();
  }

  [[nodiscard]] double Rows(const RowPlan& rows) const {
    // A ranking looks at one batch after the other; to a GPU it comes back for that.
    const double comes_back = on_host() && !of_.on_cpu ? gradient_ : 0;
    const double ranking = rows.most_rows * n_columns() * (kFloat + NarrowBytes() + comes_back) +
                           12 * kFloat * n_columns();
    return Held() + std::max(gradient_ * rows.n_sweeping, RowsOnDevice(rows) + ranking) +
           (of_.on_cpu ? kBatch * rows.n_batches : 0);
  }

  [[nodiscard]] double Package(const RowPlan& rows) const {
    // A GPU gathers the nodes' columns of one batch after the other.
    return Held() + RowsOnDevice(rows) +
           (of_.on_cpu ? Graph(rows) : gradient_ * rows.most_rows * NodesOf(rows));
  }

  [[nodiscard]] double Host(const RowPlan& rows) const {
    double bytes = of_.on_cpu ? 0 : Graph(rows);
    if (on_host()) {
      // Two buffers on the way here, and two on the way back.
      const double buffer = std::min(static_cast<double>(gemma3::TensorDownload::kBufferBytes),
                                     gradient_ * rows.most_rows * n_columns());
      bytes += gradient_ * rows.n_values + (of_.on_cpu ? 2 : 4) * buffer;
    }
    return bytes;
  }

 private:
  [[nodiscard]] bool on_host() const { return of_.rows == RowPlace::kHost; }
  [[nodiscard]] double RowsOnDevice(const RowPlan& rows) const {
    return on_host() ? 0 : gradient_ * rows.n_values;
  }
  [[nodiscard]] double NodesOf(const RowPlan& rows) const { return rows.n_rows + T_ * (L_ + 1); }
  // The graph itself, with what it is made from besides the rows.
  [[nodiscard]] double Graph(const RowPlan& rows) const {
    const bool copied = !of_.on_cpu || NarrowBytes() > 0;
    const double edge = sizeof(int32_t) + sizeof(float) + (copied ? kFloat : 0);
    // Where the nodes are in rows of each width.
    const double places = copied ? 24 * (L_ + 1) * NodesOf(rows) : 0;
    return kBatch * rows.n_batches + edge * rows.n_edges + places + 40 * NodesOf(rows) +
           (sizeof(graph::FeatureNode) + 24) * n_active_total();
  }
  // Of a number that is not float32, beside the one that it is converted to.
  [[nodiscard]] double NarrowBytes() const { return gradient_ < kFloat ? gradient_ : 0; }
  [[nodiscard]] double QueriesAndKeys() const {
    return static_cast<double>(of_.weight_bytes) * T_ *
           static_cast<double>((text_.num_attention_heads + text_.num_key_value_heads) *
                               text_.head_dim);
  }
  // Feature inputs and outputs.
  [[nodiscard]] double FloatSites() const { return L_ * 2 * kFloat * T_ * d_; }
  [[nodiscard]] double Trace() const {
    return L_ * (QueriesAndKeys() + kFloat * 4 * T_) + FloatSites() + kFloat * 2 * T_ * d_;
  }
  // Of features and columns.
  [[nodiscard]] double Tables() const { return 48 * n_active_total() + 24 * T_ * L_; }
  // While rows are computed and after.
  [[nodiscard]] double Held() const {
    double n_vectors = n_columns();
    for (size_t layer = 0; layer < n_active_.size(); ++layer) {
      const int index = static_cast<int>(layer);
      n_vectors +=
          static_cast<double>(n_active_[layer]) * (of_.transcoders.LastWrittenLayer(index) - index);
    }
    const double patterns =
        KeepsPatterns(of_) ? L_ * static_cast<double>(text_.num_attention_heads) * T_ * T_ : 0;
    // A quarter more when they are padded (wide_scores.h).
    double n_copies = of_.on_cpu ? 0 : 1.25 * n_vectors;
    if (of_.n_copied_vectors.has_value()) n_copies = static_cast<double>(*of_.n_copied_vectors);
    return Trace() + gradient_ * ((n_vectors + n_copies) * d_ + patterns) + Tables();
  }

  const GraphDimensions& of_;
  const checkpoint::TextConfig& text_;
  const double T_, d_, L_;
  const double gradient_;  // bytes
  const std::vector<int64_t> n_active_;
};

int64_t ToBytes(double bytes) { return static_cast<int64_t>(std::min(bytes, 9e18)); }

GraphMemory LargestPhase(const Phases& phases, const RowPlan& rows) {
  const double device =
      std::max({phases.Forward(), phases.Encode(), phases.Rows(rows), phases.Package(rows)});
  return {.device = ToBytes(kAtLeast + phases.StreamedEncoders() + phases.Allowance() * device),
          .host = ToBytes(phases.Allowance() * phases.Host(rows))};
}

// The most that the rows of so many active features can take.
RowPlan LargestPlan(const GraphDimensions& of, std::span<const int64_t> n_active,
                    const graph::GraphSettings& settings) {
  const auto T = static_cast<double>(of.n_positions);
  const auto n_targets = static_cast<double>(MostTargets(settings));
  double below = T;   // columns below the layer
  double n_able = 0;  // features so far
  RowPlan plan;
  std::vector<double> columns_below;
  for (const int64_t n : n_active) {
    columns_below.push_back(below);
    below += static_cast<double>(n) + 2 * T;
    n_able += static_cast<double>(n);
  }
  const bool all = settings.max_feature_nodes == 0 || settings.max_feature_nodes >= n_able;
  plan.n_selected = all ? n_able : settings.max_feature_nodes;
  plan.n_rows = plan.n_batches = plan.n_selected + n_targets;
  plan.n_values = n_targets * below;
  // From the top down, as many as are selected.
  double left = plan.n_selected;
  for (size_t layer = n_active.size(); layer-- > 0;) {
    const double n = std::min(left, static_cast<double>(n_active[layer]));
    left -= n;
    plan.n_values += n * columns_below[layer];
  }
  plan.n_edges = plan.n_rows *
                 (plan.n_selected + T * static_cast<double>(of.config.text.num_hidden_layers + 1));
  plan.n_edges = std::min(plan.n_edges, plan.n_values);
  plan.most_rows = RowsAtOnce(of, settings, plan);
  // Of rows that leave one batch is on its way.
  plan.n_sweeping = (of.rows == RowPlace::kHost ? plan.most_rows * below : plan.n_values) +
                    static_cast<double>(of.n_sweeps) * SweepNumbers(of, plan.most_rows, below, T);
  return plan;
}

GraphMemory MostBytes(const GraphDimensions& of, const std::vector<int64_t>& n_active,
                      const graph::GraphSettings& settings) {
  return LargestPhase(Phases(of, n_active), LargestPlan(of, n_active, settings));
}

// Per layer, when each position with features has so many as `per_position` says.
template <typename PerPosition>
std::vector<int64_t> ActiveOfLayers(const GraphDimensions& of, const graph::GraphSettings& settings,
                                    const PerPosition& per_position) {
  int64_t T = std::max<int64_t>(of.n_positions - settings.zero_positions, 0);
  // The whole prompt shares these features: the others may have those of the first positions.
  if (of.transcoders.activation == transcoder::ActivationKind::kBatchTopK) T = of.n_positions;
  std::vector<int64_t> n_active;
  for (const int64_t n : of.transcoders.features_per_layer) n_active.push_back(T * per_position(n));
  return n_active;
}

}  // namespace

int64_t ActivePerPosition(const TranscoderSetInfo& info, int64_t n_features) {
  return std::min(n_features, transcoder::HasK(info.activation) ? info.k : kAssumedActive);
}

int64_t EstimateForwardBytes(const checkpoint::Gemma3Config& config, int64_t n_positions,
                             int64_t n_images) {
  const checkpoint::TextConfig& text = config.text;
  const auto T = static_cast<double>(n_positions);
  const auto head_rows = static_cast<double>(
      (2 * text.num_attention_heads + text.num_key_value_heads) * text.head_dim);
  // Queries, keys and values of the heads, with what they are rotated through; or the MLP's wide
  // tensors; and half a dozen of the residual's size. Two tables of angles.
  const double attention = PatternTile(config, n_positions, n_images) + 2 * T * head_rows;
  const double mlp = 3 * T * static_cast<double>(text.intermediate_size);
  const double decoder = std::max(attention, mlp) + 6 * T * static_cast<double>(text.hidden_size) +
                         4 * T * static_cast<double>(text.head_dim) +
                         4 * static_cast<double>(text.vocab_size);
  double tower = 0;
  if (n_images > 0 && config.vision.has_value()) {
    const auto patches =
        static_cast<double>(config.vision->patches_per_side() * config.vision->patches_per_side());
    const double tile = std::min(patches, static_cast<double>(VisionAttention::kTile));
    tower =
        static_cast<double>(n_images) *
        (3 * tile * patches + 2 * patches * static_cast<double>(config.vision->intermediate_size) +
         8 * patches * static_cast<double>(config.vision->hidden_size));
  }
  return static_cast<int64_t>(kFloat * std::max(decoder, tower));
}

ByteBounds EstimateGraphBytes(const GraphDimensions& dimensions,
                              const graph::GraphSettings& settings) {
  const TranscoderSetInfo& set = dimensions.transcoders;
  GraphDimensions row_by_row = dimensions;
  row_by_row.sweep_rows = 1;
  row_by_row.n_copied_vectors = 0;
  if (dimensions.rows_may_leave) row_by_row.rows = RowPlace::kHost;
  const std::vector<int64_t> fewest =
      ActiveOfLayers(dimensions, settings, [&](int64_t n) { return ActivePerPosition(set, n); });
  return {MostBytes(row_by_row, fewest, settings),
          MostBytes(dimensions,
                    transcoder::HasK(set.activation)
                        ? fewest
                        : ActiveOfLayers(dimensions, settings, [](int64_t n) { return n; }),
                    settings)};
}

GraphMemory ByteBounds::Within(int64_t budget_bytes) const {
  if (most.device <= budget_bytes) return most;
  return {.device = std::max(least.device, budget_bytes), .host = least.host};
}

double SweepNumbers(const GraphDimensions& of, double rows, double columns, double positions) {
  const checkpoint::TextConfig& text = of.config.text;
  const auto d = static_cast<double>(text.hidden_size);
  const auto heads = static_cast<double>(text.num_attention_heads);
  const auto kv_heads = static_cast<double>(text.num_key_value_heads);
  const auto head_dim = static_cast<double>(text.head_dim);
  const double tile = std::min(positions, static_cast<double>(AttentionPattern::kTile));
  // Patterns of long prompts, and gradients at the heads' outputs of a tile and at the values; or a
  // second gradient, while rows are added or go through the skip path.
  const double patterns = KeepsPatterns(of)
                              ? 0
                              : kFloat / static_cast<double>(of.gradient_bytes) *
                                    PatternTile(of.config, of.n_positions, of.n_images);
  const double attention =
      patterns + rows * head_dim * (tile * heads / kv_heads + positions * kv_heads);
  // To add up narrow rows the CPU makes float32 of them.
  const double widened = of.on_cpu && of.gradient_bytes < static_cast<int64_t>(sizeof(float))
                             ? kFloat / static_cast<double>(of.gradient_bytes) * rows * columns
                             : 0;
  return rows * (columns + positions * d) + std::max({rows * positions * d, attention, widened});
}

int64_t TargetRowsAtOnce(const GraphDimensions& dimensions) {
  return std::min(kSweepRows, dimensions.sweep_rows);
}

int64_t SweepRowsOfGpu(const GraphDimensions& of, int64_t budget_bytes) {
  // Of one row, with as many columns as a TopK set gives it.
  double columns = static_cast<double>(of.n_positions);
  for (const int64_t n : of.transcoders.features_per_layer) {
    columns += static_cast<double>(of.n_positions * (2 + ActivePerPosition(of.transcoders, n)));
  }
  GraphDimensions without_patterns = of;
  without_patterns.n_positions = std::min(of.n_positions, AttentionPattern::kTile);
  const double bytes =
      static_cast<double>(of.gradient_bytes) *
      SweepNumbers(without_patterns, kSweepRows, columns, static_cast<double>(of.n_positions));
  const double n = std::clamp(static_cast<double>(budget_bytes) / 8 / bytes, 1.0, 4.0);
  return kSweepRows * static_cast<int64_t>(n);
}

GraphMemory GraphBytes(const GraphDimensions& dimensions, std::span<const int64_t> n_active,
                       const RowPlan& rows) {
  return LargestPhase(Phases(dimensions, n_active), rows);
}

double EstimateOperations(const GraphDimensions& dimensions, const graph::GraphSettings& settings) {
  const std::vector<int64_t> n_active = ActiveOfLayers(dimensions, settings, [&](int64_t n) {
    return ActivePerPosition(dimensions.transcoders, n);
  });
  const RowPlan plan = LargestPlan(dimensions, n_active, settings);
  const checkpoint::TextConfig& text = dimensions.config.text;
  const auto T = static_cast<double>(dimensions.n_positions);
  const auto d = static_cast<double>(text.hidden_size);
  const auto heads = static_cast<double>(text.num_attention_heads * text.head_dim);
  const auto kv_heads = static_cast<double>(text.num_key_value_heads * text.head_dim);
  double n_sources = T;
  for (const int64_t n : n_active) n_sources += static_cast<double>(n) + 2 * T;
  // What a row at the top and the end of the prompt costs; half the layers and half the positions
  // are below the mean row.
  const double whole = 2 * (n_sources * d + static_cast<double>(text.num_hidden_layers) * T *
                                                (d * (heads + kv_heads) + T / 4 * heads));
  return plan.n_rows * whole / 4;
}

}  // namespace cajal::attribution
