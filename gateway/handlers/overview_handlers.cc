#include "gateway/handlers/overview_handlers.h"

#include <chrono>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

#include "common/status.h"
#include "gateway/handlers/json_response.h"
#include "gateway/json/field_path.h"
#include "gateway/json/query_reader.h"
#include "gateway/json/resource_json.h"
#include "gateway/runtime/when_all.h"

namespace scaleout::gateway {
namespace {

constexpr ClientName kUserNames[] = {{"user_id", "/id"}};

using UserAnswer = absl::StatusOr<user::v1::GetUserResponse>;
using OrdersAnswer = absl::StatusOr<order::v1::ListOrdersResponse>;
using PaymentsAnswer = absl::StatusOr<payment::v1::ListPaymentsResponse>;

template <typename Answer>
struct Part {
  Part(Answer answer_in, Duration latency_in, const CacheNote& cache_in)
      : answer(std::move(answer_in)), latency(latency_in), cache(cache_in) {}

  Answer answer;
  Duration latency;
  CacheNote cache;
};

// `context` is that of the call.
template <typename Answer>
Task<Part<Answer>> Timed(RequestContext& context, Task<Answer> call) {
  const MonotonicTime start = context.clock.Now();
  Answer answer = co_await call;
  Part<Answer> part(std::move(answer), context.clock.Now() - start, context.cache);
  co_return part;
}

// Without a user the optional parts are not needed.
Task<Part<UserAnswer>> RequiredUser(RequestContext& context, Task<UserAnswer> call,
                                    RequestContext& orders, RequestContext& payments) {
  Task<Part<UserAnswer>> timed = Timed(context, std::move(call));
  Part<UserAnswer> user = co_await timed;
  if (!user.answer.ok()) {
    orders.cancellation.Cancel();
    payments.cancellation.Cancel();
  }
  co_return user;
}

template <typename Answer>
std::string_view PartStatus(const Part<Answer>& part) {
  const absl::Status& status = part.answer.status();
  if (status.ok()) return part.cache.result == CacheResult::kStale ? "stale" : "ok";
  if (ReasonOf(status) == "CIRCUIT_OPEN") return "circuit_open";
  return status.code() == absl::StatusCode::kDeadlineExceeded ? "timeout" : "error";
}

template <typename Answer>
void WritePart(JsonWriter& json, const JsonKey& name, const Part<Answer>& part) {
  json.StartObject(name);
  json.Field("status", PartStatus(part));
  json.Field("latencyMs", std::chrono::duration<double, std::milli>(part.latency).count());
  if (part.answer.ok() && part.cache.result == CacheResult::kStale) {
    json.Field("ageMs", part.cache.age.count());
  }
  json.EndObject();
}

Response Render(const Part<UserAnswer>& user, const Part<OrdersAnswer>& orders,
                const Part<PaymentsAnswer>& payments) {
  JsonWriter json;
  json.StartObject();
  json.Key("user");
  WriteUser(json, user.answer->user());
  if (orders.answer.ok()) {
    json.StartObject("orders");
    WritePage(json, orders.answer->orders(), orders.answer->next_page_token(), &WriteOrder);
    json.EndObject();
  } else {
    json.Null("orders");
  }
  if (payments.answer.ok()) {
    json.StartObject("payments");
    WritePage(json, payments.answer->payments(), payments.answer->next_page_token(), &WritePayment);
    json.EndObject();
  } else {
    json.Null("payments");
  }
  const std::size_t content_bytes = json.size();
  json.StartObject("_meta");
  json.StartObject("parts");
  WritePart(json, "user", user);
  WritePart(json, "orders", orders);
  WritePart(json, "payments", payments);
  json.EndObject();
  json.EndObject();
  json.EndObject();

  if (orders.answer.ok() && payments.answer.ok()) {
    Response response = JsonResponse(std::move(json));
    response.content_bytes = content_bytes;
    response.headers.emplace_back("X-Aggregate-Complete", "true");
    return response;
  }
  Response response = UncachedResponse(std::move(json));
  response.headers.emplace_back("X-Aggregate-Complete", "false");
  return response;
}

}  // namespace

Task<absl::StatusOr<Response>> OverviewHandlers::Get(RequestContext& context,
                                                     const Request& request) {
  QueryReader query(request);
  user::v1::GetUserRequest ask_user;
  ask_user.set_user_id(query.PathId("id"));
  absl::Status checked = query.Check();
  if (!checked.ok()) co_return checked;
  order::v1::ListOrdersRequest ask_orders;
  ask_orders.set_user_id(ask_user.user_id());
  ask_orders.set_page_size(kOverviewItems);
  payment::v1::ListPaymentsRequest ask_payments;
  ask_payments.set_user_id(ask_user.user_id());
  ask_payments.set_page_size(kOverviewItems);

  PartContext for_orders(context);
  PartContext for_payments(context);
  Task<Part<UserAnswer>> get_user =
      RequiredUser(context, users_.GetUser(context, std::move(ask_user)), for_orders, for_payments);
  Task<Part<OrdersAnswer>> list_orders =
      Timed(for_orders, orders_.ListOrders(for_orders, std::move(ask_orders)));
  Task<Part<PaymentsAnswer>> list_payments =
      Timed(for_payments, payments_.ListPayments(for_payments, std::move(ask_payments)));
  WhenAll all(get_user, list_orders, list_payments);
  const std::tuple<Part<UserAnswer>, Part<OrdersAnswer>, Part<PaymentsAnswer>> parts = co_await all;
  const auto& [user, orders, payments] = parts;

  if (!user.answer.ok()) co_return WithClientNames(user.answer.status(), kUserNames);
  context.cache = Combine(user.cache, Combine(orders.cache, payments.cache));
  co_return Render(user, orders, payments);
}

}  // namespace scaleout::gateway
