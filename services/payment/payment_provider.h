// Whoever takes the money: the interface that hides a payment provider.
//
// A charge is named by a reference that this suite makes up. A provider charges once for each
// reference, however often it is asked, and answers every repetition as it answered the first; that
// is what makes an unknown outcome harmless. Implementations are thread-safe and block, at most
// until the call's deadline.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_PROVIDER_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_PROVIDER_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/call_context.h"
#include "services/payment/payment.h"

namespace scaleout::payment {

struct ChargeRequest {
  std::string reference;
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

  // A declined charge is an answer. A status means that the outcome is not known: money may have
  // been taken.
  virtual absl::StatusOr<ChargeAnswer> Charge(const CallContext& call,
                                              const ChargeRequest& request) = 0;
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_PROVIDER_H_
