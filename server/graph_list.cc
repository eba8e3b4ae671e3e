#include "server/graph_list.h"

#include <google/protobuf/util/time_util.h>

#include "model/base/status.h"
#include "server/graph_conversion.h"

namespace cajal::server {
namespace {

using google::protobuf::util::TimeUtil;

absl::StatusOr<int64_t> UnixMs(const google::protobuf::Timestamp& time, const std::string& field) {
  if (time.seconds() < TimeUtil::kTimestampMinSeconds ||
      time.seconds() > TimeUtil::kTimestampMaxSeconds || time.nanos() < 0 ||
      time.nanos() > 999'999'999) {
    return InvalidField(field, "must be from 0001-01-01 to 9999-12-31, with 0 to 999999999 nanos");
  }
  return TimeUtil::TimestampToMilliseconds(time);
}

}  // namespace

absl::StatusOr<graph::GraphFilter> FromProto(const v1::GraphFilter& filter) {
  graph::GraphFilter result{.request_id = filter.request_id(),
                            .model = filter.model(),
                            .prompt = filter.prompt(),
                            .label = filter.label()};
  if (filter.has_owner()) result.owner = filter.owner();
  if (filter.has_created_from()) {
    ASSIGN_OR_RETURN(result.created_from_unix_ms,
                     UnixMs(filter.created_from(), "filter.created_from"));
  }
  if (filter.has_created_before()) {
    ASSIGN_OR_RETURN(result.created_before_unix_ms,
                     UnixMs(filter.created_before(), "filter.created_before"));
  }
  return result;
}

v1::ListGraphsResponse ToProto(const graph::GraphPage& page) {
  v1::ListGraphsResponse response;
  for (const graph::GraphRecord& record : page.records) {
    *response.add_graphs() = ToListEntry(record);
  }
  response.set_next_page_token(page.next_page_token);
  response.set_total_size(page.total_size);
  response.set_watch_cursor(page.cursor);
  return response;
}

}  // namespace cajal::server
