#include "services/payment/payment_service.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/status.h"
#include "common/str_cat.h"
#include "proto/scaleout/payment/v1/payment_limits.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "proto/scaleout/type/v1/money_limits.h"
#include "service/batch_answer.h"
#include "service/batch_keys.h"
#include "service/field_checks.h"
#include "service/overloaded.h"
#include "service/page_token.h"
#include "service/principal.h"
#include "services/payment/payment_faults.h"
#include "services/payment/payment_message.h"

namespace scaleout::payment {
namespace {

std::string Scope(std::int64_t user_id, std::int64_t order_id) {
  return StrCat("payments?user_id=", user_id, "&order_id=", order_id);
}

// Adds at most a page of `payments` and answers the token of the next one, if they are more.
template <typename Message>
std::string AddPage(std::span<const Payment> payments, std::int32_t page_size,
                    std::string_view scope, Message& message) {
  const auto size = std::min(payments.size(), static_cast<std::size_t>(page_size));
  for (std::size_t i = 0; i < size; ++i) ToProto(payments[i], *message.add_payments());
  return payments.size() > size ? MakePageToken(scope, payments[size - 1].id.value())
                                : std::string();
}

v1::ReservationOutcome ToProto(Settlement::Outcome outcome) {
  switch (outcome) {
    case Settlement::Outcome::kUndecided:
      return v1::RESERVATION_OUTCOME_UNDECIDED;
    case Settlement::Outcome::kCaptured:
      return v1::RESERVATION_OUTCOME_CAPTURED;
    case Settlement::Outcome::kFailed:
      return v1::RESERVATION_OUTCOME_FAILED;
  }
  return v1::RESERVATION_OUTCOME_UNSPECIFIED;
}

// Of the caller's time, for what comes after the provider's answer: else it would not hear that the
// provider has not answered in time.
constexpr std::chrono::milliseconds kAnswerTime{100};
// With less a charge is not begun: what could not be asked would have to be settled.
constexpr std::chrono::milliseconds kLeastTime = 2 * kAnswerTime;

absl::Status TokenOverloaded() {
  return Overloaded("too many payments with this payment method wait for the provider");
}

}  // namespace

absl::Status PaymentService::CreatePayment(const CallContext& call,
                                           const v1::CreatePaymentRequest& request,
                                           v1::CreatePaymentResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  checks.Id("order_id", request.order_id());
  checks.Id("user_id", request.user_id());
  checks.Refuse("amount.amount_minor",
                rpc::v1::FindIntegerViolation(request.amount().amount_minor(), v1::kMinAmountMinor,
                                              v1::kMaxAmountMinor));
  checks.Refuse("amount.currency_code",
                type::v1::FindCurrencyCodeViolation(request.amount().currency_code()));
  checks.Refuse("payment_method_token",
                v1::FindPaymentMethodTokenViolation(request.payment_method_token()));
  checks.Refuse("reservation_id", rpc::v1::FindUuidViolation(request.reservation_id()));
  if (!checks.ok()) return checks.Check();
  const absl::Status allowed = CheckMayActFor(*principal, request.user_id());
  if (!allowed.ok()) return allowed;

  NewPayment payment;
  payment.order_id = OrderId(request.order_id());
  payment.user_id = UserId(request.user_id());
  payment.amount = {request.amount().amount_minor(), request.amount().currency_code()};
  payment.payment_method_token = request.payment_method_token();
  payment.reservation_id = request.reservation_id();

  if (call.deadline.Remaining(clock_) < kLeastTime) {
    return absl::DeadlineExceededError("too little time is left to ask the payment provider");
  }
  const std::optional<TokenBulkhead::Permit> permit =
      bulkhead_.TryAcquire(payment.payment_method_token);
  if (!permit) return TokenOverloaded();
  absl::StatusOr<std::optional<std::string>> earlier = charges_.Begin(call, payment);
  if (!earlier.ok()) return earlier.status();
  const absl::StatusOr<StoredAnswer> answer =
      *earlier ? StoredAnswer{**std::move(earlier), true} : Charge(call, payment);
  if (!answer.ok()) return answer.status();
  absl::Status parsed = ParseAnswer(answer->json, response);
  response.set_replayed(answer->earlier);
  return parsed;
}

absl::StatusOr<StoredAnswer> PaymentService::Charge(const CallContext& call,
                                                    const NewPayment& payment) {
  faults_.Pass(kAfterAuthorizeCommit);
  CallContext asking = call;
  asking.deadline = call.deadline.Before(kAnswerTime);
  const absl::StatusOr<ChargeReport> report = provider_.Charge(
      asking, {payment.reservation_id, payment.amount, payment.payment_method_token});
  // From here on the provider may have charged. That has to be recorded even if the client's
  // deadline has passed or the client has cancelled.
  CallContext recording;
  recording.deadline = Deadline::In(kRecordLimit, clock_);
  recording.request_id = call.request_id;
  recording.trace_id = call.trace_id;
  if (report.ok() && report->state == ChargeReport::State::kFinal) {
    faults_.Pass(kAfterCharge);
    absl::StatusOr<StoredAnswer> answer =
        charges_.Decide(recording, payment.reservation_id, report->answer);
    if (answer.ok()) faults_.Pass(kAfterRecordCommit);
    return answer;
  }
  // If this fails too, the lease ends when its time is over.
  charges_.Release(recording, payment.reservation_id).IgnoreError();
  return WithReason(absl::UnavailableError(
                        "the payment provider's answer is unknown; call again with the same key"),
                    kReasonPaymentUnknown);
}

absl::Status PaymentService::SettleReservation(const CallContext& call,
                                               const v1::SettleReservationRequest& request,
                                               v1::SettleReservationResponse& response) {
  FieldChecks checks;
  checks.Refuse("reservation_id", rpc::v1::FindUuidViolation(request.reservation_id()));
  if (!checks.ok()) return checks.Check();
  const absl::StatusOr<Settlement> settlement = charges_.Settle(call, request.reservation_id());
  if (!settlement.ok()) return settlement.status();
  if (settlement->outcome == Settlement::Outcome::kFailed) faults_.Pass(kAfterTombstone);
  response.set_outcome(ToProto(settlement->outcome));
  if (settlement->outcome == Settlement::Outcome::kCaptured) {
    response.mutable_amount()->set_amount_minor(settlement->amount.amount_minor);
    response.mutable_amount()->set_currency_code(settlement->amount.currency);
  }
  return absl::OkStatus();
}

absl::Status PaymentService::GetPayment(const CallContext& call,
                                        const v1::GetPaymentRequest& request,
                                        v1::GetPaymentResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  checks.Id("payment_id", request.payment_id());
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<Payment> payment =
      repository_.Get(call, PaymentId(request.payment_id()), Owner::For(*principal));
  if (!payment.ok()) return payment.status();
  ToProto(*payment, *response.mutable_payment());
  return absl::OkStatus();
}

absl::Status PaymentService::BatchGetPayments(const CallContext& call,
                                              const v1::BatchGetPaymentsRequest& request,
                                              v1::BatchGetPaymentsResponse& response) {
  FieldChecks checks;
  const BatchKeys<PaymentId> keys(request.keys(), &v1::BatchGetPaymentsRequest::Key::payment_id,
                                  "payment_id", checks);
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<std::vector<std::optional<Payment>>> found =
      repository_.FindMany(call, keys.owned_ids());
  if (!found.ok()) return found.status();
  keys.Answer(response, [&](std::size_t slot, v1::BatchGetPaymentsResponse::Entry& entry) {
    const std::optional<Payment>& payment = (*found)[slot];
    if (!payment) return BatchAnswer::Fail(entry, NoSuchPayment(keys.ids()[slot]));
    ToProto(*payment, *entry.mutable_payment());
  });
  return absl::OkStatus();
}

absl::Status PaymentService::ListPayments(const CallContext& call,
                                          const v1::ListPaymentsRequest& request,
                                          v1::ListPaymentsResponse& response) {
  const absl::StatusOr<Principal> principal = RequirePrincipal(request.principal());
  if (!principal.ok()) return principal.status();
  FieldChecks checks;
  PaymentFilter filter;
  const std::int64_t listed = ListedUser(*principal, request.user_id());
  if (listed != 0) {
    checks.Id("user_id", listed);
    filter.user_id = UserId(listed);
  }
  if (request.order_id() != 0) {
    checks.Id("order_id", request.order_id());
    filter.order_id = OrderId(request.order_id());
  }
  const std::string scope = Scope(listed, request.order_id());
  const Page page = ParsePage(scope, request.page_size(), request.page_token(), checks);
  if (!checks.ok()) return checks.Check();
  const absl::Status allowed = CheckMayActFor(*principal, listed);
  if (!allowed.ok()) return allowed;

  std::optional<PaymentId> before;
  if (page.after_id != 0) before = PaymentId(page.after_id);
  // One more than the page tells whether there is another.
  const absl::StatusOr<std::vector<Payment>> payments =
      repository_.List(call, filter, before, page.size + 1);
  if (!payments.ok()) return payments.status();
  response.set_next_page_token(AddPage(*payments, page.size, scope, response));
  return absl::OkStatus();
}

absl::Status PaymentService::BatchListPayments(const CallContext& call,
                                               const v1::BatchListPaymentsRequest& request,
                                               v1::BatchListPaymentsResponse& response) {
  FieldChecks checks;
  const BatchKeys<UserId> keys(request.keys(), &v1::BatchListPaymentsRequest::Key::user_id,
                               "user_id", checks, KeyedBy::kOwner);
  const std::int32_t page_size = ParsePageSize(request.page_size(), checks);
  if (!checks.ok()) return checks.Check();

  const absl::StatusOr<std::vector<Payment>> payments =
      repository_.ListOfUsers(call, keys.ids(), page_size + 1);
  if (!payments.ok()) return payments.status();
  std::span<const Payment> rest = *payments;
  keys.Answer(response, [&](std::size_t slot, v1::BatchListPaymentsResponse::Entry& entry) {
    const UserId user_id = keys.ids()[slot];
    v1::BatchListPaymentsResponse::PaymentList& list = *entry.mutable_payment_list();
    list.set_next_page_token(AddPage(TakeGroup(rest, &Payment::user_id, user_id), page_size,
                                     Scope(user_id.value(), 0), list));
  });
  return absl::OkStatus();
}

}  // namespace scaleout::payment
