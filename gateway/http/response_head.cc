#include "gateway/http/response_head.h"

#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include "common/str_cat.h"

namespace scaleout::gateway {

ResponseHeadWriter::ResponseHeadWriter(std::string instance_id, const Clock& clock)
    : instance_line_(StrCat("X-Instance-Id: ", instance_id, "\r\n")), clock_(clock) {}

void ResponseHeadWriter::Append(const Response& response, std::string_view request_id,
                                bool keep_alive, std::string& out) {
  StrAppend(&out, "HTTP/1.1 ", response.status, " ", ReasonPhrase(response.status), "\r\n",
            DateLine(), instance_line_);
  if (!request_id.empty()) StrAppend(&out, "X-Request-Id: ", request_id, "\r\n");
  for (const auto& [name, value] : response.headers) {
    if (value.find_first_of("\r\n") != std::string::npos) continue;
    StrAppend(&out, name, ": ", value, "\r\n");
  }
  if (response.status != 204 && response.status != 304) {
    StrAppend(&out, "Content-Type: ", response.content_type,
              "\r\nContent-Length: ", response.body.size(), "\r\n");
  }
  StrAppend(&out, "Connection: ", keep_alive ? "keep-alive" : "close", "\r\n\r\n");
}

std::string_view ResponseHeadWriter::DateLine() {
  const std::time_t second = std::chrono::system_clock::to_time_t(clock_.WallNow());
  if (std::exchange(date_second_, second) != second) {
    std::tm utc{};
    gmtime_r(&second, &utc);
    std::array<char, 64> text{};
    const std::size_t size =
        std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    date_line_.assign(text.data(), size);
  }
  return date_line_;
}

}  // namespace scaleout::gateway
