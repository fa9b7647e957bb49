// The gRPC face of PaymentService: each RPC as one line that hands it to ServiceCalls. The only
// file here that knows the stubs.
#ifndef SCALEOUT_SERVICES_PAYMENT_PAYMENT_RPC_H_
#define SCALEOUT_SERVICES_PAYMENT_PAYMENT_RPC_H_

#include <memory>

namespace grpc {
class Service;
}  // namespace grpc

namespace scaleout {
class ServiceCalls;
}  // namespace scaleout

namespace scaleout::payment {

class PaymentService;

inline constexpr const char* kPaymentServiceName = "scaleout.payment.v1.PaymentService";

// Both must outlive it.
std::unique_ptr<grpc::Service> MakePaymentRpc(PaymentService& service, ServiceCalls& calls);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_RPC_H_
