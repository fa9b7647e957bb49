// Sends what gRPC's library logs to a Logger, while an object of it lives.
//
// gRPC writes to stderr otherwise: lines that are no JSON, with a level and a form of their own. At
// most one line each 100 ms; "heldBack" counts the others. How much gRPC says is its own setting
// (GRPC_VERBOSITY; errors only by default). gRPC has one log for the process, so there is at most
// one object at a time, made by the program's composition root; the logger outlives it. Thread-safe
// against gRPC's threads, which may still log when the object ends.
#ifndef SCALEOUT_COMMON_GRPC_LOG_H_
#define SCALEOUT_COMMON_GRPC_LOG_H_

#include "common/log.h"

namespace scaleout {

class GrpcLog {
 public:
  explicit GrpcLog(Logger& logger);
  GrpcLog(const GrpcLog&) = delete;
  GrpcLog& operator=(const GrpcLog&) = delete;
  // gRPC writes to stderr again.
  ~GrpcLog();
};

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_GRPC_LOG_H_
