// The seam where edits enter a generation.
//
// The clean run and a request's edit sets are generated side by side, each as sequences of its own.
// Made by the caller of Generate, and called by the thread that computes. edited_passes.h has the
// one that writes edits.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "model/gemma3/decoder_hook.h"

namespace cajal::generation {

class PassEdits {
 public:
  virtual ~PassEdits() = default;

  // At least 1. Set 0 is the clean run, set s the request's edit_sets[s - 1].
  [[nodiscard]] virtual int32_t n_sets() const = 0;

  // Whether some set changes the prompt. If none does, all sequences share one pass over it, and
  // HookFor is asked for the new tokens only. Otherwise the samples of a set share one.
  [[nodiscard]] virtual bool ChangesPrompt() const = 0;

  // For a pass over positions [begin, end), all of the prompt or one new token, with
  // sets[b] = the set of row b. Null when nothing is changed there. The hook is used for that one
  // pass.
  virtual std::unique_ptr<gemma3::DecoderHook> HookFor(int64_t begin, int64_t end,
                                                       std::span<const int32_t> sets) = 0;
};

}  // namespace cajal::generation
