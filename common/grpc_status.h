// The door between absl::Status and grpc::Status: same codes, same message, details kept
// (grpc-status-details-bin). A message longer than kMaxGrpcMessageBytes is cut, as a peer refuses
// metadata over 8 KiB and the message is percent-encoded on the way. Pure and thread-safe.
#ifndef SCALEOUT_COMMON_GRPC_STATUS_H_
#define SCALEOUT_COMMON_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <cstddef>

#include "absl/status/status.h"

namespace scaleout {

inline constexpr std::size_t kMaxGrpcMessageBytes = 1024;

grpc::Status ToGrpcStatus(const absl::Status& status);
// A code that gRPC does not define is UNKNOWN.
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_GRPC_STATUS_H_
