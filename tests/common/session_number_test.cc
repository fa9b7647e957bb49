#include "common/session_number.h"

#include <gtest/gtest.h>

#include <string>

namespace scaleout {
namespace {

TEST(SessionNumber, IsTheNumberThatTheDigitsWrite) {
  const std::string id = "0123456789abcdef00000000000000ff";
  const auto session = FindSessionNumber(id);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->high, 0x0123456789abcdefU);
  EXPECT_EQ(session->low, 0xffU);
  EXPECT_EQ(SessionIdOf(*session), id);
}

TEST(SessionNumber, DifferentIdsAreDifferentNumbers) {
  const std::string id(32, '0');
  for (std::size_t i = 0; i < id.size(); ++i) {
    std::string other = id;
    other[i] = '8';
    EXPECT_NE(FindSessionNumber(other), FindSessionNumber(id)) << i;
    EXPECT_EQ(SessionIdOf(*FindSessionNumber(other)), other);
  }
}

TEST(SessionNumber, IsNothingForOtherForms) {
  for (const std::string& text :
       {std::string(), std::string(31, 'a'), std::string(33, 'a'), std::string(32, 'A'),
        std::string(31, 'a') + 'g', 'x' + std::string(31, 'a'), std::string(32, '\0'),
        std::string("00000000-0000-4000-8000-00000000")}) {
    EXPECT_FALSE(FindSessionNumber(text)) << text;
  }
}

}  // namespace
}  // namespace scaleout
