// On whose behalf tests ask.
#ifndef SCALEOUT_TESTS_SUPPORT_PRINCIPALS_H_
#define SCALEOUT_TESTS_SUPPORT_PRINCIPALS_H_

#include <cstdint>
#include <utility>

#include "common/principal.h"

namespace scaleout::testing {

inline constexpr Principal Customer(std::int64_t user_id) { return {user_id, Role::kCustomer}; }
inline constexpr Principal Admin(std::int64_t user_id) { return {user_id, Role::kAdmin}; }

// `message`, a request or a key of a batch, on behalf of `principal`; of a batch each key. What is
// public stays as it is.
template <typename Message>
Message By(const Principal& principal, Message message) {
  if constexpr (requires { message.mutable_principal(); }) {
    ToProto(principal, *message.mutable_principal());
  } else {
    for (auto& key : *message.mutable_keys()) {
      if constexpr (requires { key.mutable_principal(); }) {
        ToProto(principal, *key.mutable_principal());
      }
    }
  }
  return message;
}
// As the lab, which may do everything.
template <typename Message>
Message ByLab(Message message) {
  return By(kLabPrincipal, std::move(message));
}

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_PRINCIPALS_H_
