#include "gateway/handlers/payment_handlers.h"

#include <string>
#include <utility>

#include "common/str_cat.h"
#include "gateway/handlers/ask_backend.h"
#include "gateway/handlers/idempotency_key.h"
#include "gateway/handlers/json_response.h"
#include "gateway/handlers/own_user.h"
#include "gateway/json/field_path.h"
#include "gateway/json/json_reader.h"
#include "gateway/json/query_reader.h"
#include "gateway/json/resource_json.h"
#include "proto/scaleout/payment/v1/payment_limits.h"
#include "proto/scaleout/type/v1/money_limits.h"

namespace scaleout::gateway {
namespace {

constexpr ClientName kFilterNames[] = {{"user_id", "/user_id"}, {"order_id", "/order_id"}};
constexpr ClientName kNewPaymentNames[] = {{"amount.amount_minor", "/amount"},
                                           {"amount.currency_code", "/currency"}};
constexpr ClientName kPaymentNames[] = {{"payment_id", "/id"}};

absl::StatusOr<payment::v1::CreatePaymentRequest> ParseCreate(const RequestContext& context,
                                                              const Request& request) {
  QueryReader query(request);
  absl::StatusOr<std::string> key = RequireIdempotencyKey(request);
  JsonBody body(request);
  JsonFields& fields = body.root();
  payment::v1::CreatePaymentRequest ask;
  ask.set_order_id(fields.Id("orderId"));
  ask.set_user_id(ReadUserId(context, fields));
  ask.mutable_amount()->set_amount_minor(
      fields.Integer("amount", payment::v1::kMinAmountMinor, payment::v1::kMaxAmountMinor));
  ask.mutable_amount()->set_currency_code(
      fields.String("currency", &type::v1::FindCurrencyCodeViolation));
  ask.set_payment_method_token(
      fields.String("paymentMethodToken", &payment::v1::FindPaymentMethodTokenViolation));
  if (absl::Status status = CheckCreation(query, key.status(), body); !status.ok()) return status;
  ask.set_idempotency_key(*std::move(key));
  return ask;
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
  absl::StatusOr<payment::v1::CreatePaymentRequest> ask = ParseCreate(context, request);
  if (!ask.ok()) return Refuse(ask.status());
  return AskBackend(payments_.CreatePayment(context, *std::move(ask)), kNewPaymentNames,
                    [](const payment::v1::CreatePaymentResponse& answer) {
                      return CreatedResponse(answer.payment(), &WritePayment,
                                             StrCat("/api/payments/", answer.payment().id()),
                                             answer.replayed());
                    });
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

}  // namespace scaleout::gateway
