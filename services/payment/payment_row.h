// A row of `payments` as this service's statements answer it.
//
// For the repositories alone: the columns of a SELECT or RETURNING of `payments AS p`, and the
// function that reads them. Thread-safe.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_ROW_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_ROW_H_

#include "postgres/postgres_row.h"
#include "services/payment/payment.h"

namespace scaleout::payment {

#define PAYMENT_COLUMNS                                                  \
  "p.id, p.order_id, p.user_id, p.state, p.amount_minor, p.currency, "   \
  "coalesce(p.reservation_id::text, '') AS reservation_id, "             \
  "coalesce(p.provider_reference, '') AS provider_reference, "           \
  "coalesce(p.failure_reason, '') AS failure_reason, "                   \
  "(date_part('epoch', p.created_at) * 1000000)::bigint AS created_us, " \
  "(date_part('epoch', p.updated_at) * 1000000)::bigint AS updated_us"

inline Payment ToPayment(const PostgresRow& row) {
  Payment payment;
  payment.id = PaymentId(row.Int64("id"));
  payment.reservation_id = row.Text("reservation_id");
  payment.order_id = OrderId(row.Int64("order_id"));
  payment.user_id = UserId(row.Int64("user_id"));
  payment.state = row.Parsed("state", FindPaymentState);
  payment.amount = {row.Int64("amount_minor"), row.Text("currency")};
  payment.provider_reference = row.Text("provider_reference");
  payment.failure_reason = row.Text("failure_reason");
  payment.created_at = row.Time("created_us");
  payment.updated_at = row.Time("updated_us");
  return payment;
}

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_ROW_H_
