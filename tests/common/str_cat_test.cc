#include "common/str_cat.h"

#include <gtest/gtest.h>

namespace scaleout {
namespace {

TEST(StrCat, JoinsViewsStringsLiteralsAndNumbers) {
  const std::string_view view = "view";
  const std::string text = "text";
  EXPECT_EQ(StrCat(view, " ", text, " ", 42, " ", 0.5), "view text 42 0.5");
}

TEST(StrCat, OfNothingIsEmpty) { EXPECT_EQ(StrCat(), ""); }

TEST(StrAppend, AddsToWhatIsThere) {
  std::string text = "a";
  StrAppend(&text, std::string_view("b"), 3);
  EXPECT_EQ(text, "ab3");
}

TEST(ToAbsl, KeepsBytesThatATerminatorWouldCut) {
  const std::string_view text("a\0b", 3);
  EXPECT_EQ(FromAbsl(ToAbsl(text)), text);
  EXPECT_EQ(StrCat(text).size(), 3u);
}

}  // namespace
}  // namespace scaleout
