#include "gateway/auth/base64url.h"

#include <gtest/gtest.h>

#include <string>

namespace scaleout::gateway {
namespace {

TEST(Base64Url, WritesTheUrlAlphabetWithoutPadding) {
  EXPECT_EQ(EncodeBase64Url(""), "");
  EXPECT_EQ(EncodeBase64Url("f"), "Zg");
  EXPECT_EQ(EncodeBase64Url("fo"), "Zm8");
  EXPECT_EQ(EncodeBase64Url("foo"), "Zm9v");
  EXPECT_EQ(EncodeBase64Url("\xfb\xff"), "-_8");
}

TEST(Base64Url, ReadsWhatItWrites) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(DecodeBase64Url(EncodeBase64Url(bytes)), bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
}

TEST(Base64Url, RefusesEveryOtherWayToWriteTheSameBytes) {
  ASSERT_EQ(DecodeBase64Url("-_8"), "\xfb\xff");
  for (const char* text : {"-_8=", "+/8", "-_ 8", "-_8\n", "-_9", "-", "-_8.", "\xc3\xa4"}) {
    EXPECT_EQ(DecodeBase64Url(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace scaleout::gateway
