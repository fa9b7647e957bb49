#include "tests/load/answer_reader.h"

#include <gtest/gtest.h>

namespace scaleout::load {
namespace {

using State = AnswerReader::State;

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCONTENT-LENGTH:  5\r\n\r\nhello";

TEST(AnswerReader, ReadsAnAnswerWithItsBody) {
  AnswerReader reader;
  EXPECT_EQ(reader.Take(kAnswer), State::kComplete);
  EXPECT_EQ(reader.status(), 200);
  EXPECT_FALSE(reader.closes());
}

TEST(AnswerReader, ReadsAnswersThatArriveByteByByte) {
  AnswerReader reader;
  for (int answer = 0; answer < 2; ++answer) {
    for (std::size_t i = 0; i + 1 < kAnswer.size(); ++i) {
      ASSERT_EQ(reader.Take(kAnswer.substr(i, 1)), State::kIncomplete) << i;
    }
    EXPECT_EQ(reader.Take(kAnswer.substr(kAnswer.size() - 1)), State::kComplete);
  }
}

TEST(AnswerReader, KnowsStatusAndCloseOfAnAnswerWithoutABody) {
  AnswerReader reader;
  EXPECT_EQ(reader.Take("HTTP/1.1 503 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            State::kComplete);
  EXPECT_EQ(reader.status(), 503);
  EXPECT_TRUE(reader.closes());
  EXPECT_EQ(reader.Take("HTTP/1.1 204 No Content\r\n\r\n"), State::kComplete);
  EXPECT_EQ(reader.status(), 204);
  EXPECT_FALSE(reader.closes());
}

TEST(AnswerReader, CallsBrokenWhatItCannotFrame) {
  EXPECT_EQ(AnswerReader().Take("SSH-2.0-x\r\n\r\n"), State::kBroken);
  EXPECT_EQ(AnswerReader().Take("HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n"), State::kBroken);
  EXPECT_EQ(AnswerReader().Take("HTTP/1.1 200 OK\r\n\r\n"), State::kBroken);
  EXPECT_EQ(AnswerReader().Take("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n"), State::kBroken);
  EXPECT_EQ(AnswerReader().Take(std::string(kAnswer) + "more"), State::kBroken);
  EXPECT_EQ(AnswerReader().Take(std::string(17 * 1024, 'x')), State::kBroken);
}

}  // namespace
}  // namespace scaleout::load
