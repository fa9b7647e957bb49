// Whatever happens in whatever order, every caller gets its own answer or its own error, exactly
// once and in time, and nothing is left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <vector>

#include "gateway/runtime/loop_lag_monitor.h"
#include "tests/gateway/backends/coalescer_fixture.h"

namespace scaleout::gateway {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr int kRuns = 200;
constexpr int kStepsPerRun = 300;

class CoalescerPropertyTest : public CoalescerTest, public ::testing::WithParamInterface<int> {
 protected:
  int Draw(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  void Configure() {
    config_.max_keys = 1 + static_cast<std::size_t>(Draw(8));
    config_.eager_keys = 1 + static_cast<std::size_t>(Draw(static_cast<int>(config_.max_keys)));
    config_.max_in_flight = 1 + static_cast<std::size_t>(Draw(4));
    config_.max_wait = microseconds(Draw(1000));
    config_.max_waiting = 1 + Draw(40);
    for (int i = 0; i < 3; ++i) {
      service_.missing.insert(1 + Draw(kIds));
      service_.too_large.insert(1 + Draw(kIds));
    }
    if (Draw(2) == 0) service_.poisonous.insert(1 + Draw(kIds));
    service_.forgets_an_entry = Draw(20) == 0;
  }

  void TakeStep() {
    switch (Draw(8)) {
      case 0:
      case 1:
      case 2:
        for (int i = Draw(6); i >= 0; --i)
          Ask(1 + Draw(kIds), milliseconds(Draw(100)), DrawPrincipal());
        return;
      case 3:
        EndTurn();
        return;
      case 4:
        Advance(microseconds(Draw(3'000)));
        return;
      case 5:
        if (!service_.open.empty()) service_.Answer(OpenCall());
        return;
      case 6:
        if (!service_.open.empty() && Draw(3) == 0) FailACall();
        return;
      default:
        if (Draw(3) == 0) LeaveAsAClient();
        return;
    }
  }

  // Of one user in both roles, another one, and the lab.
  Principal DrawPrincipal() {
    constexpr Principal kPrincipals[] = {
        {7, Role::kCustomer}, {7, Role::kAdmin}, {8, Role::kCustomer}, kLabPrincipal};
    return kPrincipals[Draw(4)];
  }

  HeldUserService::Call& OpenCall() {
    return *service_.open[static_cast<std::size_t>(Draw(static_cast<int>(service_.open.size())))];
  }

  void FailACall() {
    constexpr absl::StatusCode kCodes[] = {
        absl::StatusCode::kUnavailable,    absl::StatusCode::kDeadlineExceeded,
        absl::StatusCode::kInternal,       absl::StatusCode::kUnknown,
        absl::StatusCode::kAborted,        absl::StatusCode::kUnimplemented,
        absl::StatusCode::kInvalidArgument};
    HeldUserService::Call& call = OpenCall();
    const absl::StatusCode code = kCodes[Draw(7)];
    for (const std::int64_t id : call.ids) failed_.emplace(id, code);
    HeldUserService::Fail(call, absl::Status(code, "failed by the test"));
  }

  void LeaveAsAClient() {
    std::vector<Client*> waiting;
    for (Client& client : clients_) {
      if (!client.done()) waiting.push_back(&client);
    }
    if (waiting.empty()) return;
    Client& client = *waiting[static_cast<std::size_t>(Draw(static_cast<int>(waiting.size())))];
    left_.insert(&client);
    client.context.cancellation.Cancel();
  }

  // A caller never waits for longer than to the second tick after its deadline. The calls of this
  // service end at theirs.
  void ExpectThatNoneIsLate() {
    for (Client& client : clients_) {
      EXPECT_TRUE(client.done() || clock_.Now() < client.context.deadline + 2 * kLagTick)
          << client.id;
    }
  }

  void ExpectOwnOutcome(Client& client) {
    ASSERT_TRUE(client.done());
    const absl::StatusCode code = client.code();
    switch (code) {
      case absl::StatusCode::kOk:
        ExpectAnswer(client);
        EXPECT_FALSE(service_.missing.contains(client.id));
        return;
      case absl::StatusCode::kNotFound:
        EXPECT_EQ(client.answer().status(),
                  absl::NotFoundError(StrCat("there is no user ", client.id)));
        EXPECT_TRUE(service_.missing.contains(client.id));
        return;
      case absl::StatusCode::kCancelled:
        EXPECT_TRUE(left_.contains(&client));
        return;
      case absl::StatusCode::kDeadlineExceeded:
        EXPECT_TRUE(clock_.Now() >= client.context.deadline || WasFailed(client, code));
        return;
      case absl::StatusCode::kUnavailable:
        EXPECT_TRUE(ReasonOf(client.answer().status()) == "TOO_MANY_READS" ||
                    WasFailed(client, code));
        return;
      case absl::StatusCode::kInternal:
        // Of a batch with a poisonous key, once the budget for halves is spent; or one that the
        // test failed with INVALID_ARGUMENT.
        EXPECT_TRUE(!service_.poisonous.empty() || service_.forgets_an_entry ||
                    WasFailed(client, code) ||
                    WasFailed(client, absl::StatusCode::kInvalidArgument));
        return;
      default:
        EXPECT_TRUE(WasFailed(client, code)) << client.answer().status();
    }
  }

  bool WasFailed(const Client& client, absl::StatusCode code) const {
    return failed_.contains({client.id, code});
  }

  static constexpr int kIds = 25;

  std::mt19937 random_{static_cast<unsigned>(GetParam())};
  std::set<std::pair<std::int64_t, absl::StatusCode>> failed_;
  std::set<const Client*> left_;
};

TEST_P(CoalescerPropertyTest, EveryCallerGetsItsOwnOutcome) {
  Configure();
  for (int step = 0; step < kStepsPerRun; ++step) {
    TakeStep();
    if (step % 16 == 0) {
      EndTurn();
      ExpectThatNoneIsLate();
    }
  }
  EndTurn();
  // Half of the runs end with answers, the others by the clients' deadlines.
  if (GetParam() % 2 == 0) AnswerAll();
  for (int i = 0; i < 40 && !std::ranges::all_of(clients_, &Client::done); ++i) {
    Advance(milliseconds(10));
  }
  for (Client& client : clients_) ExpectOwnOutcome(client);
  EXPECT_TRUE(service_.open.empty());
  EXPECT_EQ(counts().in_flight, 0);
  Advance(config_.max_wait * static_cast<int>(config_.max_in_flight));
  EXPECT_EQ(loop_.timers(), 0U) << "every timer has run or was cancelled";
  EXPECT_EQ(loop_.posted(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Runs, CoalescerPropertyTest, ::testing::Range(0, kRuns));

}  // namespace
}  // namespace scaleout::gateway
