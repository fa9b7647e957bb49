#include "gateway/backends/session_backend.h"

#include "gateway/backends/service_rpcs.h"
#include "scaleout/user/v1/auth.grpc.pb.h"

namespace scaleout::gateway {
namespace {

using namespace user::v1;

struct SessionReads {
  using Key = CheckSessionsRequest::Key;
  using Entry = CheckSessionsResponse::Entry;

  static std::optional<ReadKey> FindKey(const Key& request) {
    const std::optional<SessionNumber> session = FindSessionNumber(request.session_id());
    rpc::v1::Principal principal;
    principal.set_user_id(request.user_id());
    principal.set_role(request.role());
    const Principal owner = FromProto(principal);
    if (!session || owner.role == Role::kNone) return std::nullopt;
    return ReadKey{.principal = owner, .session = *session};
  }
  static Key RequestOf(const ReadKey& key) {
    rpc::v1::Principal principal;
    ToProto(key.principal, principal);
    Key request;
    request.set_session_id(SessionIdOf(key.session));
    request.set_user_id(principal.user_id());
    request.set_role(principal.role());
    return request;
  }
  static void AddKey(const ReadKey& key, CheckSessionsRequest& batch) {
    *batch.add_keys() = RequestOf(key);
  }
  static bool TakeAnswer(const Entry& entry, Entry& answer) {
    if (!entry.has_alive()) return false;
    answer.set_alive(entry.alive());
    return true;
  }
};

}  // namespace

SessionBackend MakeSessionBackend(Backend& users, const CoalescingParts* coalescing) {
  const ServiceRpcs<user::v1::AuthService> rpc(users, coalescing);
  using Rpc = decltype(rpc)::Stub;
  return SessionBackend{
      .CheckSession = rpc.ReadInBatches<SessionReads, SessionReads::Key, SessionReads::Entry>(
          "CheckSession", "CheckSessions", &Rpc::PrepareAsyncCheckSessions),
      .ListRevocations = rpc("ListRevocations", Repeat::kSafe, &Rpc::PrepareAsyncListRevocations),
  };
}

}  // namespace scaleout::gateway
