// On whose behalf a service works, and whose things that principal finds.
//
// A request that is not public names a principal, or is refused (RequirePrincipal). An admin, and
// the lab, find everything; a customer finds its own, and nothing else exists for it: NOT_FOUND, in
// the words for what is not there. A thing that has an owner is looked for with an Owner, which
// goes into the statement; a thing that is named by its owner's id (a user, a user's list) needs
// none (CheckMayActFor). Values; pure.
#ifndef SCALEOUT_SERVICE_PRINCIPAL_H_
#define SCALEOUT_SERVICE_PRINCIPAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/principal.h"

namespace scaleout {

// Whose a thing has to be to be found: one user's, or anyone's.
class Owner {
 public:
  static constexpr Owner Anyone() { return Owner(std::nullopt); }
  static constexpr Owner User(std::int64_t user_id) { return Owner(user_id); }
  // Anyone for an admin.
  static Owner For(const Principal& principal);

  // As a statement's parameter: NULL is anyone.
  std::optional<std::string> parameter() const;
  bool Covers(std::int64_t user_id) const { return !user_id_ || *user_id_ == user_id; }

  friend bool operator==(const Owner&, const Owner&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const Owner& owner) {
    return H::combine(std::move(hash), owner.user_id_);
  }

 private:
  explicit constexpr Owner(std::optional<std::int64_t> user_id) : user_id_(user_id) {}

  std::optional<std::int64_t> user_id_;
};

// What a batch looks for.
template <typename Id>
struct OwnedId {
  Id id;
  Owner owner;

  friend bool operator==(const OwnedId&, const OwnedId&) = default;
};

// As a statement's two parameters.
template <typename Id>
std::vector<std::int64_t> IdsOf(const std::vector<OwnedId<Id>>& keys) {
  std::vector<std::int64_t> ids;
  ids.reserve(keys.size());
  for (const OwnedId<Id>& key : keys) ids.push_back(key.id.value());
  return ids;
}
template <typename Id>
std::string OwnersOf(const std::vector<OwnedId<Id>>& keys) {
  std::string array = "{";
  for (const OwnedId<Id>& key : keys) {
    if (array.size() > 1) array += ',';
    array += key.owner.parameter().value_or("NULL");
  }
  return array + '}';
}

// UNAUTHENTICATED for a message that is absent or breaks its contract.
absl::StatusOr<Principal> RequirePrincipal(const rpc::v1::Principal& message);

// PERMISSION_DENIED for a customer.
absl::Status CheckIsAdmin(const Principal& principal);

// NOT_FOUND, as for a user that does not exist, unless it is the principal itself, or an admin
// asks.
absl::Status CheckMayActFor(const Principal& principal, std::int64_t user_id);

// The user whose list is asked for: of a customer that names none its own. 0 means everyone's.
std::int64_t ListedUser(const Principal& principal, std::int64_t requested);

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_PRINCIPAL_H_
