#include "server/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <map>

#include "server/server_info.h"

namespace cajal::server {
namespace {

constexpr char kDescription[] =
    "cajald serves attribution graphs of one Gemma 3 model over gRPC. It prints one line,\n"
    "'cajald ready on HOST:PORT', when it serves, and logs to stderr.";
constexpr char kExitCodes[] =
    "\nExit codes: 0 ended on SIGTERM or SIGINT, 1 could not start, 2 wrong usage.\n"
    "The first signal lets running calls end within --grace-seconds, the second ends at once.";

const std::map<std::string, DeviceChoice> kDevices = {
    {"auto", DeviceChoice::kAuto}, {"cpu", DeviceChoice::kCpu}, {"cuda", DeviceChoice::kCuda}};
const std::map<std::string, transcoder::Residency> kResidencies = {
    {"auto", transcoder::Residency::kAuto},
    {"device", transcoder::Residency::kDevice},
    {"encoders", transcoder::Residency::kEncoders},
    {"stream", transcoder::Residency::kStream}};
const std::map<std::string, DType> kDTypes = {{"float32", DType::kFloat32},
                                              {"bfloat16", DType::kBFloat16}};

// CLI11's own checks state the range of a double in full, all 309 digits.
CLI::Validator Between(int64_t least, int64_t most) {
  return CLI::Validator(
      [least, most](const std::string& value) -> std::string {
        int64_t number = 0;
        const char* end = value.data() + value.size();
        const auto [rest, error] = std::from_chars(value.data(), end, number);
        if (error == std::errc() && rest == end && number >= least && number <= most) return "";
        return "must be an integer from " + std::to_string(least) + " to " + std::to_string(most) +
               ", not '" + value + "'";
      },
      "");
}

constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxInt64 = std::numeric_limits<int64_t>::max();
constexpr int64_t kMaxGraceSeconds = 24 * 60 * 60;
constexpr int64_t kMaxSessionSeconds = 366 * 24 * 60 * 60;

void AddModelFlags(CLI::App* app, EngineOptions* engine) {
  app->add_option("--model", engine->model_dir,
                  "Folder of a Gemma 3 checkpoint in Hugging Face layout")
      ->required()
      ->type_name("DIR");
  app->add_option("--transcoders", engine->transcoder_dir, "Folder of a transcoder set")
      ->required()
      ->type_name("DIR");
  app->add_option_function<std::string>(
         "--device", [engine](const std::string& name) { engine->device = kDevices.at(name); },
         "Where to compute; auto = a GPU if there is one. Default: auto")
      ->check(CLI::IsMember(kDevices))
      ->type_name("DEVICE");
  app->add_option_function<std::string>(
         "--dtype", [engine](const std::string& name) { engine->dtype = kDTypes.at(name); },
         "Type of the weights: float32 is the reference, bfloat16 is fast. Default: float32")
      ->check(CLI::IsMember(kDTypes))
      ->type_name("TYPE");
  app->add_option_function<std::string>(
         "--gradients", [engine](const std::string& name) { engine->gradients = kDTypes.at(name); },
         "Type of a graph's gradients and edges while they are computed. Default: that of the "
         "weights on a GPU, float32 on the CPU")
      ->check(CLI::IsMember(kDTypes))
      ->type_name("TYPE");
  app->add_flag("--allow-tf32", engine->allow_tf32,
                "Let a GPU round the factors of float32 products to 10 bits, for speed");
  app->add_option_function<std::string>(
         "--residency",
         [engine](const std::string& name) { engine->residency = kResidencies.at(name); },
         "Where the transcoders live: device = on it; encoders = these on it, decoder rows fetched "
         "from the files; stream = encoders, too, pass through piece by piece. The graph is "
         "the same. Default: auto = the first that fits")
      ->check(CLI::IsMember(kResidencies))
      ->type_name("WHERE");
  app->add_option("--threads", engine->threads,
                  "Threads of the CPU's matrix products. Default: 0 = all cores")
      ->check(Between(0, kMaxInt32))
      ->type_name("N");
  app->add_option("--budget-bytes", engine->budget_bytes,
                  "Memory that requests may use beyond the model, in bytes. "
                  "Default: 0 = 80 % of what is free after loading")
      ->check(Between(0, kMaxInt64))
      ->type_name("BYTES");
  app->add_option("--vision-cache-bytes", engine->vision_cache_bytes,
                  "Memory beside the budget for what the vision tower made of earlier pictures, so "
                  "that it need not run again, in bytes; at most an eighth of what is free. "
                  "0 = nothing is kept. Default: 536870912")
      ->check(Between(0, kMaxInt64))
      ->type_name("BYTES");
  app->add_option("--max-positions", engine->max_positions,
                  "Longest prompt, in positions, image positions included. Default: 8192")
      ->check(Between(1, kMaxInt32))
      ->type_name("N");
  app->add_option("--max-image-pixels", engine->max_image_pixels,
                  "Largest picture, in pixels before resizing. Default: 64000000")
      ->check(Between(1, kMaxInt64))
      ->type_name("N");
}

void AddServerFlags(CLI::App* app, Flags* flags, int64_t* grace_seconds) {
  app->add_option("--listen", flags->server.listen,
                  "Address to serve on; port 0 picks a free one. Anyone who reaches it may use "
                  "it. Default: 127.0.0.1:50051")
      ->type_name("HOST:PORT");
  app->add_option("--data-dir", flags->data_dir,
                  "Folder of the stored graphs and sessions. Default: $XDG_DATA_HOME/cajal, or "
                  "~/.local/share/cajal")
      ->type_name("DIR");
  app->add_option("--quota-graphs", flags->quota.max_graphs,
                  "Graphs that one user may keep; further ones are refused until some are deleted. "
                  "Default: 0 = any number")
      ->check(Between(0, kMaxInt64))
      ->type_name("N");
  app->add_option("--quota-bytes", flags->quota.max_bytes,
                  "Bytes that one user's graphs may take on disk. Default: 0 = what there is")
      ->check(Between(0, kMaxInt64))
      ->type_name("BYTES");
  app->add_option("--quota-sessions", flags->max_sessions,
                  "Sessions, which hold clamps, that one user may have at a time. Default: 100")
      ->check(Between(0, kMaxInt32))
      ->type_name("N");
  app->add_option("--session-seconds", flags->server.limits.session_seconds,
                  "How long a session lasts unless its request says otherwise, in seconds. "
                  "Default: 86400 (a day)")
      ->check(Between(1, kMaxSessionSeconds))
      ->type_name("SECONDS");
  app->add_option("--max-session-seconds", flags->server.limits.max_session_seconds,
                  "The longest that a session may ask to last, in seconds, a year at most. "
                  "Default: 2592000 (30 days)")
      ->check(Between(1, kMaxSessionSeconds))
      ->type_name("SECONDS");
  app->add_option("--queue-size", flags->server.limits.queue_size,
                  "Jobs that may wait for the model; more are refused. Default: 64")
      ->check(Between(1, kMaxInt32))
      ->type_name("N");
  app->add_option("--read-threads", flags->server.read_threads,
                  "Threads that read, prune and export stored graphs, beside jobs, 1 to 64. "
                  "Default: 2")
      ->check(Between(1, 64))
      ->type_name("N");
  app->add_option("--read-nice", flags->server.read_nice,
                  "How far these threads let a running computation go first when there are not "
                  "enough cores for both, as of nice(1), 0 to 19. Default: 5")
      ->check(Between(0, 19))
      ->type_name("N");
  app->add_option("--graph-cache-bytes", flags->server.graph_cache_bytes,
                  "Memory for stored graphs that are kept open, in bytes; the one used longest ago "
                  "makes room. 0 = each call reads the disk. Default: 2147483648")
      ->check(Between(0, kMaxInt64))
      ->type_name("BYTES");
  app->add_option("--max-import-bytes", flags->server.limits.max_import_bytes,
                  "Largest file that may be imported, in bytes. Twice as much may lie on the disk "
                  "on its way. Default: 4294967296 (4 GiB)")
      ->check(Between(1, int64_t{1} << 50))
      ->type_name("BYTES");
  app->add_option("--pool-threads", flags->server.pool_threads,
                  "Threads for tokens, images and storing graphs, 1 to 64. Default: 2")
      ->check(Between(1, 64))
      ->type_name("N");
  app->add_option(
         "--grace-seconds", *grace_seconds,
         "Time that running jobs and calls have to end after SIGTERM, in seconds, a day at "
         "most. Default: 30")
      ->check(Between(0, kMaxGraceSeconds))
      ->type_name("SECONDS");
  app->add_option("--log-level", flags->log_level, "debug, info, warn or error. Default: info")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->type_name("LEVEL");
}

}  // namespace

ParsedFlags ParseFlags(int argc, const char* const* argv) {
  ParsedFlags parsed;
  int64_t grace_seconds = parsed.flags.grace.count();
  CLI::App app(kDescription, "cajald");
  app.footer(kExitCodes);
  AddModelFlags(&app, &parsed.flags.engine);
  AddServerFlags(&app, &parsed.flags, &grace_seconds);
  app.set_config("--config", "", "TOML file that sets the same names: listen = \"0.0.0.0:50051\"")
      ->type_name("FILE");
  app.set_version_flag("--version", "cajald " + Version() + " (" + BuildDescription() + ")");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = app.exit(error) == 0 ? 0 : 2;
    return parsed;
  }
  Flags& flags = parsed.flags;
  flags.grace = std::chrono::seconds(grace_seconds);
  ServiceLimits& limits = flags.server.limits;
  limits.session_seconds = std::min(limits.session_seconds, limits.max_session_seconds);
  if (flags.data_dir.empty()) flags.data_dir = DefaultDataDir();
  flags.server.temporary_dir = flags.data_dir;
  flags.server.limits.max_image_pixels = flags.engine.max_image_pixels;
  parsed.serve = true;
  return parsed;
}

std::string DefaultDataDir() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string data = variable("XDG_DATA_HOME"); !data.empty()) return data + "/cajal";
  if (const std::string home = variable("HOME"); !home.empty()) return home + "/.local/share/cajal";
  return "cajal-data";
}

}  // namespace cajal::server
