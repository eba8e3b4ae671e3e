#include "client/cpp/import.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/status.h"
#include "client/cpp/wire.h"

namespace cajal::client {
namespace {

constexpr int64_t kPartBytes = 2 << 20;  // half of what the server takes
// Times that the server may ask for bytes that it had before: after it was restarted, for instance.
constexpr int kMaxSteppedBack = 10;

// One file on its way. Lives in the callbacks of its calls.
class Upload : public std::enable_shared_from_this<Upload> {
 public:
  Upload(std::ifstream file, int64_t size, std::string upload_id, SendPart send,
         std::function<void(const Progress&)> on_progress,
         std::function<void(absl::StatusOr<GraphInfo>)> done)
      : file_(std::move(file)),
        size_(size),
        upload_id_(std::move(upload_id)),
        send_(std::move(send)),
        on_progress_(std::move(on_progress)),
        done_(std::move(done)) {}

  void SendNext() {
    v1::ImportGraphRequest part;
    part.set_upload_id(upload_id_);
    part.set_total_size_bytes(size_);
    part.set_offset_bytes(sent_);
    std::string* data = part.mutable_data();
    data->resize(static_cast<size_t>(std::min(kPartBytes, size_ - sent_)));
    file_.clear();
    file_.seekg(sent_);
    file_.read(data->data(), static_cast<std::streamsize>(data->size()));
    if (file_.gcount() != std::ssize(*data)) {
      return done_(absl::InvalidArgumentError("the file has become shorter while it was sent"));
    }
    send_(std::move(part),
          [self = shared_from_this()](const absl::StatusOr<v1::ImportGraphResponse>& answer) {
            answer.ok() ? self->OnAnswer(*answer) : self->done_(answer.status());
          });
  }

 private:
  void OnAnswer(const v1::ImportGraphResponse& answer) {
    if (answer.has_graph()) return done_(FromProto(answer.graph()));
    const int64_t received = answer.received_bytes();
    if (received <= sent_ && ++n_stepped_back_ > kMaxSteppedBack) {
      return done_(BrokenAnswer("the server does not take the file"));
    }
    if (received < 0 || received > size_) {
      return done_(BrokenAnswer(absl::StrCat("of ", size_, " bytes it has ", received)));
    }
    sent_ = received;
    if (on_progress_) {
      on_progress_({.job = "", .phase = "upload", .done = sent_, .total = size_});
    }
    SendNext();
  }

  std::ifstream file_;
  const int64_t size_;
  const std::string upload_id_;
  const SendPart send_;
  const std::function<void(const Progress&)> on_progress_;
  const std::function<void(absl::StatusOr<GraphInfo>)> done_;
  int64_t sent_ = 0;
  int n_stepped_back_ = 0;
};

}  // namespace

void SendFile(const ImportGraphRequest& request, const SendPart& send,
              const std::function<void(const Progress&)>& on_progress,
              std::function<void(absl::StatusOr<GraphInfo>)> done) {
  std::ifstream file(request.file, std::ios::binary | std::ios::ate);
  const auto size = static_cast<int64_t>(file.tellg());
  if (!file || size < 0) {
    return done(absl::InvalidArgumentError(absl::StrCat(request.file, ": cannot be read")));
  }
  if (size == 0) return done(absl::InvalidArgumentError(absl::StrCat(request.file, ": is empty")));
  std::make_shared<Upload>(std::move(file), size, request.request_id, send, on_progress,
                           std::move(done))
      ->SendNext();
}

}  // namespace cajal::client
