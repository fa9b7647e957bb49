#include "gateway/http/problem.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "common/utf8.h"
#include "gateway/auth/auth_refusal.h"

namespace scaleout::gateway {
namespace {

constexpr std::string_view kHttpStatusFact = "httpStatus";
constexpr std::string_view kRetryAfterFact = "retryAfterMs";
constexpr std::string_view kHttpErrorReason = "HTTP_ERROR";

// A FAILED_PRECONDITION that has an HTTP status of its own: the client's 400 says less.
struct ReasonStatus {
  std::string_view reason;
  int http_status;
};
constexpr ReasonStatus kReasonStatuses[] = {
    {"IDEMPOTENCY_KEY_REUSED", 422}, {"ORDER_ALREADY_PAID", 409}, {"ORDER_NOT_PAYABLE", 409},
    {"ORDER_NOT_REFUNDABLE", 409},   {"RESERVATION_ENDED", 409},
};

// What will be different soon, whether or not the service says when.
constexpr std::string_view kPassingReasons[] = {
    "PAYMENT_IN_PROGRESS", "IDEMPOTENCY_KEY_IN_PROGRESS", kReasonPaymentUnknown};

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

// A message may quote what a client or a service sent; JSON is UTF-8 whatever that was.
void WriteString(Writer& writer, std::string_view text) {
  const std::string valid = ToUtf8(text);
  writer.String(valid.data(), static_cast<rapidjson::SizeType>(valid.size()));
}

void WriteMember(Writer& writer, std::string_view key, std::string_view value) {
  WriteString(writer, key);
  WriteString(writer, value);
}

// As grpc-gateway maps them (runtime/errors.go, HTTPStatusFromCode), RESOURCE_EXHAUSTED being a
// client's quota.
int HttpStatusOfCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kCancelled:
      return 499;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return 409;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    default:
      return 500;
  }
}

// The gRPC code that goes with an HTTP status that has none of its own.
absl::StatusCode CodeOfHttpStatus(int http_status) {
  switch (http_status) {
    case 404:
      return absl::StatusCode::kNotFound;
    case 405:
    case 501:
    case 505:
      return absl::StatusCode::kUnimplemented;
    case 408:
      return absl::StatusCode::kDeadlineExceeded;
    case 413:
    case 414:
    case 431:
      return absl::StatusCode::kOutOfRange;
    default:
      return http_status >= 500 ? absl::StatusCode::kInternal : absl::StatusCode::kInvalidArgument;
  }
}

// Of a service that gave none.
std::string ReasonOrDefault(const absl::Status& status) {
  std::string reason = ReasonOf(status);
  if (!reason.empty()) return reason;
  if (absl::IsUnauthenticated(status)) return std::string(kReasonUnauthenticated);
  if (absl::IsPermissionDenied(status)) return std::string(kReasonForbidden);
  return reason;
}

// "/problems/circuit-open" for CIRCUIT_OPEN; "about:blank" where the HTTP status says it all.
std::string ProblemType(std::string_view reason) {
  if (reason.empty() || reason == kHttpErrorReason) return "about:blank";
  return StrCat("/problems/",
                absl::AsciiStrToLower(absl::StrReplaceAll(ToAbsl(reason), {{"_", "-"}})));
}

// RFC 6750, section 3.1: no error where no token was sent. Empty for other answers, and for a 403
// that another token would not help: of another site's page.
std::string_view ChallengeFor(int http_status, std::string_view reason) {
  if (reason == kReasonInvalidToken || reason == kReasonSessionEnded) {
    return R"(Bearer realm="scaleout", error="invalid_token")";
  }
  if (reason == kReasonForbidden) return R"(Bearer realm="scaleout", error="insufficient_scope")";
  return http_status == 401 ? R"(Bearer realm="scaleout")" : "";
}

