#include "gateway/http/request_id.h"

#include <gtest/gtest.h>

#include <set>

namespace scaleout::gateway {
namespace {

TEST(RequestId, TakesWhatIsSafeInAHeaderAndALogLine) {
  EXPECT_TRUE(IsWellFormedRequestId("a-Z_0.9"));
  EXPECT_TRUE(IsWellFormedRequestId(std::string(kMaxRequestIdLength, 'a')));
  for (const std::string& bad :
       {std::string(), std::string(kMaxRequestIdLength + 1, 'a'), std::string("a b"),
        std::string("a\"b"), std::string("a\nb"), std::string("\xC3\xA4")}) {
    EXPECT_FALSE(IsWellFormedRequestId(bad)) << bad;
  }
}

TEST(RequestId, MadeOnesAreWellFormedAndDiffer) {
  RequestIdGenerator generator(1);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = generator.Next();
    EXPECT_EQ(id.size(), 32U);
    EXPECT_TRUE(IsWellFormedRequestId(id));
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(Traceparent, IsCheckedToTheLetter) {
  EXPECT_TRUE(IsWellFormedTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
  EXPECT_FALSE(IsWellFormedTraceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
  EXPECT_FALSE(IsWellFormedTraceparent("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
  EXPECT_FALSE(IsWellFormedTraceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
  EXPECT_FALSE(IsWellFormedTraceparent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"));
  EXPECT_FALSE(IsWellFormedTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"));
  EXPECT_FALSE(IsWellFormedTraceparent(""));
}

}  // namespace
}  // namespace scaleout::gateway
