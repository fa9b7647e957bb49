#include "common/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/malformed_utf8.h"

namespace scaleout {
namespace {

// The first and the last character of each length, and those around the surrogates.
constexpr const char* kCharacters[] = {
    "\x01",         "\x7f",         "\xc2\x80",     "\xdf\xbf",         "\xe0\xa0\x80",
    "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};

TEST(Utf8, TakesEveryLengthAtItsBounds) {
  for (const std::string character : kCharacters) {
    EXPECT_EQ(Utf8CharacterSize(character + "x"), character.size()) << character;
    EXPECT_TRUE(IsUtf8(character));
    EXPECT_EQ(ToUtf8(character), character);
  }
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8(std::string("a\0b", 3)));
  EXPECT_EQ(Utf8CharacterSize(""), 0U);
}

TEST(Utf8, RefusesEveryMalformedClass) {
  for (const auto& [what, bytes] : testing::kMalformedUtf8) {
    EXPECT_EQ(Utf8CharacterSize(bytes), 0U) << what;
    EXPECT_FALSE(IsUtf8(bytes)) << what;
    EXPECT_FALSE(IsUtf8(std::string("ok ") + bytes)) << what;
    EXPECT_FALSE(IsUtf8(std::string(bytes) + " ok")) << what;
  }
}

TEST(Utf8, ReplacesEachByteThatBelongsToNoCharacter) {
  EXPECT_EQ(ToUtf8("a\xff"
                   "b\xed\xb0\x80"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  for (const auto& [what, bytes] : testing::kMalformedUtf8)
    EXPECT_TRUE(IsUtf8(ToUtf8(bytes))) << what;
}

}  // namespace
}  // namespace scaleout
