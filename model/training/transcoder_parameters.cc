#include "model/training/transcoder_parameters.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

namespace cajal::training {
namespace {

// The finaliser of SplitMix64: neighbouring inputs give unrelated outputs.
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

at::Generator GeneratorOf(uint64_t seed, int layer) {
  return at::detail::createCPUGenerator(Mix(Mix(seed) + static_cast<uint64_t>(layer) + 1));
}

}  // namespace

std::vector<std::pair<std::string, at::Tensor>> TranscoderParameters::Named() const {
  std::vector<std::pair<std::string, at::Tensor>> named = {
      {"W_enc", W_enc}, {"b_enc", b_enc}, {"W_dec", W_dec}, {"b_dec", b_dec}};
  if (W_skip.defined()) named.emplace_back("W_skip", W_skip);
  return named;
}

TranscoderParameters TranscoderParameters::ZerosLike() const {
  return {at::zeros_like(W_enc), at::zeros_like(b_enc), at::zeros_like(W_dec),
          at::zeros_like(b_dec), W_skip.defined() ? at::zeros_like(W_skip) : at::Tensor()};
}

TranscoderParameters InitialParameters(const TrainingSettings& settings, int64_t d_in,
                                       int64_t d_out, int layer, const at::Device& device) {
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  const double bound = 1 / std::sqrt(static_cast<double>(d_in));
  TranscoderParameters parameters;
  parameters.W_enc = at::empty({settings.n_features, d_in}, at::kFloat)
                         .uniform_(-bound, bound, GeneratorOf(settings.seed, layer))
                         .to(device);
  parameters.b_enc = at::zeros({settings.n_features}, options);
  parameters.W_dec = settings.decoder_start == DecoderStart::kTied
                         ? parameters.W_enc * settings.tied_decoder_scale
                         : at::zeros({settings.n_features, d_out}, options);
  parameters.b_dec = at::zeros({d_out}, options);
  if (settings.skip_connection) parameters.W_skip = at::zeros({d_out, d_in}, options);
  return parameters;
}

}  // namespace cajal::training
