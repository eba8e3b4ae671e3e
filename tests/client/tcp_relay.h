// A relay between a client and a server that can cut the wire between them.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cajal::client_test {

class TcpRelay {
 public:
  // Listens on a free port of 127.0.0.1 and passes connections on to `server_port` there.
  explicit TcpRelay(int server_port);
  ~TcpRelay();

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // Closes the port and every connection, as a server that dies does. Any thread may call it.
  void Cut();

 private:
  void Accept();
  void Pass(int from, int to);
  void Watch(int descriptor);

  const int server_port_;
  int port_ = 0;
  int listener_ = -1;
  std::mutex mutex_;
  bool cut_ = false;                // guarded by mutex_
  std::vector<int> descriptors_;    // guarded by mutex_; closed by the destructor
  std::vector<std::thread> pipes_;  // started by the accepting thread alone
  std::thread acceptor_;
};

}  // namespace cajal::client_test
