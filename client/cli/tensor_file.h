// Tensors of an answer as a safetensors file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/cpp/model.h"

namespace cajal::cli {

// The bytes of the file. `metadata` goes into its header.
std::string ToSafetensors(const std::vector<client::Tensor>& tensors,
                          const std::map<std::string, std::string>& metadata = {});

}  // namespace cajal::cli
