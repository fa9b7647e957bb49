// The interface to a payment provider, which charges a payment method.
//
// The service names a charge by a reference of its own. A provider charges once for each reference,
// however often it is asked, and repeats its first answer; so a call whose outcome is unknown can
// be made again without charging twice. Implementations are thread-safe and block, at most until
// the call's deadline.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_PROVIDER_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_PROVIDER_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/payment/payment.h"

namespace scaleout::payment {

struct ChargeRequest {
  std::string reference;  // the same for every attempt with one idempotency key
  Money amount;
  std::string payment_method_token;
};

struct ChargeAnswer {
  bool approved = false;
  std::string provider_reference;  // the provider's own name for the charge, if it approved
  std::string decline_reason;      // such as "card_declined", if it did not
};

class PaymentProvider {
 public:
  virtual ~PaymentProvider() = default;

  // A declined charge is an answer. An error means that the outcome is unknown: the provider may or
  // may not have charged.
  virtual absl::StatusOr<ChargeAnswer> Charge(const CallContext& call,
                                              const ChargeRequest& request) = 0;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_PROVIDER_H_
