// Every class of bytes that are not UTF-8 (RFC 3629, section 3), for tests of what refuses them.
#ifndef SCALEOUT_TESTS_SUPPORT_MALFORMED_UTF8_H_
#define SCALEOUT_TESTS_SUPPORT_MALFORMED_UTF8_H_

namespace scaleout::testing {

struct MalformedUtf8 {
  const char* what;
  const char* bytes;
};

inline constexpr MalformedUtf8 kMalformedUtf8[] = {
    {"a continuation byte alone", "\x80"},
    {"two of them", "\xbf\x80"},
    {"a lead byte of two alone", "\xc3"},
    {"a lead byte before ASCII", "\xc3 "},
    {"a sequence of three cut off", "\xe2\x82"},
    {"a sequence of four cut off", "\xf0\x9f\x98"},
    {"an overlong slash in two bytes", "\xc0\xaf"},
    {"the highest overlong form in two bytes", "\xc1\xbf"},
    {"an overlong form in three bytes", "\xe0\x9f\xbf"},
    {"an overlong form in four bytes", "\xf0\x8f\xbf\xbf"},
    {"a high surrogate", "\xed\xa0\x80"},
    {"a low surrogate", "\xed\xbf\xbf"},
    {"a surrogate pair", "\xed\xa0\x80\xed\xb0\x80"},
    {"U+110000", "\xf4\x90\x80\x80"},
    {"a lead byte beyond U+10FFFF", "\xf5\x80\x80\x80"},
    {"a form of five bytes", "\xf8\x88\x80\x80\x80"},
    {"a byte that is in no UTF-8", "\xfe"},
    {"another one", "\xff"},
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_MALFORMED_UTF8_H_
