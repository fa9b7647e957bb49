// OrderService over fakes of what it asks.
#ifndef SCALEOUT_TESTS_SERVICES_ORDER_ORDER_SERVICE_FIXTURE_H_
#define SCALEOUT_TESTS_SERVICES_ORDER_ORDER_SERVICE_FIXTURE_H_

#include <gtest/gtest.h>

#include "services/order/order_service.h"
#include "tests/services/order/fake_orders.h"
#include "tests/services/order/fake_reservations.h"
#include "tests/support/fake_idempotent_writes.h"

namespace scaleout::order {

class OrderServiceFixture : public ::testing::Test {
 protected:
  FakeOrders orders_;
  FakeReservations reservations_;
  scaleout::testing::FakeIdempotentWrites writes_;
  OrderService service_{orders_, reservations_, writes_};
  const CallContext call_;
};

}  // namespace scaleout::order

#endif  // SCALEOUT_TESTS_SERVICES_ORDER_ORDER_SERVICE_FIXTURE_H_