// What a client may read of an error that is the server's own: not the words of a library or a
// database.
std::string_view DetailOf(const absl::Status& status, int http_status) {
  if (http_status == 500) return "Something went wrong here; the request id finds it in the logs.";
  return FromAbsl(status.message());
}

std::optional<std::int64_t> RetryAfterSeconds(const ErrorMetadata& facts, std::string_view reason) {
  std::int64_t milliseconds = 0;
  if (const auto fact = facts.find(kRetryAfterFact);
      fact != facts.end() && absl::SimpleAtoi(fact->second, &milliseconds)) {
    return std::max<std::int64_t>(1, (milliseconds + 999) / 1000);
  }
  if (std::ranges::find(kPassingReasons, reason) != std::end(kPassingReasons)) return 1;
  return std::nullopt;
}

void WriteFacts(Writer& writer, const ErrorMetadata& facts) {
  for (const auto& [key, value] : facts) {
    if (key == kHttpStatusFact) continue;
    WriteString(writer, key);
    std::int64_t number = 0;
    if (absl::SimpleAtoi(value, &number)) {
      writer.Int64(number);
    } else {
      WriteString(writer, value);
    }
  }
}

void WriteViolations(Writer& writer, const std::vector<FieldViolation>& violations) {
  if (violations.empty()) return;
  WriteString(writer, "errors");
  writer.StartArray();
  for (const FieldViolation& violation : violations) {
    writer.StartObject();
    WriteMember(writer, "pointer", violation.field);
    WriteMember(writer, "detail", violation.detail);
    writer.EndObject();
  }
  writer.EndArray();
}

}  // namespace

int HttpStatusOf(const absl::Status& status) {
  const ErrorMetadata facts = MetadataOf(status);
  int http_status = 0;
  if (const auto fact = facts.find(kHttpStatusFact);
      fact != facts.end() && absl::SimpleAtoi(fact->second, &http_status)) {
    return http_status;
  }
  if (status.code() == absl::StatusCode::kInvalidArgument && !FieldViolationsOf(status).empty())
    return 422;
  if (absl::IsFailedPrecondition(status)) {
    const auto* const own =
        std::ranges::find(kReasonStatuses, ReasonOf(status), &ReasonStatus::reason);
    if (own != std::end(kReasonStatuses)) return own->http_status;
  }
  return HttpStatusOfCode(status.code());
}

Response RenderProblem(const absl::Status& status, std::string_view instance,
                       std::string_view request_id) {
  const int http_status = HttpStatusOf(status);
  const ErrorMetadata facts = MetadataOf(status);
  const std::string reason = ReasonOrDefault(status);

  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  WriteMember(writer, "type", ProblemType(reason));
  WriteMember(writer, "title", ReasonPhrase(http_status));
  WriteString(writer, "status");
  writer.Int(http_status);
  WriteMember(writer, "detail", DetailOf(status, http_status));
  WriteMember(writer, "instance", instance);
  WriteMember(writer, "code", CodeName(status.code()));
  WriteMember(writer, "requestId", request_id);
  WriteFacts(writer, facts);
  WriteViolations(writer, FieldViolationsOf(status));
  writer.EndObject();

  Response response(http_status, std::string(buffer.GetString(), buffer.GetSize()));
  response.content_type = "application/problem+json";
  if (const std::string_view challenge = ChallengeFor(http_status, reason); !challenge.empty()) {
    response.headers.emplace_back("WWW-Authenticate", challenge);
  }
  if (const std::optional<std::int64_t> seconds = RetryAfterSeconds(facts, reason)) {
    response.headers.emplace_back("Retry-After", StrCat(*seconds));
  }
  return response;
}

absl::Status HttpError(int http_status, std::string_view detail) {
  return WithReason(absl::Status(CodeOfHttpStatus(http_status), ToAbsl(detail)), kHttpErrorReason,
                    {{std::string(kHttpStatusFact), StrCat(http_status)}});
}

}  // namespace scaleout::gateway
