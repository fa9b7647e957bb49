// How many descriptors this process may have open (RLIMIT_NOFILE).
//
// The soft limit is 1,024 nearly everywhere, for the sake of programs that use select(); the hard
// limit is what the administrator meant. A program that holds many connections raises the one to
// the other at its start. Child processes inherit it.
#ifndef SCALEOUT_COMMON_DESCRIPTOR_LIMIT_H_
#define SCALEOUT_COMMON_DESCRIPTOR_LIMIT_H_

#include <cstddef>

namespace scaleout {

// Raises the soft limit to the hard one. The soft limit as it is then: unchanged if the kernel
// refuses.
std::size_t RaiseDescriptorLimit();

}  // namespace scaleout

#endif  // SCALEOUT_COMMON_DESCRIPTOR_LIMIT_H_
