#include "services/user/password_hasher.h"

#include <sodium.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/str_cat.h"
#include "services/user/random_bytes.h"

namespace scaleout::user {
namespace {

// The lowest: everything else on the machine comes first.
constexpr int kHashNice = 19;
// How often it is looked whether the client of a waiting call has left.
constexpr std::chrono::milliseconds kLookEvery{100};
// Of the mean, the share of the last hash.
constexpr int kMeanShare = 8;
// "$argon2id$v=19$m=19456,t=2,p=1$" is followed by 16 bytes of salt and 32 of hash, in base64.
constexpr std::string_view kNoSalt = "AAAAAAAAAAAAAAAAAAAAAA";
constexpr std::string_view kNoHash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

std::string MakeDummyHash(const HashCost& cost) {
  return StrCat("$argon2id$v=19$m=", cost.memory_bytes / 1024, ",t=", cost.passes, ",p=1$", kNoSalt,
                "$", kNoHash);
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
  State state = State::kQueued;
  absl::Status status;
  bool matches = false;
};

// Without the lock: the job is running, and its caller only reads it when it is done.
void Run(Job& job, const HashCost& cost) {
  if (job.verifies) {
    job.matches =
        crypto_pwhash_str_verify(job.hash.c_str(), job.password.data(), job.password.size()) == 0;
    return;
  }
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str_alg(hash.data(), job.password.data(), job.password.size(), cost.passes,
                            cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    job.status = absl::ResourceExhaustedError("there is no memory for a password's hash");
  } else {
    job.hash = hash.data();
  }
}

}  // namespace

struct PasswordHasher::Impl {
  Impl(const PasswordHasherOptions& options_in, Metrics& metrics, const Clock& clock_in)
      : options(options_in),
        clock(clock_in),
        dummy_hash(MakeDummyHash(options.cost)),
        seconds(metrics.AddHistogram("auth_hash_seconds", "Password hashes, without their wait",
                                     LatencyBounds())),
        waiting(metrics.AddGauge("auth_hash_waiting", "Password hashes that wait for a thread")),
        refused(metrics.AddCounter("auth_hash_refused_total",
                                   "Calls that could not wait for a password hash")),
        dropped(metrics.AddCounter("auth_hash_dropped_total",
                                   "Password hashes whose caller had left before their turn")) {}

  // How long a job that is queued now waits, by what is before it. Only with `mutex` held.
  Duration ExpectedWait() const {
    return mean * static_cast<int>(queue.size() + running) / options.threads;
  }

  // Only with `mutex` held.
  absl::Status CheckRoom(const CallContext& call) const {
    const Duration wait = ExpectedWait();
    const bool full = queue.size() >= static_cast<std::size_t>(options.max_queued);
    if (!full && wait <= call.deadline.Remaining(clock)) return absl::OkStatus();
    refused.Increment();
    const auto retry_after = std::chrono::ceil<std::chrono::milliseconds>(std::max(wait, mean));
    return WithReason(absl::UnavailableError("too many logins are waiting"), kReasonOverloaded,
                      {{"retryAfterMs", StrCat(retry_after.count())}});
  }

  // Until the job is done, or the call is over.
  absl::Status Await(const std::shared_ptr<Job>& job) {
    std::unique_lock lock(mutex);
    if (absl::Status status = CheckRoom(job->call); !status.ok()) return status;
    queue.push_back(job);
    waiting.Set(static_cast<double>(queue.size()));
    wake.notify_one();
    while (job->state != State::kDone) {
      if (absl::Status status = CheckWanted(job->call, clock); !status.ok()) {
        if (std::erase(queue, job) != 0) dropped.Increment();
        waiting.Set(static_cast<double>(queue.size()));
        return status;
      }
      done.wait_for(lock, std::min<Duration>(job->call.deadline.Remaining(clock), kLookEvery));
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
      if (job->status.ok()) {
        Hash(*job, lock);
      } else {
        dropped.Increment();
      }
      job->state = State::kDone;
      done.notify_all();
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
    seconds.Observe(std::chrono::duration<double>(took).count());
    lock.lock();
    --running;
    mean = mean == Duration::zero() ? took : mean + (took - mean) / kMeanShare;
  }

  const PasswordHasherOptions options;
  const Clock& clock;
  const std::string dummy_hash;
  Histogram& seconds;
  Gauge& waiting;
  Counter& refused;
  Counter& dropped;

  mutable std::mutex mutex;  // of what follows, and of the jobs
  std::condition_variable wake;
  std::condition_variable done;
  std::deque<std::shared_ptr<Job>> queue;
  std::size_t running = 0;
  Duration mean{};
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

absl::Status PasswordHasher::CheckRoom(const CallContext& call) const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->CheckRoom(call);
}

absl::StatusOr<std::string> PasswordHasher::Hash(const CallContext& call,
                                                 std::string_view password) {
  const auto job = std::make_shared<Job>(call, nullptr, password);
  if (absl::Status status = impl_->Await(job); !status.ok()) return status;
  return job->hash;
}

absl::StatusOr<bool> PasswordHasher::Verify(const CallContext& call, const std::string& hash,
                                            std::string_view password) {
  const auto job = std::make_shared<Job>(call, &hash, password);
  if (absl::Status status = impl_->Await(job); !status.ok()) return status;
  return job->matches;
}

const std::string& PasswordHasher::dummy_hash() const { return impl_->dummy_hash; }

bool PasswordHasher::NeedsRehash(const std::string& hash) const {
  return crypto_pwhash_str_needs_rehash(hash.c_str(), impl_->options.cost.passes,
                                        impl_->options.cost.memory_bytes) != 0;
}

}  // namespace scaleout::user
