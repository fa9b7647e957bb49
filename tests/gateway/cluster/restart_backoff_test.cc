#include "gateway/cluster/restart_backoff.h"

#include <gtest/gtest.h>

namespace scaleout::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RestartBackoff, DoublesOverShortLivesUpToItsMaximum) {
  RestartBackoff backoff({milliseconds(100), milliseconds(500), seconds(10)});
  for (const int wait_ms : {100, 200, 400, 500, 500}) {
    EXPECT_EQ(backoff.OnDeath(seconds(1)), Duration(milliseconds(wait_ms)));
  }
}

TEST(RestartBackoff, ForgetsAfterALongLife) {
  RestartBackoff backoff({milliseconds(100), milliseconds(500), seconds(10)});
  backoff.OnDeath(seconds(1));
  backoff.OnDeath(seconds(1));
  EXPECT_EQ(backoff.OnDeath(seconds(10)), Duration(milliseconds(100)));
  EXPECT_EQ(backoff.OnDeath(seconds(9)), Duration(milliseconds(200)));
}

}  // namespace
}  // namespace scaleout::gateway
