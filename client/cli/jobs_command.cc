#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/flag_checks.h"
#include "client/cli/format.h"

namespace cajal::cli {
namespace {

struct JobsFlags {
  int32_t limit = 50;
  std::string id;  // of cancel
  bool json = false;
};

const char* StateName(client::JobState state) {
  switch (state) {
    case client::JobState::kQueued:
      return "queued";
    case client::JobState::kRunning:
      return "running";
    case client::JobState::kSucceeded:
      return "succeeded";
    case client::JobState::kFailed:
      return "failed";
    case client::JobState::kCancelled:
      return "cancelled";
    case client::JobState::kUnknown:
      return "unknown";
  }
  return "unknown";
}

Json TimeJson(absl::Time time) {
  if (time == absl::InfinitePast()) return nullptr;
  return absl::FormatTime(time, absl::UTCTimeZone());
}

Json JobJson(const client::Job& job) {
  return {{"id", ResourceId(job.name)},
          {"method", job.method},
          {"state", StateName(job.state)},
          {"queue_position", job.progress.queue_position},
          {"phase", job.progress.phase},
          {"done", job.progress.done},
          {"total", job.progress.total},
          {"estimated_seconds_left", job.progress.estimated_seconds_left},
          {"owner", job.owner},
          {"request_id", job.request_id},
          {"created", TimeJson(job.create_time)},
          {"started", TimeJson(job.start_time)},
          {"ended", TimeJson(job.end_time)},
          {"graph", ResourceId(job.graph)},
          {"error", std::string(job.error.message())}};
}

// What matters of a job in its state.
std::string DetailText(const client::Job& job) {
  switch (job.state) {
    case client::JobState::kQueued:
    case client::JobState::kRunning:
      return ProgressLine(job.progress, 60);
    case client::JobState::kSucceeded:
      return job.graph.empty() ? "" : "graph " + ResourceId(job.graph);
    default:
      return std::string(job.error.message());
  }
}

std::string DurationText(const client::Job& job) {
  if (job.start_time == absl::InfinitePast()) return "-";
  const absl::Time end = job.end_time == absl::InfinitePast() ? absl::Now() : job.end_time;
  return SecondsText(absl::ToDoubleSeconds(end - job.start_time));
}

absl::StatusOr<std::vector<client::Job>> List(int32_t limit, Session& session) {
  std::vector<client::Job> jobs;
  client::PageRequest request;
  do {
    request.page_size = limit - static_cast<int32_t>(jobs.size());
    absl::StatusOr<client::JobPage> page = session.client->ListJobs(request, session.CallOptions());
    if (!page.ok()) return page.status();
    jobs.insert(jobs.end(), page->jobs.begin(), page->jobs.end());
    request.page_token = page->next_page_token;
  } while (!request.page_token.empty() && static_cast<int32_t>(jobs.size()) < limit);
  return jobs;
}

absl::Status RunList(const JobsFlags& flags, Session& session) {
  const absl::StatusOr<std::vector<client::Job>> jobs = List(flags.limit, session);
  if (!jobs.ok()) return jobs.status();
  if (flags.json) {
    Json json = Json::array();
    for (const client::Job& job : *jobs) json.push_back(JobJson(job));
    *session.console.out << JsonText({{"jobs", json}}) << "\n";
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows = {
      {"id", "method", "state", "admitted", "running for", "detail"}};
  for (const client::Job& job : *jobs) {
    rows.push_back({ResourceId(job.name), job.method, StateName(job.state),
                    TimeText(job.create_time), DurationText(job), DetailText(job)});
  }
  WriteTable(rows, session.console.out);
  return absl::OkStatus();
}

absl::Status RunCancel(const JobsFlags& flags, Session& session) {
  const absl::StatusOr<client::Job> job =
      session.client->CancelJob(ResourceName("jobs", flags.id), session.CallOptions());
  if (!job.ok()) return job.status();
  if (flags.json) {
    *session.console.out << JsonText(JobJson(*job)) << "\n";
  } else {
    *session.console.out << ResourceId(job->name) << ": asked to stop, now "
                         << StateName(job->state) << "\n";
  }
  return absl::OkStatus();
}

}  // namespace

Command AddJobsCommand(CLI::App* cajal) {
  auto flags = std::make_shared<JobsFlags>();
  CLI::App* app = cajal->add_subcommand(
      "jobs", "List the jobs: running, waiting, then finished; `jobs cancel ID`");
  app->add_option("--limit", flags->limit, "Most jobs to list")
      ->type_name("N")
      ->check(AtLeast(1))
      ->capture_default_str();
  AddJsonFlag(app, &flags->json);
  app->require_subcommand(0, 1);

  CLI::App* cancel = app->add_subcommand("cancel", "Ask a job to stop; it does within one batch");
  cancel->add_option("id", flags->id, "The job's id")->required();

  return {app, [flags, cancel](Session& session) {
            return cancel->parsed() ? RunCancel(*flags, session) : RunList(*flags, session);
          }};
}

}  // namespace cajal::cli
