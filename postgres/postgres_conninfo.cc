#include "postgres/postgres_conninfo.h"

#include <libpq-fe.h>

#include <memory>
#include <string_view>

#include "common/str_cat.h"

namespace scaleout {

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseConninfo(
    const std::string& conninfo) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(conninfo.c_str(), nullptr), &PQconninfoFree);
  if (options == nullptr) {
    return absl::InvalidArgumentError(
        "is neither \"keyword=value ...\" with libpq's keywords nor a postgresql:// URI");
  }
  std::vector<std::pair<std::string, std::string>> values;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    // How libpq marks what must not be shown.
    if (std::string_view(option->dispchar) == "*") {
      return absl::InvalidArgumentError(StrCat("holds a value for ", option->keyword));
    }
    values.emplace_back(option->keyword, option->val);
  }
  return values;
}

}  // namespace scaleout
