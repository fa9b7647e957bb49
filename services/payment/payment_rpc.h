// PaymentService as a gRPC service: one line for each RPC names the method that serves it.
//
// UnaryRpcs (service/unary_rpcs.h) compares the list with the contract and gives every call to
// ServiceCalls, which runs it on a worker. No other file of this directory includes gRPC.
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

// `charges` are the calls that ask the provider. All must outlive the result.
std::unique_ptr<grpc::Service> MakePaymentRpc(PaymentService& service, ServiceCalls& calls,
                                              ServiceCalls& charges);

}  // namespace scaleout::payment

#endif  // SCALEOUT_SERVICES_PAYMENT_PAYMENT_RPC_H_
