// Writes the head of a response: the status line, the headers of the server, then those of the
// handler.
//
// The server's own are Date, X-Instance-Id, X-Request-Id, Content-Type, Content-Length and
// Connection; a handler that sets one of them would send it twice. 204 and 304 have neither type
// nor length, because they have no body (RFC 9110, section 6.4.1). One writer for each loop; not
// thread-safe, because it keeps the Date line, which changes once a second.
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

  // Appends the head, with its empty line, to `out`. `keep_alive` says what happens to the
  // connection after the answer. A header whose value has a line break is left out, so that a value
  // taken from a request cannot add headers to the answer (response splitting).
  void Append(const Response& response, std::string_view request_id, bool keep_alive,
              std::string& out);

 private:
  // For the current second (RFC 9110, section 5.6.7).
  std::string_view DateLine();

  std::string instance_line_;
  const Clock& clock_;
  std::int64_t date_second_ = -1;
  std::string date_line_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_RESPONSE_HEAD_H_
