#include "service/overloaded.h"

#include "common/status.h"
#include "common/str_cat.h"

namespace scaleout {

absl::Status Overloaded(std::string_view message, std::chrono::milliseconds retry_after) {
  return WithReason(absl::UnavailableError(ToAbsl(message)), kReasonOverloaded,
                    {{"retryAfterMs", StrCat(retry_after.count())}});
}

}  // namespace scaleout
