#include "services/user/password_hasher.h"

#include <sodium.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "service/overloaded.h"
#include "services/user/random_bytes.h"

namespace scaleout::user {
namespace {

// The lowest: everything else on the machine comes first.
constexpr int kHashNice = 19;
// How often it is looked whether the client of a waiting call has left.
constexpr std::chrono::milliseconds kLookEvery{100};
// Of the mean, the share of the last hash.
constexpr int kMeanShare = 8;
// A call that found no memory is to come again after it.
constexpr std::chrono::seconds kNoMemoryPause{1};

absl::Status NoMemory() {
  return Overloaded("there is no memory for a password's hash", kNoMemoryPause);
}

enum class State { kQueued, kRunning, kDone };

struct Job {
  Job(const CallContext& call_in, const std::string* hash_in, std::string_view password_in)
      : call(call_in), verifies(hash_in != nullptr), password(password_in) {
    if (hash_in != nullptr) hash = *hash_in;
  }
  ~Job() { sodium_memzero(password.data(), password.size()); }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  const CallContext& call;  // lives while the job is queued
  const bool verifies;
  std::string hash;  // to compare with, or the result
  std::string password;
  MonotonicTime until = MonotonicTime::max();  // as its place says
  State state = State::kQueued;
  std::condition_variable done;
  absl::Status status;
  bool matches = false;
};

// Without the lock: the job is running, and its caller only reads it when it is done.
void Run(Job& job, const HashCost& cost) {
  if (job.verifies) {
    const std::optional<bool> matches = MatchesArgon2(job.hash, job.password);
    job.matches = matches.value_or(false);
    if (!matches) job.status = NoMemory();
  } else if (std::optional<std::string> made = MakeArgon2(cost, job.password)) {
    job.hash = *std::move(made);
  } else {
    job.status = NoMemory();
  }
}

}  // namespace

struct PasswordHasher::Impl {
  Impl(const PasswordHasherOptions& options_in, Metrics& metrics, const Clock& clock_in)
      : options(options_in),
        clock(clock_in),
        dummy_hash(DummyArgon2(options.cost)),
        seconds(metrics.AddHistogram("auth_hash_seconds", "Password hashes, without their wait",
                                     LatencyBounds())),
        waiting(metrics.AddGauge("auth_hash_waiting", "Password hashes that wait for a thread")),
        refused(metrics.AddCounter("auth_hash_refused_total",
                                   "Calls that could not wait for a password hash")),
        dropped(metrics.AddCounter("auth_hash_dropped_total",
                                   "Password hashes whose caller had left before their turn")) {}

  // Those that are before one that comes now. Only with `mutex` held, as what follows.
  std::size_t Before() const { return reserved + queue.size() + running; }
  bool HasFreeThread() const { return Before() < static_cast<std::size_t>(options.threads); }
  Duration ExpectedWait() const { return mean * static_cast<int>(Before()) / options.threads; }

  absl::Status Refuse() const {
    refused.Increment();
    return Overloaded("too many logins are waiting",
                      std::chrono::ceil<std::chrono::milliseconds>(std::max(ExpectedWait(), mean)));
  }

  absl::StatusOr<Place> Reserve(const CallContext& call) {
    if (absl::Status status = CheckWanted(call, clock); !status.ok()) return status;
    const std::lock_guard lock(mutex);
    if (HasFreeThread()) return Take(MonotonicTime::max());
    const auto places = static_cast<std::size_t>(options.threads + options.max_queued);
    const Duration time =
        std::min<Duration>(call.deadline.Remaining(clock), kMaxHashTime) - kAfterHash;
    if (Before() >= places || ExpectedWait() + mean > time) return Refuse();
    return Take(clock.Now() + time);
  }

  Place Take(MonotonicTime until) {
    ++reserved;
    return {*this, until};
  }

  bool IsTooLate(const Job& job) const {
    return job.until != MonotonicTime::max() && clock.Now() + mean > job.until;
  }

  // Until the job is done, or the call is over, or there is no time left for the hash.
  absl::Status Await(const std::shared_ptr<Job>& job, Place place) {
    std::unique_lock lock(mutex);
    job->until = place.until_;
    place.impl_ = nullptr;
    --reserved;
    queue.push_back(job);
    waiting.Set(static_cast<double>(queue.size()));
    wake.notify_one();
    while (job->state != State::kDone) {
      absl::Status status = CheckWanted(job->call, clock);
      const bool is_late = job->state == State::kQueued && IsTooLate(*job);
      if (!status.ok() || is_late) {
        const bool was_queued = std::erase(queue, job) != 0;
        waiting.Set(static_cast<double>(queue.size()));
        if (status.ok()) return Refuse();
        if (was_queued) dropped.Increment();
        return status;
      }
      job->done.wait_for(lock, std::min<Duration>(job->call.deadline.Remaining(clock), kLookEvery));
    }
    return job->status;
  }

