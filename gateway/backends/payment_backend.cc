#include "gateway/backends/payment_backend.h"

#include "gateway/backends/service_rpcs.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"

namespace scaleout::gateway {

PaymentBackend MakePaymentBackend(Backend& backend) {
  const ServiceRpcs<payment::v1::PaymentService> rpc(backend);
  using Rpc = decltype(rpc)::AsyncStub;
  return PaymentBackend{
      .CreatePayment = rpc("CreatePayment", Repeat::kWithKey, &Rpc::CreatePayment),
      .GetPayment = rpc("GetPayment", Repeat::kSafe, &Rpc::GetPayment),
      .ListPayments = rpc("ListPayments", Repeat::kSafe, &Rpc::ListPayments),
  };
}

}  // namespace scaleout::gateway
