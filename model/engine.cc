#include "model/engine.h"

#include "model/gemma_engine.h"

namespace cajal {

absl::StatusOr<std::unique_ptr<Engine>> LoadEngine(const EngineOptions& options,
                                                   RunContext* context) {
  return GemmaEngine::Load(options, context);
}

}  // namespace cajal
