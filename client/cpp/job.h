// Jobs: what waits for the model, uses it, or has used it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/client_options.h"

namespace cajal::client {

// The last three are final.
enum class JobState { kUnknown, kQueued, kRunning, kSucceeded, kFailed, kCancelled };

struct Job {
  std::string name;    // "jobs/{id}"
  std::string method;  // "CreateGraph", "Forward", "Generate"
  JobState state = JobState::kUnknown;
  Progress progress;
  std::string owner;  // empty while the server knows no users
  std::string request_id;
  absl::Time create_time = absl::InfinitePast();
  absl::Time start_time = absl::InfinitePast();  // InfinitePast = has not begun
  absl::Time end_time = absl::InfinitePast();    // InfinitePast = has not ended
  std::string graph;   // "graphs/{id}" of a CreateGraph job that succeeded
  absl::Status error;  // of a failed or cancelled job, with the details of error_details.h
};

struct JobPage {
  std::vector<Job> jobs;  // the running one, the waiting ones in order, then finished ones
  std::string next_page_token;
};

}  // namespace cajal::client
