#include "gateway/http/request_id.h"

#include "absl/strings/str_cat.h"

namespace scaleout::gateway {

std::string RequestIdGenerator::Next() {
  return absl::StrCat(absl::Hex(random_(), absl::kZeroPad16),
                      absl::Hex(random_(), absl::kZeroPad16));
}

}  // namespace scaleout::gateway
