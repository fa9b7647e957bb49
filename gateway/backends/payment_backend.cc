#include "gateway/backends/payment_backend.h"

#include "gateway/backends/backend.h"
#include "gateway/backends/patient_guard.h"
#include "gateway/backends/service_rpcs.h"
#include "gateway/resilience/rejection.h"
#include "gateway/runtime/request_context.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using namespace payment::v1;

struct PaymentReads {
  static std::optional<ReadKey> FindKey(const GetPaymentRequest& request) {
    return FindItemKey(request.payment_id());
  }
  static GetPaymentRequest RequestOf(const ReadKey& key) {
    GetPaymentRequest request;
    request.set_payment_id(key.id);
    return request;
  }
  static void AddKey(const ReadKey& key, BatchGetPaymentsRequest& batch) {
    batch.add_keys()->set_payment_id(key.id);
  }
  static bool TakeAnswer(BatchGetPaymentsResponse::Entry& entry, GetPaymentResponse& answer) {
    if (!entry.has_payment()) return false;
    answer.set_allocated_payment(entry.release_payment());
    return true;
  }
};

// The newest payments of one user.
struct PaymentLists {
  static std::optional<ReadKey> FindKey(const ListPaymentsRequest& request) {
    if (!request.page_token().empty() || request.order_id() != 0) return std::nullopt;
    return FindListKey(request.user_id(), request.page_size());
  }
  static ListPaymentsRequest RequestOf(const ReadKey& key) {
    ListPaymentsRequest request;
    request.set_user_id(key.id);
    request.set_page_size(key.page_size);
    return request;
  }
  static void AddKey(const ReadKey& key, BatchListPaymentsRequest& batch) {
    batch.add_keys()->set_user_id(key.id);
    batch.set_page_size(key.page_size);
  }
  static bool TakeAnswer(BatchListPaymentsResponse::Entry& entry, ListPaymentsResponse& answer) {
    if (!entry.has_payment_list()) return false;
    answer.mutable_payments()->Swap(entry.mutable_payment_list()->mutable_payments());
    answer.mutable_next_page_token()->swap(
        *entry.mutable_payment_list()->mutable_next_page_token());
    return true;
  }
};

}  // namespace

BackendGuard& AddChargesGuard(Backends& backends, const GuardParts& parts) {
  return AddPatientGuard(
      backends, kChargesGuard, parts,
      {.attempt_timeout = kChargeTime, .silence = kSilentChargeTime, .max_calls = kMaxChargeCalls});
}

PaymentBackend MakePaymentBackend(Backend& backend, BackendGuard& charges,
                                  const CoalescingParts* coalescing) {
  const ServiceRpcs<payment::v1::PaymentService> rpc(backend, coalescing);
  using Rpc = decltype(rpc)::Stub;
  return PaymentBackend{
      // However often it is called, one reservation is charged for once.
      .CreatePayment =
          rpc.GuardedBy(charges, "CreatePayment", Repeat::kSafe, &Rpc::PrepareAsyncCreatePayment),
      .GetPayment = rpc.Read<PaymentReads>("GetPayment", &Rpc::PrepareAsyncGetPayment,
                                           "BatchGetPayments", &Rpc::PrepareAsyncBatchGetPayments),
      .ListPayments =
          rpc.Read<PaymentLists>("ListPayments", &Rpc::PrepareAsyncListPayments,
                                 "BatchListPayments", &Rpc::PrepareAsyncBatchListPayments),
      .FindRefusal =
          [&charges, &guard = backend.guard](const RequestContext& context) {
            if (context.Remaining() < kLeastPaymentTime) return NoTimeLeft(kChargesGuard);
            absl::Status refusal = charges.FindRefusal();
            return refusal.ok() ? guard.FindOutage() : refusal;
          },
  };
}

}  // namespace scaleout::gateway
