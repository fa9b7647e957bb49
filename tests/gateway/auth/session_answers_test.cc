#include "gateway/auth/session_answers.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

#include "tests/support/fake_clock.h"

namespace scaleout::gateway {
namespace {

using namespace std::chrono_literals;

constexpr Principal kCustomer{7, Role::kCustomer, false};

SessionQuestion Question(std::uint64_t session, const Principal& principal = kCustomer) {
  return {{.high = 0, .low = session}, principal};
}

class SessionAnswersTest : public ::testing::Test {
 protected:
  const MonotonicTime start_ = testing::FakeClock().Now();
  SessionAnswers answers_{2};
};

TEST_F(SessionAnswersTest, RemembersAnAnswerFromItsAskingOn) {
  answers_.Remember(Question(1), true, start_, start_ + 400ms);
  answers_.Remember(Question(2), false, start_, start_ + 400ms);
  EXPECT_EQ(answers_.Find(Question(1), start_ + 499ms), true);
  EXPECT_EQ(answers_.Find(Question(2), start_ + 499ms), false);
  EXPECT_FALSE(answers_.Find(Question(1), start_ + 500ms));
  EXPECT_FALSE(answers_.Find(Question(3), start_));
}

TEST_F(SessionAnswersTest, AnswerForAnotherUserOrRoleIsAnother) {
  answers_.Remember(Question(1), true, start_, start_);
  EXPECT_FALSE(answers_.Find(Question(1, {8, Role::kCustomer, false}), start_));
  EXPECT_FALSE(answers_.Find(Question(1, {7, Role::kAdmin, false}), start_));
}

TEST_F(SessionAnswersTest, DoesNotRememberAnAnswerThatCameTooLate) {
  answers_.Remember(Question(1), true, start_, start_ + 500ms);
  EXPECT_EQ(answers_.size(), 0U);
}

TEST_F(SessionAnswersTest, AnswerToTheLaterQuestionStays) {
  answers_.Remember(Question(1), false, start_ + 10ms, start_ + 20ms);
  answers_.Remember(Question(1), true, start_, start_ + 30ms);
  EXPECT_EQ(answers_.Find(Question(1), start_ + 40ms), false);
  answers_.Remember(Question(1), true, start_ + 30ms, start_ + 40ms);
  EXPECT_EQ(answers_.Find(Question(1), start_ + 520ms), true);
}

TEST_F(SessionAnswersTest, OldestAnswerGivesWay) {
  answers_.Remember(Question(1), true, start_, start_);
  answers_.Remember(Question(2), true, start_ + 1ms, start_ + 1ms);
  answers_.Remember(Question(3), true, start_ + 2ms, start_ + 2ms);
  EXPECT_EQ(answers_.size(), 2U);
  EXPECT_FALSE(answers_.Find(Question(1), start_ + 2ms));
  EXPECT_TRUE(answers_.Find(Question(2), start_ + 2ms));
  EXPECT_TRUE(answers_.Find(Question(3), start_ + 2ms));
}

TEST_F(SessionAnswersTest, AnswerThatWasRenewedDoesNotGiveWayForItsOldOne) {
  answers_.Remember(Question(1), true, start_, start_);
  for (int i = 1; i <= 3; ++i) {
    answers_.Remember(Question(1), true, start_ + i * 1ms, start_ + i * 1ms);
  }
  answers_.Remember(Question(2), true, start_ + 4ms, start_ + 4ms);
  EXPECT_EQ(answers_.Find(Question(1), start_ + 5ms), true);
  EXPECT_EQ(answers_.size(), 2U);
}

}  // namespace
}  // namespace scaleout::gateway
