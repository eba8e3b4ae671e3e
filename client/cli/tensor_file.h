// Tensors of an answer as a safetensors file.
#pragma once

#include <string>
#include <vector>

#include "client/cpp/model.h"

namespace cajal::cli {

// The bytes of the file.
std::string ToSafetensors(const std::vector<client::Tensor>& tensors);

}  // namespace cajal::cli
