#include "common/grpc_status.h"

#include <string>
#include <string_view>

#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout {
namespace {

// Not within a UTF-8 sequence: half a character would make the JSON it ends up in invalid.
std::string_view Cut(std::string_view text) {
  if (text.size() <= kMaxGrpcMessageBytes) return text;
  std::size_t end = kMaxGrpcMessageBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(Cut(FromAbsl(status.message()))), SerializeDetails(status));
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const int number = static_cast<int>(status.error_code());
  const bool defined = number > 0 && number <= static_cast<int>(grpc::StatusCode::UNAUTHENTICATED);
  absl::Status result(defined ? static_cast<absl::StatusCode>(number) : absl::StatusCode::kUnknown,
                      status.error_message());
  AttachDetails(result, status.error_details());
  return result;
}

}  // namespace scaleout
