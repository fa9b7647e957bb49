// While it lives, the process may take so many more bytes of address space, and no more: a large
// allocation fails, and the test goes on with small ones. Used by one thread.
#ifndef SCALEOUT_TESTS_SUPPORT_ADDRESS_SPACE_LIMIT_H_
#define SCALEOUT_TESTS_SUPPORT_ADDRESS_SPACE_LIMIT_H_

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>

namespace scaleout::testing {

class AddressSpaceLimit {
 public:
  explicit AddressSpaceLimit(std::size_t more) {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    EXPECT_EQ(getrlimit(RLIMIT_AS, &before_), 0);
    rlimit now = before_;
    now.rlim_cur = pages * static_cast<std::size_t>(getpagesize()) + more;
    EXPECT_EQ(setrlimit(RLIMIT_AS, &now), 0);
  }
  ~AddressSpaceLimit() { setrlimit(RLIMIT_AS, &before_); }
  AddressSpaceLimit(const AddressSpaceLimit&) = delete;
  AddressSpaceLimit& operator=(const AddressSpaceLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_ADDRESS_SPACE_LIMIT_H_
