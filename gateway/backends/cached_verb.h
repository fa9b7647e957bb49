// Verbs that read through the cache, and verbs that invalidate what they may have changed: made of
// the verbs below them (coalesced or not), which they replace.
//
// A read that the cache cannot help with, or is not to, is the verb below. A write that was sent is
// followed by the replacement of its tokens before its answer, whatever that is; one that this
// gateway refused itself (circuit open, bulkhead full) has changed nothing. A read whose request
// names a principal is cached for that principal alone. The cache outlives the verbs.
#ifndef SCALEOUT_GATEWAY_BACKENDS_CACHED_VERB_H_
#define SCALEOUT_GATEWAY_BACKENDS_CACHED_VERB_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/backends/backend.h"
#include "gateway/backends/request_principal.h"
#include "gateway/backends/verb.h"
#include "gateway/cache/read_cache.h"
#include "gateway/resilience/rejection.h"
#include "gateway/runtime/request_context.h"
#include "gateway/runtime/task.h"

namespace scaleout::gateway {

// What a request reads; nothing if it is not cached.
template <typename Request>
using QueryOf = std::optional<CacheQuery> (*)(const Request& request);
// The names of the tokens of all that a write may have changed.
template <typename Request, typename Response>
using ChangesOf = std::vector<std::string> (*)(const Request& request,
                                               const absl::StatusOr<Response>& answer);

// Asks `verb` for what is to be stored.
template <typename Request, typename Response>
Task<absl::StatusOr<std::string>> AskForBytes(RequestContext& context,
                                              const Verb<Request, Response>& verb,
                                              Request request) {
  Task<absl::StatusOr<Response>> asking = verb(context, std::move(request));
  const absl::StatusOr<Response> answer = co_await asking;
  if (!answer.ok()) co_return answer.status();
  co_return answer->SerializeAsString();
}

template <typename Request, typename Response>
FillFunction FillWith(const Verb<Request, Response>& verb, const Request& request) {
  return [&verb, request](RequestContext& context) {
    return AskForBytes<Request, Response>(context, verb, request);
  };
}

template <typename Request, typename Response>
Task<absl::StatusOr<Response>> ReadThrough(RequestContext& context, ReadCache& cache,
                                           const CachedMethod& method,
                                           const Verb<Request, Response>& verb, CacheQuery query,
                                           Request request) {
  Task<CacheFound> finding = cache.Find(context, method, query);
  CacheFound found = co_await finding;
  Response response;
  if (found.entry && (found.entry->negative ||
                      response.ParseFromArray(found.entry->payload.data(),
                                              static_cast<int>(found.entry->payload.size())))) {
    method.metrics.CountRead(found.result);
    if (found.result == CacheResult::kStale) {
      cache.Refresh(context, method, std::move(query), std::move(found.tokens),
                    FillWith<Request, Response>(verb, request));
    }
    if (found.entry->negative) co_return StatusOfNegative(found.entry->payload);
    co_return response;
  }
  if (found.result == CacheResult::kBypass) {
    context.cache = CacheNote{.result = CacheResult::kBypass};
    method.metrics.CountRead(CacheResult::kBypass);
    Task<absl::StatusOr<Response>> asking = verb(context, std::move(request));
    absl::StatusOr<Response> answer = co_await asking;
    co_return answer;
  }
  Task<SharedAnswer> filling =
      cache.Fill(context, method, std::move(query), std::move(found.tokens), found.until,
                 FillWith<Request, Response>(verb, request));
  const SharedAnswer bytes = co_await filling;
  method.metrics.CountRead(context.cache.result);
  if (!bytes.ok()) co_return bytes.status();
  if (response.ParseFromString(**bytes)) co_return response;
  // Another replica's, and no such message.
  Task<absl::StatusOr<Response>> asking = verb(context, std::move(request));
  absl::StatusOr<Response> answer = co_await asking;
  co_return answer;
}

// `method` is the verb's name. What it counts is the backend's.
template <typename Request, typename Response>
void CacheReads(ReadCache& cache, Backend& backend, std::string_view method,
                std::chrono::milliseconds ttl, Verb<Request, Response>& verb,
                std::type_identity_t<QueryOf<Request>> query_of) {
  struct State {
    CachedMethod method;
    Verb<Request, Response> below;
  };
  const auto state = std::make_shared<const State>(
      State{{backend.cached.emplace_back(backend.name, method, backend.guard.metrics()), ttl},
            std::move(verb)});
  verb = [&cache, state, query_of](RequestContext& context, Request&& request) {
    std::optional<CacheQuery> query = query_of(request);
    if (!query) return state->below(context, std::move(request));
    if constexpr (NamesPrincipal<Request>) query->SetPrincipal(context.principal);
    return ReadThrough<Request, Response>(context, cache, state->method, state->below,
                                          *std::move(query), std::move(request));
  };
}

template <typename Request, typename Response>
Task<absl::StatusOr<Response>> WriteThrough(RequestContext& context, ReadCache& cache,
                                            const Verb<Request, Response>& verb,
                                            ChangesOf<Request, Response> changes_of,
                                            Request request) {
  const Request asked = request;
  Task<absl::StatusOr<Response>> asking = verb(context, std::move(request));
  absl::StatusOr<Response> answer = co_await asking;
  if (!answer.ok() && IsRejectedCall(answer.status())) co_return answer;
  Task<void> replacing = cache.Invalidate(context, changes_of(asked, answer));
  co_await replacing;
  co_return answer;
}

template <typename Request, typename Response>
void InvalidateAfter(ReadCache& cache, Verb<Request, Response>& verb,
                     std::type_identity_t<ChangesOf<Request, Response>> changes_of) {
  auto below = std::make_shared<const Verb<Request, Response>>(std::move(verb));
  verb = [&cache, below, changes_of](RequestContext& context, Request&& request) {
    return WriteThrough<Request, Response>(context, cache, *below, changes_of, std::move(request));
  };
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_CACHED_VERB_H_
