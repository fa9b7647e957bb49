// The payment service's tables on a fresh database, and charges on them.
#ifndef SCALEOUT_TESTS_INTEGRATION_CHARGE_FIXTURE_H_
#define SCALEOUT_TESTS_INTEGRATION_CHARGE_FIXTURE_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "services/payment/charge_repository.h"
#include "services/payment/payment_events.h"
#include "services/payment/payment_message.h"
#include "services/payment/schema.h"
#include "tests/integration/pool_fixture.h"

namespace scaleout::payment {

inline const ChargeAnswer kApproved = {true, "sim_1", ""};
inline const ChargeAnswer kDeclined = {false, "", "card_declined"};

// The n-th of a test's reservations.
inline std::string ReservationId(int n = 1) {
  return "00000000-0000-4000-8000-00000000000" + std::to_string(n);
}

inline NewPayment Wanted(int n = 1) {
  NewPayment payment;
  payment.reservation_id = ReservationId(n);
  payment.order_id = OrderId(n);
  payment.user_id = UserId(7);
  payment.amount = {1999, "EUR"};
  payment.payment_method_token = "tok_success";
  return payment;
}

class ChargeFixture : public scaleout::testing::PoolFixture {
 protected:
  std::unique_ptr<ChargeRepository> ChargesWith(std::chrono::milliseconds lease,
                                                std::chrono::milliseconds settle_after) {
    return MakeChargeRepository(*pool_, outbox_, {.lease = lease, .settle_after = settle_after});
  }

  // Whether the call is to ask the provider.
  bool Begins(const NewPayment& payment) {
    const auto begun = charges_->Begin(call_, payment);
    EXPECT_TRUE(begun.ok()) << begun.status();
    return begun.ok() && !*begun;
  }

  // Of a stored answer.
  static v1::Payment PaymentIn(const std::string& json) {
    v1::CreatePaymentResponse response;
    EXPECT_TRUE(ParseAnswer(json, response).ok()) << json;
    return response.payment();
  }

  Payment Make(const NewPayment& payment, const ChargeAnswer& answer) {
    EXPECT_TRUE(Begins(payment));
    const auto decided = charges_->Decide(call_, payment.reservation_id, answer);
    EXPECT_TRUE(decided.ok()) << decided.status();
    Payment made;
    made.id = PaymentId(PaymentIn(decided->json).id());
    made.order_id = payment.order_id;
    return made;
  }

  std::string States() {
    return Ask("SELECT coalesce(string_agg(state, ',' ORDER BY id), '') FROM payments");
  }

  const CallContext call_ = scaleout::testing::CallFor();
  const std::unique_ptr<PostgresPool> pool_ = MakePool(Schema());
  Outbox outbox_{*pool_, PublishedStreams()};
  // Neither a lease nor a charge's time is over in a test.
  const std::unique_ptr<ChargeRepository> charges_ =
      ChargesWith(std::chrono::hours(1), std::chrono::hours(1));
};

}  // namespace scaleout::payment

#endif  // SCALEOUT_TESTS_INTEGRATION_CHARGE_FIXTURE_H_
