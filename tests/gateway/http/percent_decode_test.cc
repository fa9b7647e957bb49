#include "gateway/http/percent_decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;
using ::testing::Pair;

TEST(PercentDecode, DecodesEscapes) {
  EXPECT_THAT(PercentDecode("a%2Fb%c3%A4"), Optional(std::string("a/b\xC3\xA4")));
  EXPECT_THAT(PercentDecode(""), Optional(std::string()));
  EXPECT_THAT(PercentDecode("a+b"), Optional(std::string("a+b")));
}

TEST(PercentDecode, RefusesWhatIsMalformed) {
  for (const char* bad :
       {"%", "%4", "%4g", "%g4", "%00", "%0a", "%7f", "%C3", "%C3%28", "%ED%A0%80", "%C0%80",
        "%E0%80%80", "%F5%80%80%80", "%F4%90%80%80", "%80"}) {
    EXPECT_EQ(PercentDecode(bad), std::nullopt) << bad;
  }
}

TEST(PercentDecode, ReadsNothingBehindTheEnd) {
  const std::string_view longer = "%41";
  EXPECT_EQ(PercentDecode(longer.substr(0, 2)), std::nullopt);
  EXPECT_EQ(PercentDecode(longer.substr(0, 1)), std::nullopt);
}

TEST(ParseQuery, GivesPairsInOrder) {
  EXPECT_THAT(ParseQuery("b=1&a=&c&d=x%3Dy&&e=1+2"),
              Optional(ElementsAre(Pair("b", "1"), Pair("a", ""), Pair("c", ""), Pair("d", "x=y"),
                                   Pair("e", "1 2"))));
}

TEST(ParseQuery, RefusesAMalformedPair) {
  EXPECT_EQ(ParseQuery("a=%zz"), std::nullopt);
  EXPECT_EQ(ParseQuery("%zz=a"), std::nullopt);
}

}  // namespace
}  // namespace scaleout::gateway
