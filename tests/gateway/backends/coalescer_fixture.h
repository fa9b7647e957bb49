// Reads of users, coalesced, from a service that is no process: it holds every call until the test
// ends it, and knows every user but those that the test names. Each answer names its reader. As a
// real call, one of its calls ends by itself when its context is cancelled, or at its deadline.
#ifndef SCALEOUT_TESTS_GATEWAY_BACKENDS_COALESCER_FIXTURE_H_
#define SCALEOUT_TESTS_GATEWAY_BACKENDS_COALESCER_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/metrics.h"
#include "common/principal.h"
#include "common/str_cat.h"
#include "gateway/backends/backend.h"
#include "gateway/backends/coalesced_verb.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"
#include "scaleout/user/v1/user.pb.h"
#include "tests/support/fake_backends.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_logger.h"
#include "tests/support/guard_fixture.h"
#include "tests/support/manual_executor.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {

// Each thousand of ids has a page size of its own, as the lists of some users could have.
inline constexpr std::int64_t kIdsOfPageSize = 1000;

struct UserReads {
  static std::optional<ReadKey> FindKey(const user::v1::GetUserRequest& request) {
    std::optional<ReadKey> key = FindItemKey(request.user_id());
    if (key) key->page_size = static_cast<std::int32_t>(key->id / kIdsOfPageSize);
    return key;
  }
  static user::v1::GetUserRequest RequestOf(const ReadKey& key) {
    user::v1::GetUserRequest request;
    request.set_user_id(key.id);
    return request;
  }
  static void AddKey(const ReadKey& key, user::v1::BatchGetUsersRequest& batch) {
    batch.add_keys()->set_user_id(key.id);
  }
  static bool TakeAnswer(user::v1::BatchGetUsersResponse::Entry& entry,
                         user::v1::GetUserResponse& answer) {
    if (!entry.has_user()) return false;
    answer.set_allocated_user(entry.release_user());
    return true;
  }
};

class HeldUserService {
 public:
  using One = user::v1::GetUserResponse;
  using Batch = user::v1::BatchGetUsersResponse;

  explicit HeldUserService(BackendGuard& guard) : guard_(guard) {}

  // One key: what is read, on whose behalf.
  struct Asked {
    std::int64_t id;
    Principal by;
    friend bool operator==(const Asked&, const Asked&) = default;
  };
  static std::vector<std::int64_t> IdsOf(const std::vector<Asked>& keys) {
    std::vector<std::int64_t> ids;
    for (const Asked& key : keys) ids.push_back(key.id);
    return ids;
  }

  // A call that has not ended.
  class Call final : public TimerJob, public CancelListener {
   public:
    Call(HeldUserService& service, RequestContext& context, const std::vector<Asked>& keys,
         bool is_batch_in)
        : ids(IdsOf(keys)), is_batch(is_batch_in), context_(context), service_(service) {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) {
      awaiter_ = awaiter;
      service_.open.push_back(this);
      context_.loop.After(context_.Remaining(), *this);
      context_.cancellation.Add(*this);
    }
    absl::Status await_resume() { return outcome_; }

    const RequestContext& context() const { return context_; }

    const std::vector<std::int64_t> ids;
    const bool is_batch;

   private:
    friend class HeldUserService;
    void End(absl::Status outcome) {
      if (over_) return;
      over_ = true;
      outcome_ = std::move(outcome);
      std::erase(service_.open, this);
      context_.loop.Cancel(*this);
      context_.loop.Post(*this);
    }
    void Run() override {
      if (over_) return awaiter_.resume();
      over_ = true;
      outcome_ = absl::DeadlineExceededError("The user service did not answer in time.");
      std::erase(service_.open, this);
      awaiter_.resume();
    }
    void OnCancel() override {
      ++service_.cancelled;
      End(absl::CancelledError("The client is gone."));
    }

    RequestContext& context_;
    HeldUserService& service_;
    absl::Status outcome_;
    bool over_ = false;
    std::coroutine_handle<> awaiter_;
  };

