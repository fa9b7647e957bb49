#include "common/request_id.h"

#include <algorithm>

namespace scaleout {
namespace {

constexpr std::size_t kTraceparentLength = 55;
constexpr std::size_t kTraceIdBegin = 3;
constexpr std::size_t kTraceIdLength = 32;
constexpr std::size_t kParentIdBegin = 36;
constexpr std::size_t kParentIdLength = 16;
constexpr std::size_t kFlagsBegin = 53;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsLowerHex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); });
}

bool IsAllZero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

bool IsWellFormedRequestId(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestIdLength &&
         std::ranges::all_of(text, [](char c) {
           return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                  c == '_' || c == '-';
         });
}

std::string_view TraceIdOf(std::string_view traceparent) {
  if (traceparent.size() != kTraceparentLength || !traceparent.starts_with("00-") ||
      traceparent[kParentIdBegin - 1] != '-' || traceparent[kFlagsBegin - 1] != '-') {
    return {};
  }
  const std::string_view trace_id = traceparent.substr(kTraceIdBegin, kTraceIdLength);
  const std::string_view parent_id = traceparent.substr(kParentIdBegin, kParentIdLength);
  const bool well_formed = IsLowerHex(trace_id) && IsLowerHex(parent_id) &&
                           IsLowerHex(traceparent.substr(kFlagsBegin)) && !IsAllZero(trace_id) &&
                           !IsAllZero(parent_id);
  return well_formed ? trace_id : std::string_view();
}

}  // namespace scaleout
