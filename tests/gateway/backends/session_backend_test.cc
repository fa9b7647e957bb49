#include "gateway/backends/session_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "gateway/backends/backends.h"
#include "gateway/backends/coalesced_verb.h"
#include "scaleout/user/v1/auth.grpc.pb.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/request_fixture.h"
#include "tests/support/rpc_server.h"
#include "tests/support/running_task.h"
#include "tests/support/socket_path.h"

namespace scaleout::gateway {
namespace {

using Key = user::v1::CheckSessionsRequest::Key;
using Entry = user::v1::CheckSessionsResponse::Entry;
using ::testing::ElementsAre;
using testing::RunningTask;

// A session lives if it is user 7's, as a customer, and its id begins with "a".
class Sessions final : public user::v1::AuthService::Service {
 public:
  grpc::Status CheckSessions(grpc::ServerContext*, const user::v1::CheckSessionsRequest* request,
                             user::v1::CheckSessionsResponse* response) override {
    {
      const std::lock_guard lock(mutex);
      batches.push_back(request->keys_size());
    }
    if (!failure.ok()) return failure;
    for (const Key& key : request->keys()) {
      Entry& entry = *response->add_entries();
      if (malformed) continue;
      entry.set_alive(key.user_id() == 7 && key.role() == rpc::v1::ROLE_CUSTOMER &&
                      key.session_id()[0] == 'a');
    }
    return grpc::Status::OK;
  }
  grpc::Status ListRevocations(grpc::ServerContext*,
                               const user::v1::ListRevocationsRequest* request,
                               user::v1::ListRevocationsResponse* response) override {
    response->add_session_ids("after " + request->page_token());
    return grpc::Status::OK;
  }

  std::mutex mutex;
  std::vector<int> batches;  // how many keys each had
  grpc::Status failure;
  std::atomic<bool> malformed{false};
};

class SessionBackendTest : public ::testing::Test {
 protected:
  SessionBackendTest() {
    fixture_.context.deadline = fixture_.clock.Now() + std::chrono::seconds(30);
    EXPECT_TRUE(backends_.WaitUntilConnected(std::chrono::seconds(10)));
  }
  ~SessionBackendTest() override { backends_.WaitForCallbacks(); }

  static Key MakeKey(const std::string& id, std::int64_t user = 7,
                     rpc::v1::Role role = rpc::v1::ROLE_CUSTOMER) {
    Key key;
    key.set_session_id(id);
    key.set_user_id(user);
    key.set_role(role);
    return key;
  }

  // "alive", "ended" or the code of the status, in the order of the keys, asked in one turn.
  std::vector<std::string> Check(const SessionBackend& backend, const std::vector<Key>& keys) {
    std::vector<std::unique_ptr<RunningTask<absl::StatusOr<Entry>>>> checks;
    for (const Key& key : keys) {
      checks.push_back(std::make_unique<RunningTask<absl::StatusOr<Entry>>>(
          backend.CheckSession(fixture_.context, key)));
    }
    EXPECT_TRUE(fixture_.loop.RunUntil([&] {
      return std::ranges::all_of(checks, [](const auto& check) { return check->done(); });
    }));
    std::vector<std::string> results;
    for (const auto& check : checks) {
      const absl::StatusOr<Entry>& answer = check->value();
      results.push_back(!answer.ok()      ? absl::StatusCodeToString(answer.status().code())
                        : answer->alive() ? "alive"
                                          : "ended");
    }
    return results;
  }

  const std::string alive_ = std::string(32, 'a');
  const std::string ended_ = std::string(32, 'b');
  Sessions sessions_;
  testing::SocketPath path_;
  testing::RpcServer server_{path_.target(), {&sessions_}};
  testing::RequestFixture fixture_;
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeLogger logger_;
  testing::GuardFixture guards_{fixture_.clock, *metrics_, logger_};
  Backends backends_ = MakeBackends({{"user", path_.target()}}, guards_.parts());
  const CoalescingParts parts_{{}, {&fixture_.loop}, fixture_.clock, logger_};
};

TEST_F(SessionBackendTest, SessionsAreCheckedTogetherAndEqualQuestionsOnce) {
  const SessionBackend backend = MakeSessionBackend(backends_.Get("user"), &parts_);
  EXPECT_THAT(Check(backend, {MakeKey(alive_), MakeKey(ended_), MakeKey(alive_, 8),
                              MakeKey(alive_, 7, rpc::v1::ROLE_ADMIN), MakeKey(alive_)}),
              ElementsAre("alive", "ended", "ended", "ended", "alive"));
  EXPECT_THAT(sessions_.batches, ElementsAre(4));
}

TEST_F(SessionBackendTest, OneSessionIsABatchOfOne) {
  const SessionBackend coalesced = MakeSessionBackend(backends_.Get("user"), &parts_);
  EXPECT_THAT(Check(coalesced, {MakeKey(alive_)}), ElementsAre("alive"));
  EXPECT_THAT(Check(coalesced, {MakeKey(ended_)}), ElementsAre("ended"));
  const SessionBackend plain = MakeSessionBackend(backends_.Get("user"));
  EXPECT_THAT(Check(plain, {MakeKey(alive_), MakeKey(ended_)}), ElementsAre("alive", "ended"));
  EXPECT_THAT(sessions_.batches, ElementsAre(1, 1, 1, 1));
}

TEST_F(SessionBackendTest, WhatTheServiceWouldRefuseIsItsToRefuse) {
  const SessionBackend backend = MakeSessionBackend(backends_.Get("user"), &parts_);
  EXPECT_THAT(Check(backend, {MakeKey("b"), MakeKey(alive_, 0)}), ElementsAre("ended", "ended"));
  EXPECT_THAT(sessions_.batches, ElementsAre(1, 1));
}

TEST_F(SessionBackendTest, ErrorIsNoAnswer) {
  const SessionBackend backend = MakeSessionBackend(backends_.Get("user"), &parts_);
  sessions_.failure = {grpc::StatusCode::PERMISSION_DENIED, "no"};
  EXPECT_THAT(Check(backend, {MakeKey(alive_)}), ElementsAre("PERMISSION_DENIED"));
  EXPECT_THAT(Check(backend, {MakeKey(alive_), MakeKey(ended_)}),
              ElementsAre("PERMISSION_DENIED", "PERMISSION_DENIED"));
  sessions_.failure = grpc::Status::OK;
  sessions_.malformed = true;
  EXPECT_THAT(Check(backend, {MakeKey(alive_)}), ElementsAre("INTERNAL"));
}

TEST_F(SessionBackendTest, ListsRevocations) {
  const SessionBackend backend = MakeSessionBackend(backends_.Get("user"), &parts_);
  user::v1::ListRevocationsRequest request;
  request.set_page_token("x");
  RunningTask<absl::StatusOr<user::v1::ListRevocationsResponse>> listing(
      backend.ListRevocations(fixture_.context, request));
  ASSERT_TRUE(fixture_.loop.RunUntil([&] { return listing.done(); }));
  ASSERT_TRUE(listing.value().ok()) << listing.value().status();
  EXPECT_THAT(listing.value()->session_ids(), ElementsAre("after x"));
}

}  // namespace
}  // namespace scaleout::gateway
