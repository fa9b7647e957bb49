// A payment provider that answers what the test sets, and lists what it was asked. Used by one
// thread.
#ifndef SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_PROVIDER_H_
#define SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_PROVIDER_H_

#include <functional>
#include <string>
#include <vector>

#include "services/payment/payment_provider.h"

namespace scaleout::payment {

inline ChargeReport Approved() { return {ChargeReport::State::kFinal, {true, "sim_1", ""}}; }
inline ChargeReport Declined(const std::string& reason) {
  return {ChargeReport::State::kFinal, {false, "", reason}};
}
inline ChargeReport Pending() { return {ChargeReport::State::kPending, {}}; }

class FakeProvider final : public PaymentProvider {
 public:
  absl::StatusOr<ChargeReport> Charge(const CallContext& call,
                                      const ChargeRequest& request) override {
    charging = call;
    log.push_back("charge " + request.reference);
    asked.push_back(request);
    if (during_charge) during_charge();
    return charge;
  }
  absl::StatusOr<ChargeReport> Find(const CallContext& call,
                                    const std::string& reference) override {
    finding = call;
    log.push_back("find " + reference);
    return find;
  }
  absl::StatusOr<ChargeReport> Void(const CallContext& call,
                                    const std::string& reference) override {
    voiding = call;
    log.push_back("void " + reference);
    return voided;
  }
  absl::StatusOr<RefundAnswer> Refund(const CallContext& call,
                                      const RefundRequest& request) override {
    refunding = call;
    log.push_back("refund " + request.reference + " of " + request.provider_reference);
    return refund;
  }

  std::vector<std::string> log;
  std::vector<ChargeRequest> asked;
  CallContext charging;
  CallContext finding;
  CallContext voiding;
  CallContext refunding;
  std::function<void()> during_charge;
  absl::StatusOr<ChargeReport> charge = Approved();
  absl::StatusOr<ChargeReport> find = ChargeReport();
  absl::StatusOr<ChargeReport> voided = Declined(kVoidedCharge);
  absl::StatusOr<RefundAnswer> refund = RefundAnswer{true, ""};
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_TESTS_SERVICES_PAYMENT_FAKE_PROVIDER_H_
