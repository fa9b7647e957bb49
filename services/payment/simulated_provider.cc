#include "services/payment/simulated_provider.h"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

namespace scaleout::payment {
namespace {

absl::Status NoAnswer() { return absl::UnavailableError("the payment provider did not answer"); }

ChargeAnswer Decide(const ChargeRequest& request) {
  ChargeAnswer answer;
  const std::string& token = request.payment_method_token;
  answer.approved =
      token == "tok_success" || token == "tok_lost_reply" || token == "tok_settle_late";
  answer.provider_reference = "sim_" + request.reference;
  if (!answer.approved) {
    answer.decline_reason = token == "tok_decline" ? "card_declined" : "unknown_payment_method";
  }
  return answer;
}

// What the books answer, or that they cannot be had.
template <typename Answer>
absl::StatusOr<Answer> OrNoAnswer(absl::StatusOr<Answer> answer) {
  if (!answer.ok()) return NoAnswer();
  return answer;
}

class SimulatedProvider final : public PaymentProvider {
 public:
  SimulatedProvider(const SimulatedProviderOptions& options, ProviderLedger& ledger,
                    const Clock& clock, SimulatedProviderEnvironment environment)
      : options_(options), ledger_(ledger), clock_(clock), environment_(std::move(environment)) {}

  absl::StatusOr<ChargeReport> Charge(const CallContext& call,
                                      const ChargeRequest& request) override {
    const absl::StatusOr<CallContext> bounded = Reach(call);
    if (!bounded.ok()) return bounded.status();
    const std::string& token = request.payment_method_token;
    if (token == "tok_timeout") {
      Wait(*bounded, options_.timeout);
      return NoAnswer();
    }
    const auto settles_in =
        token == "tok_settle_late" ? options_.settle_delay : std::chrono::milliseconds::zero();
    const absl::StatusOr<LedgerEntry> entry =
        ledger_.Enter(*bounded, request, Decide(request), settles_in);
    if (!entry.ok()) return NoAnswer();
    if (entry->fresh && token == "tok_lost_reply") return NoAnswer();
    return entry->report;
  }

  absl::StatusOr<ChargeReport> Find(const CallContext& call,
                                    const std::string& reference) override {
    const absl::StatusOr<CallContext> bounded = Reach(call);
    if (!bounded.ok()) return bounded.status();
    return OrNoAnswer(ledger_.Find(*bounded, reference));
  }

  absl::StatusOr<ChargeReport> Void(const CallContext& call,
                                    const std::string& reference) override {
    const absl::StatusOr<CallContext> bounded = Reach(call);
    if (!bounded.ok()) return bounded.status();
    return OrNoAnswer(ledger_.Void(*bounded, reference));
  }

  absl::StatusOr<RefundAnswer> Refund(const CallContext& call,
                                      const RefundRequest& request) override {
    const absl::StatusOr<CallContext> bounded = Reach(call);
    if (!bounded.ok()) return bounded.status();
    return OrNoAnswer(ledger_.EnterRefund(*bounded, request));
  }

 private:
  // The way to the provider: its latency, and that it sometimes does not answer. The call with the
  // time that its caller waits.
  absl::StatusOr<CallContext> Reach(const CallContext& call) const {
    CallContext bounded = call;
    bounded.deadline = Deadline::In(options_.timeout, clock_).Or(call.deadline);
    Wait(bounded, options_.latency);
    if (bounded.deadline.Passed(clock_)) return NoAnswer();
    if (environment_.random() < options_.failure_rate) return NoAnswer();
    return bounded;
  }

  void Wait(const CallContext& call, Duration duration) const {
    const Duration wait = std::min(duration, call.deadline.Remaining(clock_));
    if (wait > Duration::zero()) environment_.wait(wait);
  }

  const SimulatedProviderOptions options_;
  ProviderLedger& ledger_;
  const Clock& clock_;
  const SimulatedProviderEnvironment environment_;
};

}  // namespace

SimulatedProviderEnvironment MakeSimulatedProviderEnvironment() {
  return {[](Duration duration) { std::this_thread::sleep_for(duration); },
          [] {
            thread_local std::minstd_rand random{std::random_device()()};
            return std::uniform_real_distribution<double>(0, 1)(random);
          }};
}

std::unique_ptr<PaymentProvider> MakeSimulatedProvider(const SimulatedProviderOptions& options,
                                                       ProviderLedger& ledger, const Clock& clock,
                                                       SimulatedProviderEnvironment environment) {
  return std::make_unique<SimulatedProvider>(options, ledger, clock, std::move(environment));
}

}  // namespace scaleout::payment
