#include "gateway/handlers/fault_handlers.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "common/status.h"
#include "common/str_cat.h"
#include "gateway/handlers/backends_response.h"
#include "gateway/json/json_reader.h"
#include "gateway/json/query_reader.h"
#include "gateway/resilience/injected_faults.h"

namespace scaleout::gateway {
namespace {

constexpr std::int64_t kMaxPercent = 100;
constexpr std::string_view kEveryBackend = "all";

std::optional<absl::StatusCode> FindError(std::string_view name) {
  for (const absl::StatusCode code : kInjectableErrors) {
    if (CodeName(code) == name) return code;
  }
  return std::nullopt;
}

rpc::v1::Violation FindErrorViolation(std::string_view name) {
  if (FindError(name)) return std::nullopt;
  std::vector<std::string> names;
  for (const absl::StatusCode code : kInjectableErrors) names.emplace_back(CodeName(code));
  return StrCat("must be one of: ", absl::StrJoin(names, " "));
}

rpc::v1::Violation FindNameViolation(std::string_view name) {
  if (!name.empty()) return std::nullopt;
  return "must not be empty";
}

FaultRates ReadRates(JsonFields& fields) {
  const auto integer = [&fields](std::string_view name, std::int64_t max) {
    return fields.OptionalInteger(name, 0, max).value_or(0);
  };
  FaultRates rates;
  rates.latency = std::chrono::milliseconds(integer("latencyMs", kMaxInjectedDelay.count()));
  rates.jitter = std::chrono::milliseconds(integer("jitterMs", kMaxInjectedDelay.count()));
  rates.error_percent = static_cast<int>(integer("errorPercent", kMaxPercent));
  const std::optional<std::string> error =
      fields.OptionalString("errorStatus", &FindErrorViolation);
  rates.error = FindError(error.value_or("")).value_or(rates.error);
  rates.abort_percent = static_cast<int>(integer("abortPercent", kMaxPercent));
  if (rates.error_percent + rates.abort_percent > kMaxPercent) {
    fields.Refuse("abortPercent", "must not be more than errorPercent leaves of 100");
  }
  return rates;
}

void WriteRates(JsonWriter& json, const FaultRates& rates) {
  json.StartObject();
  json.Field("latencyMs", std::int64_t{rates.latency.count()});
  json.Field("jitterMs", std::int64_t{rates.jitter.count()});
  json.Field("errorPercent", rates.error_percent);
  json.Field("errorStatus", CodeName(rates.error));
  json.Field("abortPercent", rates.abort_percent);
  json.EndObject();
}

}  // namespace

FaultHandlers::FaultHandlers(std::string instance_id, Backends& backends)
    : instance_id_(std::move(instance_id)), backends_(backends) {}

Task<absl::StatusOr<Response>> FaultHandlers::List(RequestContext&, const Request& request) {
  QueryReader query(request);
  absl::Status checked = query.Check();
  if (!checked.ok()) co_return checked;
  co_return Answer();
}

Task<absl::StatusOr<Response>> FaultHandlers::Set(RequestContext&, const Request& request) {
  QueryReader query(request);
  JsonBody body(request);
  const std::string name = body.root().String("backend", &FindNameViolation);
  BackendGuard* const guard = backends_.FindGuard(name);
  if (guard == nullptr && !name.empty()) {
    body.root().Refuse("backend", "is none that this gateway calls");
  }
  const FaultRates rates = ReadRates(body.root());
  absl::Status checked = body.Check(query.TakeViolations());
  if (!checked.ok()) co_return checked;
  guard->SetFaults(rates);
  co_return Answer();
}

Task<absl::StatusOr<Response>> FaultHandlers::Clear(RequestContext&, const Request& request) {
  QueryReader query(request);
  std::vector<std::string_view> names = {kEveryBackend};
  for (BackendGuard* const guard : backends_.guards()) names.push_back(guard->backend());
  const std::string_view wanted = query.OneOf("backend", names);
  absl::Status checked = query.Check();
  if (!checked.ok()) co_return checked;
  for (BackendGuard* const guard : backends_.guards()) {
    if (wanted == kEveryBackend || wanted == guard->backend()) guard->SetFaults({});
  }
  co_return Answer();
}

Response FaultHandlers::Answer() {
  return BackendsResponse(instance_id_, backends_, [](JsonWriter& json, BackendGuard& guard) {
    WriteRates(json, guard.faults().rates());
  });
}

}  // namespace scaleout::gateway
