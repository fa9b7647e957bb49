#include "gateway/http/request_id.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "common/request_id.h"

namespace scaleout::gateway {
namespace {

TEST(RequestIdGenerator, MakesIdsThatAreWellFormedAndDiffer) {
  RequestIdGenerator generator(1);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = generator.Next();
    EXPECT_EQ(id.size(), 32U);
    EXPECT_TRUE(IsWellFormedRequestId(id));
    EXPECT_TRUE(seen.insert(id).second);
  }
}

}  // namespace
}  // namespace scaleout::gateway
