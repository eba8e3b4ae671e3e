#include "model/graph/json_stream.h"

#include <streambuf>
#include <utility>
#include <vector>

namespace cajal::graph {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;

absl::Status Malformed(const std::string& description) {
  return InvalidField("document", "MALFORMED_GRAPH", description);
}

// Hands a stream's bytes on until too many have passed without an event.
class BoundedSource final : public std::streambuf {
 public:
  explicit BoundedSource(std::istream& stream) : stream_(stream), buffer_(64 << 10) {}

  void ResetBound() { since_event_ = 0; }
  [[nodiscard]] bool exceeded() const { return since_event_ > kMaxJsonTokenBytes; }

 private:
  int_type underflow() override {
    if (exceeded()) return traits_type::eof();
    stream_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    const std::streamsize n = stream_.gcount();
    if (n == 0) return traits_type::eof();
    since_event_ += n;
    setg(buffer_.data(), buffer_.data(), buffer_.data() + n);
    return traits_type::to_int_type(*gptr());
  }

  std::istream& stream_;
  std::vector<char> buffer_;
  int64_t since_event_ = 0;
};

// nlohmann's events as the handler's. Each returns whether to go on.
class Adapter final : public json::json_sax_t {
 public:
  Adapter(BoundedSource& source, JsonHandler& handler) : source_(source), handler_(handler) {}

  bool null() override { return Next(handler_.Value(nullptr)); }
  bool boolean(bool value) override { return Next(handler_.Value(value)); }
  bool number_integer(int64_t value) override { return Next(handler_.Value(value)); }
  bool number_unsigned(uint64_t value) override { return Next(handler_.Value(value)); }
  bool number_float(double value, const std::string&) override {
    return Next(handler_.Value(value));
  }
  bool string(std::string& value) override { return Next(handler_.Value(std::move(value))); }
  bool binary(json::binary_t&) override { return false; }  // no JSON text has any
  bool key(std::string& value) override { return Next(handler_.Key(std::move(value))); }
  bool start_object(size_t) override {
    return ++depth_ <= kMaxDepth ? Next(handler_.StartObject()) : TooDeep();
  }
  bool end_object() override {
    --depth_;
    return Next(handler_.EndObject());
  }
  bool start_array(size_t) override {
    return ++depth_ <= kMaxDepth ? Next(handler_.StartArray()) : TooDeep();
  }
  bool end_array() override {
    --depth_;
    return Next(handler_.EndArray());
  }
  bool parse_error(size_t position, const std::string&, const json::exception&) override {
    if (source_.exceeded()) {
      status_ = Malformed("holds a string, a number or white space of more than " +
                          std::to_string(kMaxJsonTokenBytes) + " bytes");
    } else {
      status_ = Malformed("is not JSON, or is cut off, at byte " + std::to_string(position));
    }
    return false;
  }

  [[nodiscard]] const absl::Status& status() const { return status_; }

 private:
  bool Next(absl::Status status) {
    source_.ResetBound();
    status_ = std::move(status);
    return status_.ok();
  }
  bool TooDeep() {
    status_ = Malformed("nests deeper than " + std::to_string(kMaxDepth));
    return false;
  }

  BoundedSource& source_;
  JsonHandler& handler_;
  absl::Status status_;
  int depth_ = 0;
};

}  // namespace

absl::Status ReadJsonStream(std::istream& stream, JsonHandler& handler) {
  BoundedSource source(stream);
  std::istream bounded(&source);
  Adapter adapter(source, handler);
  json::sax_parse(bounded, &adapter);
  return adapter.status();
}

}  // namespace cajal::graph
