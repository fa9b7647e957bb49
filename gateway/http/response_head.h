// Writes the head of a response: status line, the server's own headers, the handler's. One for each
// loop; not thread-safe (it keeps the Date line, which changes once a second).
#ifndef SCALEOUT_GATEWAY_HTTP_RESPONSE_HEAD_H_
#define SCALEOUT_GATEWAY_HTTP_RESPONSE_HEAD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "gateway/http/message.h"

namespace scaleout::gateway {

class ResponseHeadWriter {
 public:
  ResponseHeadWriter(std::string instance_id, const Clock& clock);

  // Appends the head, with its empty line, to `out`. A header whose value has a line break is left
  // out.
  void Append(const Response& response, std::string_view request_id, bool keep_alive,
              std::string& out);

 private:
  std::string_view DateLine();

  std::string instance_line_;
  const Clock& clock_;
  std::int64_t date_second_ = -1;
  std::string date_line_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_RESPONSE_HEAD_H_
