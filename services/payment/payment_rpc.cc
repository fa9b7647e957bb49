#include "services/payment/payment_rpc.h"

#include "service/unary_rpcs.h"
#include "services/payment/payment_service.h"

namespace scaleout::payment {

std::unique_ptr<grpc::Service> MakePaymentRpc(PaymentService& service, ServiceCalls& calls,
                                              ServiceCalls& charges) {
  using Rpcs = UnaryRpcs<PaymentService>;
  return std::make_unique<Rpcs>(kPaymentServiceName, service, calls,
                                Rpcs::List{
                                    {"CreatePayment", &PaymentService::CreatePayment, &charges},
                                    {"SettleReservation", &PaymentService::SettleReservation},
                                    {"GetPayment", &PaymentService::GetPayment},
                                    {"BatchGetPayments", &PaymentService::BatchGetPayments},
                                    {"ListPayments", &PaymentService::ListPayments},
                                    {"BatchListPayments", &PaymentService::BatchListPayments},
                                });
}

}  // namespace scaleout::payment
