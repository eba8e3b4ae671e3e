// A program that runs beside the test, with what it prints.
//
//   Process process({.arguments = {CAJALD_PATH, "--model", …}});
//   if (!process.WaitForLine("cajald ready on ")) …   // it ended without saying so
//   process.Signal(SIGTERM);
//   EXPECT_EQ(process.Wait(), 0);
//
// Used by the thread that made it, but for `out` and `err`, which any thread may call. A process
// that still runs when its Process is destroyed, or when the test dies, is killed.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace cajal::e2e {

struct ProcessOptions {
  std::vector<std::string> arguments = {};  // the first is the program's path
  // Largest file that it may write, in bytes; beyond, writing fails as on a full disk. 0 = no
  // limit.
  int64_t max_file_bytes = 0;
};

class Process {
 public:
  explicit Process(const ProcessOptions& options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Waits until the program prints a line with this beginning to stdout, and returns what follows.
  // Nothing when stdout ends before.
  std::optional<std::string> WaitForLine(const std::string& beginning);
  // The same for stderr.
  std::optional<std::string> WaitForErrorLine(const std::string& beginning);
  void Signal(int signal_number);
  // Waits until it has ended. Returns the exit code; minus the signal's number if one killed it.
  int Wait();

  // What it has printed so far; all of it after Wait.
  std::string out() const;
  std::string err() const;

 private:
  // One of its output streams.
  struct Stream {
    int pipe = -1;  // read by `reader` alone
    std::thread reader;
    std::string text;    // guarded by mutex_
    bool ended = false;  // guarded by mutex_
  };
  void Read(Stream* stream);
  std::optional<std::string> WaitForLineOf(const Stream& stream, const std::string& beginning);

  pid_t pid_ = -1;
  std::optional<int> exit_code_;  // set once it has been reaped
  mutable std::mutex mutex_;
  std::condition_variable news_;  // of `text` and `ended`
  Stream out_;
  Stream err_;
};

// What a program did that has run to its end.
struct ProcessResult {
  int exit_code = 0;
  std::string out;
  std::string err;
};
ProcessResult RunToEnd(const ProcessOptions& options);

}  // namespace cajal::e2e
