#include "gateway/auth/rate_limit_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <locale.h>
#include <wctype.h>

#include <random>
#include <set>
#include <string>

#include "common/utf8.h"
#include "tests/support/malformed_utf8.h"

namespace scaleout::gateway {
namespace {

using ::testing::MatchesRegex;

std::string Utf8(char32_t c) {
  std::string text;
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xc0 | c >> 6);
    text += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    text += static_cast<char>(0xe0 | c >> 12);
    text += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    text += static_cast<char>(0xf0 | c >> 18);
    text += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    text += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (c & 0x3f));
  }
  return text;
}

void ExpectOne(std::initializer_list<std::string_view> spellings) {
  for (const std::string_view spelling : spellings) {
    EXPECT_EQ(FoldAccount(spelling), FoldAccount(*spellings.begin())) << spelling;
  }
}

TEST(FoldAccount, TakesUpperAndLowerCaseForOneAccount) {
  ExpectOne({"ada@example.com", "ADA@EXAMPLE.COM", "Ada@Example.Com"});
  EXPECT_EQ(FoldAccount("ada@example.com"), "ada@example.com");
}

TEST(FoldAccount, TakesEveryIForOne) {
  ExpectOne({"i@x", "I@x", "\u0130@x", "\u0131@x", "i\u0307@x", "I\u0307@x"});
  ExpectOne({"i\u0323@x", "\u0130\u0323@x", "i\u0323\u0307@x", "i\u0307\u0323@x", "\u1ecb@x",
             "\u1eca\u0307@x"});
  // What a Lithuanian lower() makes of them.
  ExpectOne({"\u00cc@x", "\u00ec@x", "i\u0307\u0300@x"});
  ExpectOne({"J\u0303@x", "j\u0303@x", "j\u0307\u0303@x"});
}

TEST(FoldAccount, TakesLettersOfTwoKindsForOne) {
  ExpectOne({"k@x", "K@x", "\u212a@x"});            // the Kelvin sign
  ExpectOne({"\u00e5@x", "\u00c5@x", "\u212b@x"});  // the Angstrom sign
  ExpectOne({"\u03c3@x", "\u03a3@x", "\u03c2@x"});  // sigma, capital, and at the end of a word
  ExpectOne({"\u03c9@x", "\u03a9@x", "\u2126@x"});  // the Ohm sign
  ExpectOne({"\u00df@x", "\u1e9e@x", "ss@x"});      // sharp s
  ExpectOne({"\u01c6@x", "\u01c5@x", "\u01c4@x"});  // of three cases
  ExpectOne({"\U00010428@x", "\U00010400@x"});      // Deseret, beyond 16 bits
  ExpectOne({"\u10d0@x", "\u1c90@x"});              // Georgian
}

TEST(FoldAccount, TakesAccentsInBothForms) {
  ExpectOne({"jos\u00e9@x", "JOS\u00c9@x", "jose\u0301@x", "JOSE\u0301@x"});
  EXPECT_NE(FoldAccount("jos\u00e9@x"), FoldAccount("jose@x"));
}

TEST(FoldAccount, KeepsDifferentMailboxesApart) {
  const std::set<std::string> accounts = {
      FoldAccount("\u738b@x"), FoldAccount("\u674e@x"), FoldAccount("\u5f20@x"),
      FoldAccount("\uae40@x"), FoldAccount("\uc774@x"), FoldAccount("\u7530\u4e2d@x"),
      FoldAccount("a@x"),      FoldAccount("b@x"),      FoldAccount("a@y"),
      FoldAccount("\u03c3@x"), FoldAccount("s@x"),      FoldAccount("e\u0307@x"),
      FoldAccount("e@x"),      FoldAccount("j@x"),      FoldAccount("i@x"),
      FoldAccount("a.b@x"),    FoldAccount("ab@x"),     FoldAccount("a+b@x"),
      FoldAccount("")};
  EXPECT_EQ(accounts.size(), 19U);
}

