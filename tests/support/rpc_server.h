// A gRPC server in the test's own process, and a socket that is no gRPC server at all.
#ifndef SCALEOUT_TESTS_SUPPORT_RPC_SERVER_H_
#define SCALEOUT_TESTS_SUPPORT_RPC_SERVER_H_

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/routing_health.h"

namespace scaleout::testing {

class RpcServer {
 public:
  RpcServer(const std::string& target, const std::vector<grpc::Service*>& services) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(target, grpc::InsecureServerCredentials());
    for (grpc::Service* service : services) builder.RegisterService(service);
    server_ = builder.BuildAndStart();
    if (auto* health = server_->GetHealthCheckService(); health != nullptr) {
      health->SetServingStatus(kRoutingHealth, true);
    }
  }
  ~RpcServer() { Kill(); }

  // Ends every call and connection now.
  void Kill() {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  grpc::Server& server() { return *server_; }

 private:
  std::unique_ptr<grpc::Server> server_;
};

// Accepts connections and says nothing, as a process does that is stopped.
class SilentServer {
 public:
  explicit SilentServer(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd_, 16), 0);
  }
  ~SilentServer() { close(fd_); }

 private:
  const int fd_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_RPC_SERVER_H_
