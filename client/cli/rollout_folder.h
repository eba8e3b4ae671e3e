// `cajal rollout --images DIR`: every picture of a folder, one file of compact maps each.
//
// For DIR/a.png the file is OUT/a.png.safetensors with `pooled`, float16 [tokens, patches], and in
// its header how it was made. A file that was made in the same way from a picture of the same size
// in bytes is left as it is, so an interrupted run goes on where it stopped.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "client/cli/command.h"
#include "client/cli/rollout_flags.h"

namespace cajal::cli {

struct FolderRollout {
  std::string images;      // folder
  std::string output_dir;  // made if it is missing
  RolloutFlags flags;
  bool pan_and_scan = false;
  bool json = false;  // a line for each picture, as it is done
};

// Pictures that the server cannot read are named and passed over; the end is then an error that
// counts them.
absl::Status RollOutFolder(const FolderRollout& folder, Session& session);

}  // namespace cajal::cli
