// cajald as a process that serves the golden model, and the cajal command against it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/cpp/client.h"
#include "tests/e2e/process.h"
#include "tests/temp_dir.h"

namespace cajal::e2e {

// Paths are below tests/, the working directory.
struct CajaldOptions {
  std::string model_dir = "golden/tiny";
  std::string transcoder_dir = "golden/transcoders/plt_topk";
  std::string data_dir = {};  // empty = one of its own, which goes when the CajaldProcess does
  std::vector<std::string> flags = {};
  int64_t max_file_bytes = 0;  // as of ProcessOptions
  // A program and its flags that runs cajald: its arguments go before cajald's path.
  std::vector<std::string> launcher = {};
};

// A server that serves. Used by one thread; its client by any.
class CajaldProcess {
 public:
  // Waits until it is ready, and aborts with what it said if it ends instead.
  explicit CajaldProcess(const CajaldOptions& options = {});

  const std::string& address() const { return address_; }
  int port() const;
  Process& process() { return process_; }
  client::Client& client() { return *client_; }
  // A connection of its own, that of another user. One attempt for each call.
  std::unique_ptr<client::Client> NewClient() const;

  // Runs `cajal --server ADDRESS ARGUMENTS` to its end.
  ProcessResult Cajal(const std::vector<std::string>& arguments) const;
  // The same, to be watched while it runs.
  std::unique_ptr<Process> StartCajal(const std::vector<std::string>& arguments) const;

  // SIGTERM. Returns the exit code.
  int Terminate();
  // SIGKILL.
  void Kill();

 private:
  const TempDir own_data_dir_;
  Process process_;
  std::string address_;
  std::unique_ptr<client::Client> client_;
};

// Runs a cajald that is not expected to serve. Should it serve all the same, it is ended with
// SIGTERM, and the exit code is 0.
ProcessResult RunCajald(const CajaldOptions& options);

// A graph that takes a fraction of a second.
client::CreateGraphRequest SmallGraph();
// A graph that would take a minute: rows are computed one by one, so that the work advances in
// small steps and every test ends it before its time.
client::CreateGraphRequest LongGraph();
// The same as flags of `cajal graph`.
std::vector<std::string> LongGraphFlags();

// Creates a graph and expects that to succeed, which shows that the server goes on.
void ExpectServes(CajaldProcess* server);
// No job waits or runs.
void ExpectIdle(client::Client* client);
// Asks again and again until the job is in the state, which it must be able to reach.
client::Job WaitForState(client::Client* client, const std::string& job, client::JobState state);
// Asks again and again until a job runs, and returns it.
client::Job WaitForRunningJob(client::Client* client);

}  // namespace cajal::e2e
