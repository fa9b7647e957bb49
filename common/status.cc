#include "common/status.h"

#include <optional>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scaleout/rpc/v1/error_details.pb.h"

namespace scaleout {
namespace {

constexpr char kDetailsUrl[] = "type.googleapis.com/scaleout.rpc.v1.ErrorDetails";

rpc::v1::ErrorDetails DetailsOf(const absl::Status& status) {
  rpc::v1::ErrorDetails details;
  if (const auto payload = status.GetPayload(kDetailsUrl)) {
    details.ParseFromString(std::string(*payload));
  }
  return details;
}

void SetDetails(absl::Status& status, const rpc::v1::ErrorDetails& details) {
  status.SetPayload(kDetailsUrl, absl::Cord(details.SerializeAsString()));
}

std::string InvalidFields(const rpc::v1::ErrorDetails& details) {
  const std::string names =
      absl::StrJoin(details.field_violations(), ", ", [](std::string* out, const auto& refused) {
        absl::StrAppend(out, refused.field().empty() ? "the request" : refused.field());
      });
  return absl::StrCat(details.field_violations_size() == 1 ? "invalid field: " : "invalid fields: ",
                      names);
}

}  // namespace

absl::Status CheckFields(std::vector<FieldViolation> violations) {
  if (violations.empty()) return absl::OkStatus();
  if (violations.size() > kMaxListedFields) {
    const std::size_t more = violations.size() - kMaxListedFields;
    violations.resize(kMaxListedFields, FieldViolation("", ""));
    violations.emplace_back("", absl::StrCat("has ", more, " more invalid fields"));
  }
  rpc::v1::ErrorDetails details;
  for (FieldViolation& violation : violations) {
    rpc::v1::FieldViolation* refused = details.add_field_violations();
    refused->set_field(std::move(violation.field));
    refused->set_detail(std::move(violation.detail));
  }
  absl::Status status = absl::InvalidArgumentError(InvalidFields(details));
  SetDetails(status, details);
  return status;
}

std::vector<FieldViolation> FieldViolationsOf(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  const rpc::v1::ErrorDetails details = DetailsOf(status);
  for (const rpc::v1::FieldViolation& refused : details.field_violations()) {
    violations.emplace_back(refused.field(), refused.detail());
  }
  return violations;
}

absl::Status RenameFields(const absl::Status& status,
                          const std::function<std::string(std::string_view)>& rename) {
  rpc::v1::ErrorDetails details = DetailsOf(status);
  if (details.field_violations().empty()) return status;
  for (rpc::v1::FieldViolation& refused : *details.mutable_field_violations()) {
    refused.set_field(rename(refused.field()));
  }
  absl::Status renamed = status;
  if (absl::IsInvalidArgument(status)) {
    renamed = absl::InvalidArgumentError(InvalidFields(details));
  }
  SetDetails(renamed, details);
  return renamed;
}

absl::Status WithReason(absl::Status status, std::string_view reason,
                        const ErrorMetadata& metadata) {
  rpc::v1::ErrorDetails details = DetailsOf(status);
  details.set_reason(std::string(reason));
  for (const auto& [name, value] : metadata) (*details.mutable_metadata())[name] = value;
  SetDetails(status, details);
  return status;
}

std::string ReasonOf(const absl::Status& status) { return DetailsOf(status).reason(); }

ErrorMetadata MetadataOf(const absl::Status& status) {
  const rpc::v1::ErrorDetails details = DetailsOf(status);
  return ErrorMetadata(details.metadata().begin(), details.metadata().end());
}

std::string_view CodeName(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return "OK";
    case absl::StatusCode::kCancelled:
      return "CANCELLED";
    case absl::StatusCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case absl::StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case absl::StatusCode::kNotFound:
      return "NOT_FOUND";
    case absl::StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case absl::StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case absl::StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case absl::StatusCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case absl::StatusCode::kAborted:
      return "ABORTED";
    case absl::StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case absl::StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case absl::StatusCode::kInternal:
      return "INTERNAL";
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case absl::StatusCode::kDataLoss:
      return "DATA_LOSS";
    case absl::StatusCode::kUnauthenticated:
      return "UNAUTHENTICATED";
    default:
      return "UNKNOWN";
  }
}

std::string SerializeDetails(const absl::Status& status) {
  rpc::v1::ErrorDetails details = DetailsOf(status);
  while (details.ByteSizeLong() > kMaxDetailsBytes && details.field_violations_size() > 0) {
    details.mutable_field_violations()->RemoveLast();
  }
  return details.SerializeAsString();
}

void AttachDetails(absl::Status& status, std::string_view serialized) {
  rpc::v1::ErrorDetails details;
  if (serialized.empty() || !details.ParseFromString(std::string(serialized))) return;
  SetDetails(status, details);
}

}  // namespace scaleout