  Verb<user::v1::GetUserRequest, One> one() {
    return [this](RequestContext& context, user::v1::GetUserRequest request) {
      return AskOne(context, {request.user_id(), FromProto(request.principal())});
    };
  }
  Verb<user::v1::BatchGetUsersRequest, Batch> batch() {
    return [this](RequestContext& context, user::v1::BatchGetUsersRequest request) {
      std::vector<Asked> keys;
      for (const auto& key : request.keys()) {
        keys.push_back({key.user_id(), FromProto(key.principal())});
      }
      return AskBatch(context, std::move(keys));
    };
  }

  // What the answer for one reader says.
  static std::string NameFor(std::int64_t id, const Principal& by) {
    return StrCat("name of ", id, " for ", RoleName(by.role), by.user_id, by.lab ? " lab" : "");
  }

  // Ends the call as the service would: with its answer, or INTERNAL if a poisonous key is in it.
  void Answer(Call& call) {
    const bool fails =
        std::ranges::any_of(call.ids, [this](std::int64_t id) { return poisonous.contains(id); });
    call.End(fails ? absl::InternalError("the service failed") : absl::OkStatus());
  }
  static void Fail(Call& call, absl::Status status) { call.End(std::move(status)); }

  std::vector<Call*> open;                       // in the order in which they came
  std::vector<std::vector<std::int64_t>> asked;  // the ids of every call so far
  std::vector<std::vector<Asked>> asked_keys;    // the same with their principals
  int cancelled = 0;                             // calls
  std::set<std::int64_t> missing;                // NOT_FOUND
  std::set<std::int64_t> poisonous;              // fail every call that they are in
  std::set<std::int64_t> too_large;              // in a batch
  bool forgets_an_entry = false;                 // batches lack their last entry

 private:
  static absl::Status NotFound(std::int64_t id) {
    return absl::NotFoundError(StrCat("there is no user ", id));
  }
  static void Fill(const Asked& key, user::v1::User& user) {
    user.set_id(key.id);
    user.set_name(NameFor(key.id, key.by));
  }

  BackendGuard& guard_;

  Task<absl::StatusOr<One>> AskOne(RequestContext& context, Asked key) {
    asked.push_back({key.id});
    asked_keys.push_back({key});
    Call call(*this, context, {key}, false);
    const absl::Status status = co_await call;
    if (!status.ok()) co_return status;
    if (missing.contains(key.id)) co_return NotFound(key.id);
    One answer;
    Fill(key, *answer.mutable_user());
    co_return answer;
  }

  Task<absl::StatusOr<Batch>> AskBatch(RequestContext& context, std::vector<Asked> of_call) {
    asked.push_back(IdsOf(of_call));
    asked_keys.push_back(of_call);
    Call call(*this, context, of_call, true);
    const absl::Status status = co_await call;
    if (!status.ok()) {
      // As the guarded call does.
      context.shared->divided = context.shared->divisible && guard_.MayDivide(status);
      co_return status;
    }
    Batch answer;
    for (const Asked& key : of_call) {
      const std::int64_t id = key.id;
      Batch::Entry& entry = *answer.add_entries();
      if (missing.contains(id)) {
        entry.mutable_error()->set_code(static_cast<int>(absl::StatusCode::kNotFound));
        entry.mutable_error()->set_message(std::string(NotFound(id).message()));
      } else if (too_large.contains(id)) {
        entry.mutable_error()->set_code(static_cast<int>(absl::StatusCode::kResourceExhausted));
        entry.mutable_error()->set_reason("ENTRY_TOO_LARGE");
      } else {
        Fill(key, *entry.mutable_user());
      }
    }
    if (forgets_an_entry) answer.mutable_entries()->RemoveLast();
    co_return answer;
  }
};

class CoalescerTest : public ::testing::Test {
 protected:
  using Answer = absl::StatusOr<user::v1::GetUserResponse>;

  // A task that waits for an answer cannot be destroyed.
  ~CoalescerTest() override { AnswerAll(); }

  // A request that reads one user.
  struct Client {
    Client(CoalescerTest& test, std::int64_t id_in, Duration patience, const Principal& principal)
        : id(id_in), context(test.loop_, test.clock_) {
      context.principal = principal;
      context.deadline = test.clock_.Now() + patience;
      context.request_id = StrCat("request-", id, "-", test.clients_.size());
      user::v1::GetUserRequest request;
      request.set_user_id(id);
      reading.emplace(test.Verb()(context, std::move(request)));
    }

