#include "common/request_id.h"

#include <gtest/gtest.h>

#include <string>

namespace scaleout {
namespace {

TEST(RequestId, TakesWhatIsSafeInAHeaderAndALogLine) {
  EXPECT_TRUE(IsWellFormedRequestId("a-Z_0.9"));
  EXPECT_TRUE(IsWellFormedRequestId(std::string(kMaxRequestIdLength, 'a')));
  for (const std::string& bad :
       {std::string(), std::string(kMaxRequestIdLength + 1, 'a'), std::string("a b"),
        std::string("a\"b"), std::string("a\nb"), std::string("a:b"), std::string("\xC3\xA4")}) {
    EXPECT_FALSE(IsWellFormedRequestId(bad)) << bad;
  }
}

TEST(RequestId, FindsTheTraceIdOfATraceparent) {
  EXPECT_EQ(TraceIdOf("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            "0af7651916cd43dd8448eb211c80319c");
  for (const char* bad : {"", "00", "00-0af7651916cd43dd8448eb211c80319c",
                          "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                          "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333X-01",
                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0X",
                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
                          "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                          "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"}) {
    EXPECT_EQ(TraceIdOf(bad), "") << bad;
  }
}

}  // namespace
}  // namespace scaleout
