// What is cached, under which keys, and what each write invalidates: one screen for all services,
// because a write of one may change what another one's lists show.
//
// The typed backends' verbs are replaced by ones over `cache`, which outlives them, as `backend`
// does, which counts; handlers do not see the difference but in RequestContext::cache.
#ifndef SCALEOUT_GATEWAY_BACKENDS_CACHED_BACKENDS_H_
#define SCALEOUT_GATEWAY_BACKENDS_CACHED_BACKENDS_H_

#include "gateway/backends/auth_backend.h"
#include "gateway/backends/backend.h"
#include "gateway/backends/order_backend.h"
#include "gateway/backends/payment_backend.h"
#include "gateway/backends/product_backend.h"
#include "gateway/backends/user_backend.h"
#include "gateway/cache/read_cache.h"

namespace scaleout::gateway {

void CacheUsers(ReadCache& cache, Backend& backend, UserBackend& users);
// A registration makes a user.
void InvalidateUsersAfter(ReadCache& cache, AuthBackend& auth);
void CacheOrders(ReadCache& cache, Backend& backend, OrderBackend& orders);
void CacheProducts(ReadCache& cache, Backend& backend, ProductBackend& products);
void CachePayments(ReadCache& cache, Backend& backend, PaymentBackend& payments);

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_CACHED_BACKENDS_H_