// The capitals that Unicode 16 added, which a C library may know and an older utf8proc does not.
bool IsYoung(char32_t c) {
  return (c >= 0xa7cb && c <= 0xa7dd) || (c >= 0x10d40 && c <= 0x10d8f) || c > 0x10ffff;
}

// What the databases of this suite are made with (scripts/scaleout/native/postgres.py, the image).
TEST(FoldAccount, IsAsCoarseAsLowerInTheDatabasesLocale) {
  const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  ASSERT_NE(locale, nullptr) << "the C library has no C.UTF-8, without which no database starts";
  for (char32_t c = 1; c <= 0x10ffff; ++c) {
    if ((c >= 0xd800 && c <= 0xdfff) || IsYoung(c)) continue;
    const auto lower = static_cast<char32_t>(::towlower_l(static_cast<wint_t>(c), locale));
    if (lower == c) continue;
    ASSERT_EQ(FoldAccount(Utf8(c)), FoldAccount(Utf8(lower)))
        << std::hex << static_cast<unsigned>(c);
    // Marks that follow move, but in both spellings alike.
    ASSERT_EQ(FoldAccount(Utf8(c) + "\u0307\u0323"), FoldAccount(Utf8(lower) + "\u0307\u0323"));
  }
  ::freelocale(locale);
}

TEST(FoldAccount, IsDoneOnce) {
  for (char32_t c = 1; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    const std::string folded = FoldAccount(Utf8(c));
    ASSERT_TRUE(IsUtf8(folded)) << std::hex << static_cast<unsigned>(c);
    ASSERT_EQ(FoldAccount(folded), folded) << std::hex << static_cast<unsigned>(c);
  }
}

TEST(FoldAccount, LeavesMalformedTextAsItIs) {
  for (const auto& [what, bytes] : testing::kMalformedUtf8) {
    EXPECT_EQ(FoldAccount(bytes), bytes) << what;
    EXPECT_EQ(FoldAccount(std::string("A") + bytes), std::string("A") + bytes) << what;
  }
}

TEST(FoldAccount, SurvivesWhateverItIsGiven) {
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    FoldAccount(bytes);
    std::string text;
    for (std::size_t k = random() % 20; k > 0; --k) {
      const auto c = static_cast<char32_t>(random() % 0x110000);
      if (c < 0xd800 || c > 0xdfff) text += Utf8(c);
    }
    const std::string folded = FoldAccount(text);
    EXPECT_EQ(FoldAccount(folded), folded);
  }
  EXPECT_EQ(FoldAccount(std::string("a\0B", 3)), std::string("a\0b", 3));
  // The longest folding there is, of a text as long as a body may be.
  std::string longest;
  for (int i = 0; i < 20'000; ++i) longest += "\u0390";
  EXPECT_EQ(FoldAccount(longest).size(), 20'000U * 6);
}

TEST(RateLimitKey, ShowsItsPolicyAndNothingElse) {
  const std::string key = RateLimitKey("login-account", {"ada@example.com"});
  EXPECT_THAT(key, MatchesRegex("rate:login-account:[0-9a-f]+"));
  EXPECT_EQ(key.size(), std::string("rate:login-account:").size() + 32);
  EXPECT_EQ(key, RateLimitKey("login-account", {"ada@example.com"}));
  // printf '15:ada@example.com' | sha256sum
  EXPECT_EQ(key, "rate:login-account:ce9ea766e9dd4bb53d85eec2130f4ec5");
}

TEST(RateLimitKey, TellsPoliciesAndPartsApart) {
  const std::set<std::string> keys = {
      RateLimitKey("a", {"b", "c"}), RateLimitKey("a", {"bc"}),
      RateLimitKey("a", {"bc", ""}), RateLimitKey("a", {"", "bc"}),
      RateLimitKey("a", {"1:b1:c"}), RateLimitKey("d", {"b", "c"}),
      RateLimitKey("a", {"c", "b"}), RateLimitKey("a", {"b", "c", ""})};
  EXPECT_EQ(keys.size(), 8U);
}

}  // namespace
}  // namespace scaleout::gateway