  void Work() {
    // Of this thread alone, which Linux takes for a process here.
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kHashNice);
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return stopping || !queue.empty(); });
      if (stopping) return;
      const std::shared_ptr<Job> job = std::move(queue.front());
      queue.pop_front();
      waiting.Set(static_cast<double>(queue.size()));
      job->status = CheckWanted(job->call, clock);
      if (!job->status.ok()) {
        dropped.Increment();
      } else if (IsTooLate(*job)) {
        job->status = Refuse();
      } else {
        Hash(*job, lock);
      }
      job->state = State::kDone;
      job->done.notify_one();
    }
  }

  void Hash(Job& job, std::unique_lock<std::mutex>& lock) {
    job.state = State::kRunning;
    ++running;
    lock.unlock();
    const MonotonicTime began = clock.Now();
    if (options.before_hash) options.before_hash();
    Run(job, options.cost);
    const Duration took = clock.Now() - began;
    lock.lock();
    --running;
    // Without memory there was no hash.
    if (!job.status.ok()) return;
    seconds.Observe(std::chrono::duration<double>(took).count());
    mean += (took - mean) / kMeanShare;
  }

  const PasswordHasherOptions options;
  const Clock& clock;
  const std::string dummy_hash;
  Histogram& seconds;
  Gauge& waiting;
  Counter& refused;
  Counter& dropped;

  std::mutex mutex;  // of what follows, and of the jobs
  std::condition_variable wake;
  std::size_t reserved = 0;  // places that are not used yet
  std::deque<std::shared_ptr<Job>> queue;
  std::size_t running = 0;
  Duration mean = kFirstMeanHash;
  bool stopping = false;

  std::vector<std::thread> threads;
};

PasswordHasher::PasswordHasher(const PasswordHasherOptions& options, Metrics& metrics,
                               const Clock& clock)
    : impl_(std::make_unique<Impl>(options, metrics, clock)) {
  StartSodium();
  for (int i = 0; i < options.threads; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->Work(); });
  }
}

PasswordHasher::~PasswordHasher() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

PasswordHasher::Place::Place(Place&& other) noexcept
    : impl_(std::exchange(other.impl_, nullptr)), until_(other.until_) {}

PasswordHasher::Place::~Place() {
  if (impl_ == nullptr) return;
  const std::lock_guard lock(impl_->mutex);
  --impl_->reserved;
}

absl::StatusOr<PasswordHasher::Place> PasswordHasher::Reserve(const CallContext& call) {
  return impl_->Reserve(call);
}

absl::StatusOr<std::string> PasswordHasher::Hash(const CallContext& call,
                                                 std::string_view password) {
  absl::StatusOr<Place> place = Reserve(call);
  if (!place.ok()) return place.status();
  const auto job = std::make_shared<Job>(call, nullptr, password);
  if (absl::Status status = impl_->Await(job, *std::move(place)); !status.ok()) return status;
  return job->hash;
}

absl::StatusOr<bool> PasswordHasher::Verify(Place place, const CallContext& call,
                                            const std::string& hash, std::string_view password) {
  const auto job = std::make_shared<Job>(call, &hash, password);
  if (absl::Status status = impl_->Await(job, std::move(place)); !status.ok()) return status;
  return job->matches;
}

std::optional<std::string> PasswordHasher::Renew(const CallContext& call, const std::string& hash,
                                                 std::string_view password) {
  if (!NeedsRehash(hash)) return std::nullopt;
  Impl& impl = *impl_;
  const Duration time =
      std::min<Duration>(call.deadline.Remaining(impl.clock) - kAfterHash, kMaxRenewTime);
  std::optional<Place> place;
  {
    const std::lock_guard lock(impl.mutex);
    if (!impl.HasFreeThread() || impl.mean > time) return std::nullopt;
    place.emplace(impl.Take(MonotonicTime::max()));
  }
  CallContext hurried = call;
  hurried.deadline = Deadline::In(time, impl.clock);
  const auto job = std::make_shared<Job>(hurried, nullptr, password);
  if (!impl.Await(job, *std::move(place)).ok()) return std::nullopt;
  return job->hash;
}

const std::string& PasswordHasher::dummy_hash() const { return impl_->dummy_hash; }

bool PasswordHasher::NeedsRehash(const std::string& hash) const {
  return HasOtherCost(hash, impl_->options.cost);
}

}  // namespace scaleout::user
