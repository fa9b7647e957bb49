// Batch reads through gRPC as clients have it, with the message limit that gRPC's clients have by
// default: for the largest answers that the contracts allow. Everything is asked for by the lab.
#ifndef SCALEOUT_TESTS_INTEGRATION_BATCH_ANSWERS_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_BATCH_ANSWERS_FIXTURE_H_

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/grpc_status.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "service/service_calls.h"
#include "tests/support/principals.h"
#include "tests/support/rpc_server.h"
#include "tests/support/socket_path.h"

namespace scaleout::testing {

using rpc::v1::kMaxBatchAnswerBytes;
using rpc::v1::kMaxBatchKeys;
using rpc::v1::kMaxId;

// The longest text of `characters` characters.
inline std::string Longest(std::size_t characters) {
  std::string text;
  for (std::size_t i = 0; i < characters; ++i) text += "\U0001F4E6";
  return text;
}

// With as many digits as a time of this century has.
inline constexpr WallTime kTime{std::chrono::microseconds(1'999'999'999'999'999)};

class BatchAnswersFixture : public ::testing::Test {
 protected:
  // The services under test.
  void Serve(const std::vector<grpc::Service*>& services) {
    server_.emplace(socket_.target(), services);
  }

  // The workers end before what they use is destroyed, as in ServiceHost.
  void TearDown() override {
    server_->server().Shutdown(std::chrono::system_clock::now());
    workers_.Stop();
    server_.reset();
  }

  std::shared_ptr<grpc::Channel> Channel() const {
    return grpc::CreateChannel(socket_.target(), grpc::InsecureChannelCredentials());
  }

  // The most keys, each with the most digits.
  template <typename Request, typename SetId>
  static Request LargestBatch(SetId set_id) {
    Request request;
    for (std::size_t i = 0; i < kMaxBatchKeys; ++i) {
      (request.add_keys()->*set_id)(kMaxId - static_cast<std::int64_t>(i));
    }
    return request;
  }

  template <typename Stub, typename Request, typename Response>
  static Response Ask(Stub& stub,
                      grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, Response*),
                      const Request& request) {
    Response response;
    grpc::ClientContext context;
    const grpc::Status status = (stub.*rpc)(&context, ByLab(request), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  template <typename Response>
  static int CountTooLarge(const Response& response) {
    return static_cast<int>(std::ranges::count_if(response.entries(), [](const auto& entry) {
      return entry.has_error() && entry.error().reason() == rpc::v1::kEntryTooLarge &&
             entry.error().code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
    }));
  }

  template <typename Response>
  static void ExpectThatAllFit(const Response& response) {
    EXPECT_EQ(response.entries_size(), static_cast<int>(kMaxBatchKeys));
    for (const auto& entry : response.entries()) EXPECT_FALSE(entry.has_error());
    EXPECT_LE(response.ByteSizeLong(), kMaxBatchAnswerBytes);
  }

  ServiceCalls& calls() { return calls_; }

 private:
  const SocketPath socket_;
  const std::unique_ptr<Logger> logger_ = MakeNullLogger();
  const std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  WorkerPool workers_{1, 1};
  ServiceCalls calls_{workers_, *logger_, *metrics_, SystemClock()};
  std::optional<RpcServer> server_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_INTEGRATION_BATCH_ANSWERS_FIXTURE_H_