    bool done() const { return reading->done(); }
    const Answer& answer() { return reading->value(); }
    absl::StatusCode code() { return answer().status().code(); }

    const std::int64_t id;
    RequestContext context;
    std::optional<testing::RunningTask<Answer>> reading;
  };

  // The verb under test, made of the configuration when it is first asked for.
  const gateway::Verb<user::v1::GetUserRequest, user::v1::GetUserResponse>& Verb() {
    if (!verb_) {
      verb_ = Coalesce<UserReads>(
          CoalescingParts{config_, {&loop_}, clock_, logger_}, backend_,
          std::make_shared<RpcMethod>(backend_.guard, "GetUser", Repeat::kSafe, Timed::kReads),
          CoalescedVerbs<user::v1::GetUserRequest, user::v1::GetUserResponse,
                         user::v1::BatchGetUsersRequest, user::v1::BatchGetUsersResponse>{
              service_.one(), service_.one(), service_.batch()});
    }
    return verb_;
  }

  // Begins a read in the current turn.
  Client& Ask(std::int64_t id, Duration patience = std::chrono::seconds(3),
              const Principal& principal = {}) {
    return clients_.emplace_back(*this, id, patience, principal);
  }
  Client& AskAs(const Principal& principal, std::int64_t id) {
    return Ask(id, std::chrono::seconds(3), principal);
  }
  // So many, of ids from `first`.
  void AskRange(std::int64_t first, int count) {
    for (int i = 0; i < count; ++i) Ask(first + i);
  }
  // To the end of the turn, and of those that follow at once.
  void EndTurn() { loop_.Run(); }
  // Puts so many calls in flight, of the users 1, 2 and so on.
  void SendBatches(int count) {
    for (int in_flight = 0; in_flight < count; ++in_flight) {
      Ask(in_flight + 1);
      EndTurn();
      Advance(config_.max_wait * in_flight);
    }
  }
  void Advance(Duration time) {
    clock_.Advance(time);
    loop_.Run();
  }
  // Answers every call, and those that come of it.
  void AnswerAll() {
    while (!service_.open.empty()) {
      service_.Answer(*service_.open.front());
      loop_.Run();
    }
  }
  // Has the service fail the keys from `first` to `last`, two in a batch, so that they are kept
  // apart.
  void FailPairs(std::int64_t first, std::int64_t last) {
    for (std::int64_t id = first; id < last; id += 2) {
      service_.poisonous = {id, id + 1};
      // What pays for a split.
      for (int call = 0; call < 5; ++call) backend_.guard.retry_budget().Deposit();
      AskRange(id, 2);
      EndTurn();
      AnswerAll();
    }
  }
  CoalescerCounts counts() { return backend_.coalescers.front().counts(); }
  std::uint64_t Timed(std::string_view method, std::string_view code) {
    return metrics_
        ->AddHistogram(
            "rpc_client_call_duration_seconds", "", LatencyBounds(),
            {{"backend", "user"}, {"method", std::string(method)}, {"code", std::string(code)}})
        .count();
  }
  void ExpectAnswer(Client& client) {
    ASSERT_TRUE(client.done()) << client.id;
    ASSERT_TRUE(client.answer().ok()) << client.answer().status();
    EXPECT_EQ(client.answer()->user().id(), client.id);
    EXPECT_EQ(client.answer()->user().name(),
              HeldUserService::NameFor(client.id, client.context.principal));
  }

  testing::FakeClock clock_;
  testing::ManualExecutor loop_{clock_};
  std::unique_ptr<Metrics> metrics_ = MakeMetrics();
  testing::FakeLogger logger_;
  testing::GuardFixture guards_{clock_, *metrics_, logger_};
  Backend backend_{"user", guards_.parts(),
                   std::make_unique<testing::FakeBackendHealth>(ServingState::kServing)};
  CoalescerConfig config_;
  HeldUserService service_{backend_.guard};
  std::list<Client> clients_;

 private:
  gateway::Verb<user::v1::GetUserRequest, user::v1::GetUserResponse> verb_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_TESTS_GATEWAY_BACKENDS_COALESCER_FIXTURE_H_
