#include "tests/client/tcp_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cajal::client_test {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

}  // namespace

TcpRelay::TcpRelay(int server_port) : server_port_(server_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(listener_, 8);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  Watch(listener_);
  acceptor_ = std::thread([this] { Accept(); });
}

TcpRelay::~TcpRelay() {
  Cut();
  acceptor_.join();
  for (std::thread& pipe : pipes_) pipe.join();
  for (const int descriptor : descriptors_) ::close(descriptor);
}

void TcpRelay::Cut() {
  std::lock_guard<std::mutex> lock(mutex_);
  cut_ = true;
  for (const int descriptor : descriptors_) ::shutdown(descriptor, SHUT_RDWR);
}

void TcpRelay::Watch(int descriptor) {
  std::lock_guard<std::mutex> lock(mutex_);
  descriptors_.push_back(descriptor);
  if (cut_) ::shutdown(descriptor, SHUT_RDWR);
}

void TcpRelay::Accept() {
  for (;;) {
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) return;  // the listener was shut down
    const int server = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = Loopback(server_port_);
    ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    Watch(client);
    Watch(server);
    pipes_.emplace_back([this, client, server] { Pass(client, server); });
    pipes_.emplace_back([this, client, server] { Pass(server, client); });
  }
}

void TcpRelay::Pass(int from, int to) {
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::recv(from, buffer, sizeof(buffer), 0);
    if (n <= 0) break;
    for (ssize_t sent = 0; sent < n;) {
      const ssize_t m = ::send(to, buffer + sent, static_cast<size_t>(n - sent), MSG_NOSIGNAL);
      if (m <= 0) return;
      sent += m;
    }
  }
  ::shutdown(to, SHUT_RDWR);
}

}  // namespace cajal::client_test
