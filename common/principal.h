// On whose behalf something is asked: who, in which role, or the lab's principal.
//
// A plain value, compared and hashed by all of it. The gateway makes it from a verified access
// token (gateway/auth) and sends it as a field of each request (rpc/v1/principal.proto); a service
// decides by it what may be seen and changed. `Role::kNone` is a request without a login: it reads
// what is public.
#ifndef SCALEOUT_COMMON_PRINCIPAL_H_
#define SCALEOUT_COMMON_PRINCIPAL_H_

#include <cstdint>
#include <string_view>
#include <utility>

namespace scaleout {

namespace rpc::v1 {
class Principal;
}  // namespace rpc::v1

enum class Role : std::uint8_t { kNone, kCustomer, kAdmin };

// As tokens and JSON have it: "customer", "admin"; "" for kNone.
std::string_view RoleName(Role role);
// kNone for a name that is none.
Role FindRole(std::string_view name);

struct Principal {
  std::int64_t user_id = 0;  // positive, but for the lab's principal and for none
  Role role = Role::kNone;
  bool lab = false;

  bool IsAdmin() const { return role == Role::kAdmin; }

  friend bool operator==(const Principal&, const Principal&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const Principal& principal) {
    return H::combine(std::move(hash), principal.user_id, principal.role, principal.lab);
  }
};

// What a request without a token acts as where AUTH_MODE is optional.
inline constexpr Principal kLabPrincipal{0, Role::kAdmin, true};

void ToProto(const Principal& principal, rpc::v1::Principal& message);
// A message that breaks its contract (no role, a customer without a user) is Role::kNone.
Principal FromProto(const rpc::v1::Principal& message);

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_PRINCIPAL_H_
