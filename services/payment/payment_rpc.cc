#include "services/payment/payment_rpc.h"

#include "common/str_cat.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"
#include "service/service_calls.h"
#include "services/payment/payment_service.h"

namespace scaleout::payment {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

class PaymentRpc final : public v1::PaymentService::CallbackService {
 public:
  PaymentRpc(PaymentService& service, ServiceCalls& calls)
      : service_(service),
        calls_(calls),
        create_payment_(AddMethod("CreatePayment")),
        get_payment_(AddMethod("GetPayment")),
        list_payments_(AddMethod("ListPayments")),
        batch_list_payments_(AddMethod("BatchListPayments")) {}

  Reactor* CreatePayment(Context* context, const v1::CreatePaymentRequest* request,
                         v1::CreatePaymentResponse* response) override {
    return calls_.Start(create_payment_, context, [=, this](const CallContext& call) {
      return service_.CreatePayment(call, *request, *response);
    });
  }
  Reactor* GetPayment(Context* context, const v1::GetPaymentRequest* request,
                      v1::GetPaymentResponse* response) override {
    return calls_.Start(get_payment_, context, [=, this](const CallContext& call) {
      return service_.GetPayment(call, *request, *response);
    });
  }
  Reactor* ListPayments(Context* context, const v1::ListPaymentsRequest* request,
                        v1::ListPaymentsResponse* response) override {
    return calls_.Start(list_payments_, context, [=, this](const CallContext& call) {
      return service_.ListPayments(call, *request, *response);
    });
  }
  Reactor* BatchListPayments(Context* context, const v1::BatchListPaymentsRequest* request,
                             v1::BatchListPaymentsResponse* response) override {
    return calls_.Start(batch_list_payments_, context, [=, this](const CallContext& call) {
      return service_.BatchListPayments(call, *request, *response);
    });
  }

 private:
  ServiceCalls::Method& AddMethod(std::string_view name) {
    return calls_.AddMethod(StrCat(kPaymentServiceName, "/", name));
  }

  PaymentService& service_;
  ServiceCalls& calls_;
  ServiceCalls::Method& create_payment_;
  ServiceCalls::Method& get_payment_;
  ServiceCalls::Method& list_payments_;
  ServiceCalls::Method& batch_list_payments_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePaymentRpc(PaymentService& service, ServiceCalls& calls) {
  return std::make_unique<PaymentRpc>(service, calls);
}

}  // namespace scaleout::payment
