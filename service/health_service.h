// grpc.health.v1 of a service, with a shutdown that the channels of its clients can follow.
//
// Check and Watch answer for the names that were set. kRoutingHealth (common/routing_health.h) is
// watched by the gateways' channels: SERVING from the start, until Leave. Leave ends those streams,
// and leaves every new Watch of that name unanswered: a channel then counts this replica as one
// that is connecting, sends its calls to others, and where there is no other lets them wait until
// it has connected anew, which the server's GOAWAY makes it do soon. (NOT_SERVING would make such
// calls fail.) gRPC's own health service can only answer. Thread-safe; outlives the server.
#ifndef SCALEOUT_SERVICE_HEALTH_SERVICE_H_
#define SCALEOUT_SERVICE_HEALTH_SERVICE_H_

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "grpc/health/v1/health.grpc.pb.h"

namespace scaleout {

class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  HealthService();
  ~HealthService() override;

  void Set(std::string_view name, bool serving);
  void Leave();
  // Ends every stream, those to come too, so that the server can shut down.
  void End();

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request) override;

 private:
  class Watcher;

  std::mutex mutex_;
  std::map<std::string, bool, std::less<>> serving_;
  std::set<Watcher*> watchers_;
  bool leaving_ = false;
  bool ended_ = false;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_HEALTH_SERVICE_H_
