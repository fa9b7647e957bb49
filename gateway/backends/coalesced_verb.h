// A verb whose reads are coalesced, made of the verbs for one and for a batch.
//
//   struct UserReads {
//     static std::optional<ReadKey> FindKey(const GetUserRequest& request);
//     static GetUserRequest RequestOf(const ReadKey& key);
//     static void AddKey(const ReadKey& key, BatchGetUsersRequest& batch);
//     static bool TakeAnswer(BatchGetUsersResponse::Entry& entry, GetUserResponse& answer);
//   };
//
// `Reads`, such a struct in the .cc of a typed backend, says how a request travels in a batch.
// FindKey: what a request reads; nothing if it is not coalesced (a later page, an id that no
// contract allows). AddKey adds one message to the batch's keys. TakeAnswer moves a value out of an
// entry; false if there is none of its kind. Principals are no matter of it: where requests and
// keys name one, the caller's is a part of the key, and goes along with it.
#ifndef SCALEOUT_GATEWAY_BACKENDS_COALESCED_VERB_H_
#define SCALEOUT_GATEWAY_BACKENDS_COALESCED_VERB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/str_cat.h"
#include "gateway/backends/backend.h"
#include "gateway/backends/coalescer.h"
#include "gateway/backends/request_principal.h"
#include "gateway/backends/verb.h"
#include "scaleout/rpc/v1/error_details.pb.h"

namespace scaleout::gateway {

// What coalescers are made with: one for each of `loops`, by their indices. The references outlive
// the verbs.
struct CoalescingParts {
  CoalescerConfig config;
  std::vector<Executor*> loops;
  const Clock& clock;
  Logger& logger;
};

// The key of a read of one item; nothing for an id that the service would refuse.
std::optional<ReadKey> FindItemKey(std::int64_t id);
// The key of a read of a list's first page.
std::optional<ReadKey> FindListKey(std::int64_t id, std::int32_t page_size);

absl::Status ToStatus(const rpc::v1::KeyError& error);
// INTERNAL: the answer of a batch breaks its contract.
absl::Status MalformedBatch(const BackendGuard& guard);

// The answers of a batch for `keys` keys.
template <typename Reads, typename Response, typename BatchResponse>
absl::StatusOr<std::vector<absl::StatusOr<Response>>> TakeAnswers(const BackendGuard& guard,
                                                                  std::size_t keys,
                                                                  BatchResponse& batch) {
  if (static_cast<std::size_t>(batch.entries_size()) != keys) return MalformedBatch(guard);
  std::vector<absl::StatusOr<Response>> answers;
  answers.reserve(keys);
  for (auto& entry : *batch.mutable_entries()) {
    if (entry.has_error()) {
      answers.push_back(ToStatus(entry.error()));
    } else if (Response answer; Reads::TakeAnswer(entry, answer)) {
      answers.push_back(std::move(answer));
    } else {
      answers.push_back(MalformedBatch(guard));
    }
  }
  return answers;
}

// The answer of a batch of one, for a method that has no RPC for one.
template <typename Reads, typename Response, typename BatchResponse>
Task<absl::StatusOr<Response>> TakeOnlyAnswer(Task<absl::StatusOr<BatchResponse>> asking,
                                              const BackendGuard& guard) {
  absl::StatusOr<BatchResponse> batch = co_await asking;
  if (!batch.ok()) co_return batch.status();
  auto answers = TakeAnswers<Reads, Response>(guard, 1, *batch);
  if (!answers.ok()) co_return answers.status();
  co_return std::move(answers->front());
}

// The verbs that a coalesced one is made of.
template <typename Request, typename Response, typename BatchRequest, typename BatchResponse>
struct CoalescedVerbs {
  Verb<Request, Response> plain;  // for what is not coalesced
  // For a coalesced key that goes alone; its calls are not timed, and it leaves the request's
  // principal as it is.
  Verb<Request, Response> one;
  Verb<BatchRequest, BatchResponse> batch;
};

// `method` is that of `one`; its metrics and those of the coalescers are the backend's.
template <typename Reads, typename Request, typename Response, typename BatchRequest,
          typename BatchResponse>
Verb<Request, Response> Coalesce(
    const CoalescingParts& parts, Backend& backend, std::shared_ptr<RpcMethod> method,
    CoalescedVerbs<Request, Response, BatchRequest, BatchResponse> verbs) {
  struct State {
    std::shared_ptr<RpcMethod> method;
    CoalescedVerbs<Request, Response, BatchRequest, BatchResponse> verbs;
    typename Coalescer<Response>::Calls calls;
    std::vector<std::unique_ptr<Coalescer<Response>>> of_loops;
  };
  auto state = std::make_shared<State>();
  state->method = std::move(method);
  state->verbs = std::move(verbs);
  state->calls.one = [&state = *state](RequestContext& context, const ReadKey& key) {
    Request request = Reads::RequestOf(key);
    SetPrincipal(key.principal, request);
    return state.verbs.one(context, std::move(request));
  };
  state->calls.batch = [&state = *state](RequestContext& context, std::vector<ReadKey> keys) {
    BatchRequest ask;
    for (const ReadKey& key : keys) {
      Reads::AddKey(key, ask);
      SetPrincipal(key.principal, *ask.mutable_keys()->rbegin());
    }
    return [](Task<absl::StatusOr<BatchResponse>> asking, const BackendGuard& guard,
              std::size_t count) -> Task<absl::StatusOr<std::vector<absl::StatusOr<Response>>>> {
      absl::StatusOr<BatchResponse> batch = co_await asking;
      if (!batch.ok()) co_return batch.status();
      co_return TakeAnswers<Reads, Response>(guard, count, *batch);
    }(state.verbs.batch(context, std::move(ask)), state.method->guard(), keys.size());
  };
  CoalescerMetrics& metrics =
      backend.coalescers.emplace_back(backend.name, state->method->name(), backend.guard.metrics());
  if (backend.readers == nullptr) {
    backend.readers = std::make_unique<Bulkhead>(BulkheadConfig{parts.config.max_waiting});
  }
  for (Executor* const loop : parts.loops) {
    state->of_loops.push_back(std::make_unique<Coalescer<Response>>(
        parts.config, *loop, parts.clock, parts.logger, *state->method, *backend.readers, metrics,
        state->calls));
  }
  return [state](RequestContext& context, Request&& request) {
    std::optional<ReadKey> key = Reads::FindKey(request);
    if (!key) return state->verbs.plain(context, std::move(request));
    if constexpr (NamesPrincipal<Request>) key->principal = PrincipalOf<Request>(context);
    return state->of_loops[context.loop.index()]->Read(context, *key);
  };
}

}  // namespace scaleout::gateway

#endif  // SCALEOUT_GATEWAY_BACKENDS_COALESCED_VERB_H_
