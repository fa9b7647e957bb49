#include "redis/redis_settings.h"

#include <string>
#include <utility>

#include "common/str_cat.h"

namespace scaleout {

void DeclareRedisServer(Settings& settings, std::string_view name, std::string_view what,
                        std::optional<RedisServer>& server) {
  std::string address;
  std::string password;
  const std::string address_name = StrCat("REDIS_", name, "_ADDRESS");
  const std::string password_name = StrCat("REDIS_", name, "_PASSWORD");
  settings.String(address_name, address, StrCat("host:port or unix:/path; ", what));
  settings.Secret(password_name, password, "of that server; empty: it asks for none");
  if (address.empty()) {
    if (!password.empty()) settings.Refuse(password_name, StrCat("wants ", address_name, " too"));
    return;
  }
  absl::StatusOr<RedisAddress> parsed = ParseRedisAddress(address);
  if (!parsed.ok()) {
    settings.Refuse(address_name, FromAbsl(parsed.status().message()));
    return;
  }
  server = RedisServer{*std::move(parsed), std::move(password)};
}

}  // namespace scaleout
