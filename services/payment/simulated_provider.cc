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
  answer.approved = token == "tok_success" || token == "tok_lost_reply";
  answer.provider_reference = "sim_" + request.reference;
  if (!answer.approved) {
    answer.decline_reason = token == "tok_decline" ? "card_declined" : "unknown_payment_method";
  }
  return answer;
}

class SimulatedProvider final : public PaymentProvider {
 public:
  SimulatedProvider(const SimulatedProviderOptions& options, ProviderLedger& ledger,
                    const Clock& clock, SimulatedProviderEnvironment environment)
      : options_(options), ledger_(ledger), clock_(clock), environment_(std::move(environment)) {}

  absl::StatusOr<ChargeAnswer> Charge(const CallContext& call,
                                      const ChargeRequest& request) override {
    CallContext bounded = call;
    bounded.deadline = Deadline::In(options_.timeout, clock_).Or(call.deadline);
    Wait(bounded, options_.latency);
    if (bounded.deadline.Passed(clock_)) return NoAnswer();
    if (environment_.random() < options_.failure_rate) return NoAnswer();
    if (request.payment_method_token == "tok_timeout") {
      Wait(bounded, options_.timeout);
      return NoAnswer();
    }
    const absl::StatusOr<LedgerEntry> entry = ledger_.Enter(bounded, request, Decide(request));
    if (!entry.ok()) return NoAnswer();
    if (entry->fresh && request.payment_method_token == "tok_lost_reply") return NoAnswer();
    return entry->answer;
  }

 private:
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
