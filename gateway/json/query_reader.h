// Reads a request's path and query parameters strictly, and lists everything that is wrong at once.
//
// As JsonBody does for bodies: a getter that finds no valid value notes a violation (its pointer is
// "/" and the parameter's name) and returns the default. Parameters that no getter has asked for,
// and those given twice, are violations too. A request has at most kMaxQueryParameters
// (gateway/http/request_head.h), which the server has checked. Names are literals.
// Thread-compatible.
#ifndef SCALEOUT_GATEWAY_JSON_QUERY_READER_H_
#define SCALEOUT_GATEWAY_JSON_QUERY_READER_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/status.h"
#include "gateway/http/message.h"

namespace scaleout::gateway {

class QueryReader {
 public:
  // `request` outlives the reader.
  explicit QueryReader(const Request& request) : request_(request) {}

  // The path's {name}: an id, as every contract has them (request_limits.h).
  std::int64_t PathId(std::string_view name);

  // `page_size`: how many items the list gives (request_limits.h); absent is the default.
  std::int32_t PageSize();
  // `page_token`: empty for the first page. The service says whether this list gave it.
  std::string PageToken();
  // An id to filter by; 0 if absent.
  std::int64_t OptionalId(std::string_view name);
  std::int64_t Integer(std::string_view name, std::int64_t default_value, std::int64_t min,
                       std::int64_t max);
  // One of `choices`; the first if absent.
  std::string_view OneOf(std::string_view name, std::initializer_list<std::string_view> choices);
  std::string_view OneOf(std::string_view name, const std::vector<std::string_view>& choices);

  // After everything was asked for: OK, or what is wrong.
  absl::Status Check();
  // The same, for an answer that lists what is wrong with the body too (JsonBody::Check).
  std::vector<FieldViolation> TakeViolations();

 private:
  std::int64_t Id(std::string_view name, std::string_view text);
  const std::string* Find(std::string_view name);
  void Refuse(std::string_view name, std::string detail);

  const Request& request_;
  std::vector<FieldViolation> violations_;
  std::vector<std::string_view> known_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_JSON_QUERY_READER_H_
