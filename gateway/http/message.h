// HTTP messages as values: what a handler is given, and what it gives back. They know no sockets.
//
// A Request owns its bytes and hands out views into them, so it is neither copied nor moved. Header
// names are compared without regard to case. Thread-compatible.
#ifndef SCALEOUT_GATEWAY_HTTP_MESSAGE_H_
#define SCALEOUT_GATEWAY_HTTP_MESSAGE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scaleout::gateway {

enum class Method { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

// "GET"; "OTHER" for kOther.
std::string_view MethodName(Method method);

class Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  // The first header of that name, without surrounding blanks; nothing if there is none.
  std::optional<std::string_view> FindHeader(std::string_view name) const;
  // How many headers there are of that name.
  std::size_t CountHeaders(std::string_view name) const;
  // The first query parameter of that name, percent-decoded; nothing if there is none.
  std::optional<std::string_view> FindQuery(std::string_view name) const;
  // The path segment that the route's template calls `{name}`, percent-decoded. The route has it:
  // anything else crashes.
  std::string_view PathParameter(std::string_view name) const;

  Method method = Method::kOther;
  bool http_1_0 = false;
  std::string_view raw_path;                               // as sent, without the query
  std::string path;                                        // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
  std::vector<std::pair<std::string_view, std::string_view>> headers;  // in order
  std::vector<std::pair<std::string_view, std::string>> path_parameters;
  std::string body;

  // The head as received: what the views point into.
  std::string head;
};

struct Response {
  Response() = default;
  Response(int status_in, std::string body_in) : status(status_in), body(std::move(body_in)) {}

  int status = 200;
  std::string content_type = "application/json";
  // Beside Content-Type, Content-Length, Connection, X-Instance-Id and X-Request-Id, which the
  // server writes.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // How much of the body, from its beginning, is the content; the rest is about this answer. All of
  // it if unset.
  std::optional<std::size_t> content_bytes;
};

// "Not Found"; "Unknown" for a code that has no phrase here.
std::string_view ReasonPhrase(int status);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HTTP_MESSAGE_H_
