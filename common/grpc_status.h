// The door between absl::Status and grpc::Status: same codes, same message, details kept (grpc-status-details-bin).
#ifndef SCALEOUT_COMMON_GRPC_STATUS_H_
#define SCALEOUT_COMMON_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace scaleout {

grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_GRPC_STATUS_H_
