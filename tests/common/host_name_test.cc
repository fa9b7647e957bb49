#include "common/host_name.h"

#include <gtest/gtest.h>
#include <sys/utsname.h>

namespace scaleout {
namespace {

TEST(HostName, IsTheNodeNameOfTheSystem) {
  utsname system{};
  ASSERT_EQ(::uname(&system), 0);
  EXPECT_EQ(HostName(), system.nodename);
}

}  // namespace
}  // namespace scaleout
