#include "service/service_calls.h"

#include <gtest/gtest.h>

#include <string>

namespace scaleout {
namespace {

TEST(ServiceCalls, ReadTheTraceIdOfATraceparent) {
  EXPECT_EQ(TraceIdOf("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            "0af7651916cd43dd8448eb211c80319c");
  for (const char* header : {"", "00", "00-0af7651916cd43dd8448eb211c80319c",
                             "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                             "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                             "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01"}) {
    EXPECT_EQ(TraceIdOf(header), "") << header;
  }
}

TEST(ServiceCalls, TakeOnlyRequestIdsThatAreFitForALog) {
  EXPECT_EQ(RequestIdOf("req-1_a.b:C"), "req-1_a.b:C");
  EXPECT_EQ(RequestIdOf(std::string(128, 'a')), std::string(128, 'a'));
  EXPECT_EQ(RequestIdOf(std::string(129, 'a')), "");
  for (const char* id : {"", "a b", "a\nb", "a\"b", "é"}) EXPECT_EQ(RequestIdOf(id), "") << id;
}

}  // namespace
}  // namespace scaleout
