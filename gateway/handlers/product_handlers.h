// /api/products: the catalog over HTTP.
//
// Each handler parses, asks and renders (ask_backend.h). The catalog is read only: the order
// service has it, because an order takes its prices from it. Stateless apart from the injected
// backend, which outlives it, and hence shared by all loops.
#ifndef SCALEOUT_GATEWAY_HANDLERS_PRODUCT_HANDLERS_H_
#define SCALEOUT_GATEWAY_HANDLERS_PRODUCT_HANDLERS_H_

#include "absl/status/statusor.h"
#include "gateway/backends/product_backend.h"
#include "gateway/http/message.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

class ProductHandlers {
 public:
  explicit ProductHandlers(ProductBackend& products) : products_(products) {}

  Task<absl::StatusOr<Response>> List(RequestContext& context, const Request& request);
  Task<absl::StatusOr<Response>> Get(RequestContext& context, const Request& request);

 private:
  ProductBackend& products_;
};

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_HANDLERS_PRODUCT_HANDLERS_H_
