// Which page of the ended sessions is asked for (AuthService.ListRevocations).
//
// A token names the last revocation of the page before, "<microseconds>.<session id>"; it is for
// gateways, which send it back unchanged. Pure and thread-safe.
#ifndef SCALEOUT_SERVICES_USER_REVOCATION_PAGE_H_
#define SCALEOUT_SERVICES_USER_REVOCATION_PAGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "scaleout/user/v1/auth.pb.h"
#include "service/field_checks.h"
#include "services/user/session_repository.h"

namespace scaleout::user {

struct RevocationPage {
  std::optional<Revocation> after;  // none: the first page
  std::int32_t size = 0;
};

// Violations name page_size and page_token.
RevocationPage ParseRevocationPage(const v1::ListRevocationsRequest& request, FieldChecks& checks);

std::string MakeRevocationToken(const Revocation& last);

}  // namespace scaleout::user

#endif  // SCALEOUT_SERVICES_USER_REVOCATION_PAGE_H_
