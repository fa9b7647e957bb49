#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <utility>

#include "common/grpc_channel.h"
#include "common/grpc_status.h"
#include "scaleout/payment/v1/payment.grpc.pb.h"
#include "services/order/payment_settlements.h"

namespace scaleout::order {
namespace {

using payment::v1::PaymentService;

class GrpcPaymentSettlements final : public PaymentSettlements {
 public:
  explicit GrpcPaymentSettlements(const std::string& target)
      : stub_(PaymentService::NewStub(MakeServiceChannel(target))) {}

  absl::StatusOr<std::optional<Charge>> Settle(const CallContext& call,
                                               const OverdueReservation& reservation) override {
    payment::v1::SettleReservationRequest request;
    request.set_reservation_id(reservation.id);
    payment::v1::SettleReservationResponse answer;
    grpc::ClientContext context;
    SetDeadline(context, call.deadline, SystemClock());
    const absl::Status status =
        FromGrpcStatus(stub_->SettleReservation(&context, request, &answer));
    if (!status.ok()) return status;
    Charge charge{reservation.order_id, reservation.id, std::nullopt};
    switch (answer.outcome()) {
      case payment::v1::RESERVATION_OUTCOME_UNDECIDED:
        return std::optional<Charge>();
      case payment::v1::RESERVATION_OUTCOME_CAPTURED:
        charge.captured = Money{answer.amount().amount_minor(), answer.amount().currency_code()};
        return std::optional<Charge>(std::move(charge));
      case payment::v1::RESERVATION_OUTCOME_FAILED:
        return std::optional<Charge>(std::move(charge));
      default:
        return absl::InternalError("the payment service answers an outcome that is unknown here");
    }
  }

 private:
  const std::unique_ptr<PaymentService::Stub> stub_;
};

}  // namespace

std::unique_ptr<PaymentSettlements> MakePaymentSettlements(const std::string& target) {
  return std::make_unique<GrpcPaymentSettlements>(target);
}

}  // namespace scaleout::order
