#include "services/order/order_rpc.h"

#include "common/str_cat.h"
#include "scaleout/order/v1/order.grpc.pb.h"
#include "scaleout/order/v1/product.grpc.pb.h"
#include "service/service_calls.h"
#include "services/order/order_service.h"
#include "services/order/product_service.h"

namespace scaleout::order {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

class OrderRpc final : public v1::OrderService::CallbackService {
 public:
  OrderRpc(OrderService& service, ServiceCalls& calls)
      : service_(service),
        calls_(calls),
        create_order_(AddMethod("CreateOrder")),
        get_order_(AddMethod("GetOrder")),
        list_orders_(AddMethod("ListOrders")),
        batch_list_orders_(AddMethod("BatchListOrders")),
        cancel_order_(AddMethod("CancelOrder")) {}

  Reactor* CreateOrder(Context* context, const v1::CreateOrderRequest* request,
                       v1::CreateOrderResponse* response) override {
    return calls_.Start(create_order_, context, [=, this](const CallContext& call) {
      return service_.CreateOrder(call, *request, *response);
    });
  }
  Reactor* GetOrder(Context* context, const v1::GetOrderRequest* request,
                    v1::GetOrderResponse* response) override {
    return calls_.Start(get_order_, context, [=, this](const CallContext& call) {
      return service_.GetOrder(call, *request, *response);
    });
  }
  Reactor* ListOrders(Context* context, const v1::ListOrdersRequest* request,
                      v1::ListOrdersResponse* response) override {
    return calls_.Start(list_orders_, context, [=, this](const CallContext& call) {
      return service_.ListOrders(call, *request, *response);
    });
  }
  Reactor* BatchListOrders(Context* context, const v1::BatchListOrdersRequest* request,
                           v1::BatchListOrdersResponse* response) override {
    return calls_.Start(batch_list_orders_, context, [=, this](const CallContext& call) {
      return service_.BatchListOrders(call, *request, *response);
    });
  }
  Reactor* CancelOrder(Context* context, const v1::CancelOrderRequest* request,
                       v1::CancelOrderResponse* response) override {
    return calls_.Start(cancel_order_, context, [=, this](const CallContext& call) {
      return service_.CancelOrder(call, *request, *response);
    });
  }

 private:
  ServiceCalls::Method& AddMethod(std::string_view name) {
    return calls_.AddMethod(StrCat(kOrderServiceName, "/", name));
  }

  OrderService& service_;
  ServiceCalls& calls_;
  ServiceCalls::Method& create_order_;
  ServiceCalls::Method& get_order_;
  ServiceCalls::Method& list_orders_;
  ServiceCalls::Method& batch_list_orders_;
  ServiceCalls::Method& cancel_order_;
};

class ProductRpc final : public v1::ProductService::CallbackService {
 public:
  ProductRpc(ProductService& service, ServiceCalls& calls)
      : service_(service),
        calls_(calls),
        get_product_(AddMethod("GetProduct")),
        list_products_(AddMethod("ListProducts")) {}

  Reactor* GetProduct(Context* context, const v1::GetProductRequest* request,
                      v1::GetProductResponse* response) override {
    return calls_.Start(get_product_, context, [=, this](const CallContext& call) {
      return service_.GetProduct(call, *request, *response);
    });
  }
  Reactor* ListProducts(Context* context, const v1::ListProductsRequest* request,
                        v1::ListProductsResponse* response) override {
    return calls_.Start(list_products_, context, [=, this](const CallContext& call) {
      return service_.ListProducts(call, *request, *response);
    });
  }

 private:
  ServiceCalls::Method& AddMethod(std::string_view name) {
    return calls_.AddMethod(StrCat(kProductServiceName, "/", name));
  }

  ProductService& service_;
  ServiceCalls& calls_;
  ServiceCalls::Method& get_product_;
  ServiceCalls::Method& list_products_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeOrderRpc(OrderService& service, ServiceCalls& calls) {
  return std::make_unique<OrderRpc>(service, calls);
}

std::unique_ptr<grpc::Service> MakeProductRpc(ProductService& service, ServiceCalls& calls) {
  return std::make_unique<ProductRpc>(service, calls);
}

}  // namespace scaleout::order
