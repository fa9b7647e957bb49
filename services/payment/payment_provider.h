// The interface to a payment provider, which charges a payment method and gives back what it took.
//
// The service names a charge by a reference of its own, and so a refund. A provider acts once for
// each reference, however often it is asked, and repeats its answer; so a call whose outcome is
// unknown can be made again, and the outcome can be asked for. An error of any method means that
// nothing is known: the provider may or may not have acted. Implementations are thread-safe and
// block, at most until the call's deadline.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_PROVIDER_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_PROVIDER_H_

#include <chrono>
#include <string>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/payment/payment.h"

namespace scaleout::payment {

struct ChargeRequest {
  std::string reference;  // the reservation's id
  Money amount;
  std::string payment_method_token;
};

// Final.
struct ChargeAnswer {
  bool approved = false;
  std::string provider_reference;  // the provider's own name for the charge, if it approved
  std::string decline_reason;      // such as "card_declined", if it did not
};

// What the provider knows of a reference.
struct ChargeReport {
  enum class State {
    kUnknown,  // no charge was asked for under it
    kPending,  // it has not decided yet
    kFinal
  };
  State state = State::kUnknown;
  ChargeAnswer answer;  // if it is final
};

struct RefundRequest {
  std::string reference;           // the refund's id
  std::string provider_reference;  // of the charge
  Money amount;                    // the charge's
};

// Final.
struct RefundAnswer {
  bool accepted = false;
  std::string refusal;  // such as "unknown_charge", if it was not
};

// No provider waits longer for its answer.
inline constexpr std::chrono::seconds kMaxProviderTimeout{60};

// The decline_reason of a charge whose reference was voided before it was made.
inline constexpr const char* kVoidedCharge = "voided";

class PaymentProvider {
 public:
  virtual ~PaymentProvider() = default;

  // A declined charge is an answer; so is kPending, after which Find() tells.
  virtual absl::StatusOr<ChargeReport> Charge(const CallContext& call,
                                              const ChargeRequest& request) = 0;
  virtual absl::StatusOr<ChargeReport> Find(const CallContext& call,
                                            const std::string& reference) = 0;
  // Has later charges under the reference declined, with kVoidedCharge. Where there is a charge
  // already it changes nothing, and that charge is reported. Never kUnknown.
  virtual absl::StatusOr<ChargeReport> Void(const CallContext& call,
                                            const std::string& reference) = 0;
  virtual absl::StatusOr<RefundAnswer> Refund(const CallContext& call,
                                              const RefundRequest& request) = 0;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_PROVIDER_H_
