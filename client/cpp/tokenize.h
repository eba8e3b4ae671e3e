// What Tokenize is asked; TokenizedPrompt (prompt.h) is its answer.
#pragma once

#include "client/cpp/graph.h"
#include "client/cpp/prompt.h"

namespace cajal::client {

struct TokenizeRequest {
  Prompt prompt = {};
  GraphSettings settings = {};  // of the graph whose cost is estimated
};

}  // namespace cajal::client
