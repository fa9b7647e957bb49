#include "proto/scaleout/payment/v1/payment_limits.h"

namespace scaleout::payment::v1 {

rpc::v1::Violation FindPaymentMethodTokenViolation(std::string_view value) {
  return rpc::v1::FindTextViolation(value, kMinPaymentMethodTokenCharacters,
                                    kMaxPaymentMethodTokenCharacters);
}

}  // namespace scaleout::payment::v1
