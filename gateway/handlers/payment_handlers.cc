#include "gateway/handlers/payment_handlers.h"

#include <string>
#include <utility>

#include "common/checksum.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "gateway/handlers/ask_backend.h"
#include "gateway/handlers/idempotency_key.h"
#include "gateway/handlers/json_response.h"
#include "gateway/handlers/own_user.h"
#include "gateway/handlers/payment_faults.h"
#include "gateway/json/field_path.h"
#include "gateway/json/json_reader.h"
#include "gateway/json/query_reader.h"
#include "gateway/json/resource_json.h"
#include "proto/scaleout/payment/v1/payment_limits.h"
#include "proto/scaleout/type/v1/money_limits.h"

namespace scaleout::gateway {
namespace {

constexpr ClientName kFilterNames[] = {{"user_id", "/user_id"}, {"order_id", "/order_id"}};
// Of the reservation; the payment method's token is all that the charge has of the client.
constexpr ClientName kNewPaymentNames[] = {{"amount_minor", "/amount"},
                                           {"currency_code", "/currency"}};
constexpr ClientName kPaymentNames[] = {{"payment_id", "/id"}};

absl::StatusOr<NewPayment> ParseCreate(const Request& request) {
  QueryReader query(request);
  absl::StatusOr<std::string> key = RequireIdempotencyKey(request);
  JsonBody body(request);
  JsonFields& fields = body.root();
  NewPayment wanted;
  order::v1::ReservePaymentRequest& reserve = wanted.reserve;
  reserve.set_order_id(fields.Id("orderId"));
  reserve.set_user_id(fields.OptionalId("userId").value_or(0));
  if (const auto amount = fields.OptionalInteger("amount", payment::v1::kMinAmountMinor,
                                                 payment::v1::kMaxAmountMinor)) {
    reserve.set_amount_minor(*amount);
  }
  reserve.set_currency_code(
      fields.OptionalString("currency", &type::v1::FindCurrencyCodeViolation).value_or(""));
  wanted.payment_method_token =
      fields.String("paymentMethodToken", &payment::v1::FindPaymentMethodTokenViolation);
  if (absl::Status status = CheckCreation(query, key.status(), body); !status.ok()) return status;
  reserve.set_idempotency_key(*std::move(key));
  reserve.set_payload_checksum(Checksum({wanted.payment_method_token}));
  return wanted;
}

payment::v1::CreatePaymentRequest ChargeFor(order::v1::PaymentReservation reservation,
                                            std::string payment_method_token) {
  payment::v1::CreatePaymentRequest charge;
  charge.set_reservation_id(reservation.id());
  charge.set_order_id(reservation.order_id());
  charge.set_user_id(reservation.user_id());
  *charge.mutable_amount() = std::move(*reservation.mutable_amount());
  charge.set_payment_method_token(std::move(payment_method_token));
  return charge;
}

// Of what may be decided when the client asks again.
constexpr const char* kRetryAfterMs = "1000";

// Why there is nothing to give back. What is AUTHORIZED the provider may have charged already.
absl::Status NothingTaken(const payment::v1::Payment& payment) {
  if (payment.status() == payment::v1::PAYMENT_STATUS_AUTHORIZED) {
    return WithReason(absl::AbortedError(StrCat("Payment ", payment.id(), " is not decided yet.")),
                      "PAYMENT_IN_PROGRESS", {{"retryAfterMs", kRetryAfterMs}});
  }
  return WithReason(
      absl::FailedPreconditionError(StrCat("Payment ", payment.id(), " has taken no money.")),
      "ORDER_NOT_REFUNDABLE");
}

}  // namespace

Task<absl::StatusOr<Response>> PaymentHandlers::List(RequestContext& context,
                                                     const Request& request) {
  QueryReader query(request);
  payment::v1::ListPaymentsRequest ask;
  ask.set_page_size(query.PageSize());
  ask.set_page_token(query.PageToken());
  ask.set_user_id(ReadUserFilter(context, query));
  ask.set_order_id(query.OptionalId("order_id"));
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return AskBackend(payments_.ListPayments(context, std::move(ask)), kFilterNames,
                    [](const payment::v1::ListPaymentsResponse& answer) {
                      return PageResponse(answer.payments(), answer.next_page_token(),
                                          &WritePayment);
                    });
}

Task<absl::StatusOr<Response>> PaymentHandlers::Create(RequestContext& context,
                                                       const Request& request) {
  absl::StatusOr<NewPayment> wanted = ParseCreate(request);
  if (!wanted.ok()) return Refuse(wanted.status());
  return Pay(context, *std::move(wanted));
}

Task<absl::StatusOr<Response>> PaymentHandlers::Pay(RequestContext& context, NewPayment wanted) {
  absl::Status refusal = payments_.FindRefusal(context);
  if (!refusal.ok()) co_return refusal;
  Task<absl::StatusOr<order::v1::ReservePaymentResponse>> reserving =
      orders_.ReservePayment(context, std::move(wanted.reserve));
  absl::StatusOr<order::v1::ReservePaymentResponse> reserved = co_await reserving;
  if (!reserved.ok()) co_return WithClientNames(reserved.status(), kNewPaymentNames);
  faults_.Pass(kAfterReserve);
  Task<absl::StatusOr<Response>> charging = AskBackend(
      payments_.CreatePayment(context, ChargeFor(std::move(*reserved->mutable_reservation()),
                                                 std::move(wanted.payment_method_token))),
      {}, [](const payment::v1::CreatePaymentResponse& answer) {
        return CreatedResponse(answer.payment(), &WritePayment,
                               StrCat("/api/payments/", answer.payment().id()), answer.replayed());
      });
  absl::StatusOr<Response> answer = co_await charging;
  if (answer.ok()) faults_.Pass(kAfterCreate);
  co_return answer;
}

Task<absl::StatusOr<Response>> PaymentHandlers::Get(RequestContext& context,
                                                    const Request& request) {
  QueryReader query(request);
  payment::v1::GetPaymentRequest ask;
  ask.set_payment_id(query.PathId("id"));
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return AskBackend(payments_.GetPayment(context, std::move(ask)), kPaymentNames,
                    [](const payment::v1::GetPaymentResponse& answer) {
                      return ItemResponse(answer.payment(), &WritePayment);
                    });
}

Task<absl::StatusOr<Response>> PaymentHandlers::Refund(RequestContext& context,
                                                       const Request& request) {
  QueryReader query(request);
  payment::v1::GetPaymentRequest ask;
  ask.set_payment_id(query.PathId("id"));
  if (absl::Status checked = query.Check(); !checked.ok()) return Refuse(checked);
  return RefundPayment(context, std::move(ask));
}

Task<absl::StatusOr<Response>> PaymentHandlers::RefundPayment(RequestContext& context,
                                                              payment::v1::GetPaymentRequest ask) {
  PartContext past_the_cache(context);
  past_the_cache.revalidate = true;
  Task<absl::StatusOr<payment::v1::GetPaymentResponse>> reading =
      payments_.GetPayment(past_the_cache, std::move(ask));
  const absl::StatusOr<payment::v1::GetPaymentResponse> found = co_await reading;
  if (!found.ok()) co_return WithClientNames(found.status(), kPaymentNames);
  const payment::v1::Payment& payment = found->payment();
  if (payment.status() == payment::v1::PAYMENT_STATUS_REFUNDED) {
    co_return ItemResponse(payment, &WritePayment);
  }
  if (payment.status() != payment::v1::PAYMENT_STATUS_CAPTURED) co_return NothingTaken(payment);
  order::v1::RequestRefundRequest refund;
  refund.set_order_id(payment.order_id());
  refund.set_reservation_id(payment.reservation_id());
  Task<absl::StatusOr<order::v1::RequestRefundResponse>> requesting =
      orders_.RequestRefund(context, std::move(refund));
  const absl::StatusOr<order::v1::RequestRefundResponse> requested = co_await requesting;
  if (!requested.ok()) co_return WithClientNames(requested.status());
  co_return AcceptedResponse(payment, &WritePayment);
}

}  // namespace scaleout::gateway
