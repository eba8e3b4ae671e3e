#include "tests/e2e/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "model/base/check.h"

namespace cajal::e2e {
namespace {

// After fork, before exec: only what is safe in the child of a process with threads.
[[noreturn]] void BecomeProgram(char* const* arguments, int64_t max_file_bytes, int out, int err) {
  // Dies with the thread that made it, so that no test leaves a server behind.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (max_file_bytes > 0) {
    const rlimit limit{static_cast<rlim_t>(max_file_bytes), static_cast<rlim_t>(max_file_bytes)};
    setrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);  // write fails instead
  }
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

Process::Process(const ProcessOptions& options) {
  std::vector<char*> arguments;
  for (const std::string& argument : options.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  int out[2];
  int err[2];
  CAJAL_CHECK(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
  pid_ = fork();
  CAJAL_CHECK(pid_ >= 0);
  if (pid_ == 0) BecomeProgram(arguments.data(), options.max_file_bytes, out[1], err[1]);
  close(out[1]);
  close(err[1]);
  out_.pipe = out[0];
  err_.pipe = err[0];
  for (Stream* stream : {&out_, &err_}) {
    stream->reader = std::thread([this, stream] { Read(stream); });
  }
}

Process::~Process() {
  if (!exit_code_.has_value()) {
    Signal(SIGKILL);
    Wait();
  }
}

void Process::Read(Stream* stream) {
  char buffer[4096];
  for (;;) {
    const ssize_t size = read(stream->pipe, buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    std::lock_guard<std::mutex> lock(mutex_);
    stream->ended = size <= 0;
    if (size > 0) stream->text.append(buffer, static_cast<size_t>(size));
    news_.notify_all();
    if (stream->ended) return;
  }
}

std::optional<std::string> Process::WaitForLine(const std::string& beginning) {
  return WaitForLineOf(out_, beginning);
}

std::optional<std::string> Process::WaitForErrorLine(const std::string& beginning) {
  return WaitForLineOf(err_, beginning);
}

std::optional<std::string> Process::WaitForLineOf(const Stream& stream,
                                                  const std::string& beginning) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (size_t line = 0;;) {
    const size_t end = stream.text.find('\n', line);
    if (end == std::string::npos) {
      if (stream.ended) return std::nullopt;
      news_.wait(lock);
    } else if (stream.text.compare(line, beginning.size(), beginning) == 0) {
      line += beginning.size();
      return stream.text.substr(line, end - line);
    } else {
      line = end + 1;
    }
  }
}

void Process::Signal(int signal_number) {
  // Once it is reaped its number may be another's.
  if (!exit_code_.has_value()) kill(pid_, signal_number);
}

int Process::Wait() {
  if (exit_code_.has_value()) return *exit_code_;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) CAJAL_CHECK(errno == EINTR);
  for (Stream* stream : {&out_, &err_}) {
    stream->reader.join();
    close(stream->pipe);
  }
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return *exit_code_;
}

std::string Process::out() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return out_.text;
}

std::string Process::err() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return err_.text;
}

ProcessResult RunToEnd(const ProcessOptions& options) {
  Process process(options);
  const int exit_code = process.Wait();
  return {exit_code, process.out(), process.err()};
}

}  // namespace cajal::e2e
