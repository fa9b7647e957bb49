// What the user service's program does beside serving: keys, the first admin, passwords.
//
// Passwords come from standard input, one line. What a verb changes in the database, the service's
// running replicas see at once; sessions that it ends are published by them, and the verb says how
// many those are.
#ifndef SCALEOUT_SERVICES_USER_USER_VERBS_H_
#define SCALEOUT_SERVICES_USER_USER_VERBS_H_

#include <vector>

#include "service/service_verbs.h"
#include "services/user/auth_config.h"

namespace scaleout::user {

// --make-signing-key, --public-key, --create-admin, --set-password. `config` is what the settings
// are declared into, and must outlive them.
std::vector<ServiceVerb> UserVerbs(const AuthConfig& config);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_USER_VERBS_H_
