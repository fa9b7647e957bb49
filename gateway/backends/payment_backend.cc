#include "gateway/backends/payment_backend.h"

#include <utility>

#include "gateway/backends/backend.h"
#include "gateway/backends/backend_channel.h"
#include "gateway/backends/guarded_call.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using Stub = payment::v1::PaymentService::Stub;
using Rpc = payment::v1::PaymentService::StubInterface::async_interface;

class GrpcPaymentBackend final : public PaymentBackend {
 public:
  explicit GrpcPaymentBackend(Backend& backend)
      : backend_(backend), stub_(backend.channel->channel()), rpc_(*stub_.async()) {}

  Task<absl::StatusOr<payment::v1::CreatePaymentResponse>> CreatePayment(
      RequestContext& context, payment::v1::CreatePaymentRequest request) override {
    return GuardedCall(context, *backend_.channel, create_payment_, rpc_, &Rpc::CreatePayment,
                       std::move(request));
  }
  Task<absl::StatusOr<payment::v1::GetPaymentResponse>> GetPayment(
      RequestContext& context, payment::v1::GetPaymentRequest request) override {
    return GuardedCall(context, *backend_.channel, get_payment_, rpc_, &Rpc::GetPayment,
                       std::move(request));
  }
  Task<absl::StatusOr<payment::v1::ListPaymentsResponse>> ListPayments(
      RequestContext& context, payment::v1::ListPaymentsRequest request) override {
    return GuardedCall(context, *backend_.channel, list_payments_, rpc_, &Rpc::ListPayments,
                       std::move(request));
  }

 private:
  Backend& backend_;
  Stub stub_;
  Rpc& rpc_;
  RpcMethod create_payment_{backend_.guard, "CreatePayment", Repeat::kWithKey};
  RpcMethod get_payment_{backend_.guard, "GetPayment", Repeat::kSafe};
  RpcMethod list_payments_{backend_.guard, "ListPayments", Repeat::kSafe};
};

}  // namespace

std::unique_ptr<PaymentBackend> MakePaymentBackend(Backend& backend) {
  return std::make_unique<GrpcPaymentBackend>(backend);
}

}  // namespace scaleout::gateway
