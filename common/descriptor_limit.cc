#include "common/descriptor_limit.h"

#include <sys/resource.h>

#include <cstdlib>

namespace scaleout {

std::size_t RaiseDescriptorLimit() {
  rlimit limit{};
  // It fails only for a resource that does not exist.
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) std::abort();
  rlimit raised = limit;
  raised.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace scaleout
